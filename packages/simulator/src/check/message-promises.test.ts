import { describe, expect, it } from "vitest";

import type { DiskPromises } from "./disk-promises.ts";
import { DurableReplica } from "./disk-promises.ts";
import { MessagePromises } from "./message-promises.ts";

type Said = Parameters<MessagePromises["said"]>[2];

/** What is said of a message of replica 11, whose disk holds term 4 with a vote for 12 and two entries. */
function check(message: Partial<Said>) {
  const replica = new DurableReplica(11);
  const entry = { term: 4, type: "EntryNormal", data: new Uint8Array(1) } as const;
  replica.take({
    group: {} as never,
    hardState: { term: 4, vote: 12, commit: 0 },
    entries: [
      { ...entry, index: 1 },
      { ...entry, index: 2 },
    ],
  });
  const broken: string[] = [];
  const disks = { replica: () => replica } as unknown as DiskPromises;
  const messages = new MessagePromises(disks, (sentence) => void broken.push(sentence));
  messages.said(1, 7, { type: "MsgAppResp", from: 11, to: 12, term: 4, ...message } as Said);
  return broken.map((sentence) => sentence.slice(0, sentence.indexOf(":")));
}

describe("what a node says to its peers", () => {
  it("is right when it is durable", () => {
    expect(check({ type: "MsgVoteResp", reject: false })).toEqual([]);
    expect(check({ index: 2, reject: false })).toEqual([]);
    expect(check({ type: "MsgApp" })).toEqual([]);
  });

  it("is too early when the vote is another one, or of another term (O8)", () => {
    expect(check({ type: "MsgVoteResp", reject: false, to: 13 })).toEqual(["O8"]);
    expect(check({ type: "MsgVoteResp", reject: false, term: 5 })).toEqual(["O8"]);
    expect(check({ type: "MsgVoteResp", reject: true, term: 5 })).toEqual([]);
  });

  it("is too early when the entry is not there (O9)", () => {
    expect(check({ index: 3, reject: false })).toEqual(["O9"]);
  });

  it("is too early when a leader or candidate has not written its term (O10)", () => {
    expect(check({ type: "MsgVote", term: 5 })).toEqual(["O10"]);
    expect(check({ type: "MsgHeartbeat", term: 5 })).toEqual(["O10"]);
  });

  it("does not matter when it is of an older term", () => {
    expect(check({ type: "MsgVoteResp", reject: false, term: 3, to: 13 })).toEqual([]);
  });
});
