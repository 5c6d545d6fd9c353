import { describe, expect, it } from "vitest";

import type { DiskPromises } from "./disk-promises.ts";
import { DurableReplica } from "./disk-promises.ts";
import { MessagePromises } from "./message-promises.ts";

type Said = Parameters<MessagePromises["said"]>[2];

/** What is said of messages of replica 11, whose disk holds term 4 with a vote for 12 and two entries. */
function check(...said: readonly Partial<Said>[]) {
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
  const behind = new DurableReplica(12);
  behind.take({ group: {} as never, entries: [{ ...entry, index: 1 }] });
  const disks = { replica: () => replica, replicaById: () => behind } as unknown as DiskPromises;
  const messages = new MessagePromises(disks, (sentence) => void broken.push(sentence));
  for (const message of said) {
    messages.said(1, 7, { type: "MsgAppResp", from: 11, to: 12, term: 4, ...message } as Said);
  }
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

  it("is one vote per term (O17)", () => {
    const vote = { type: "MsgVoteResp", reject: false } as const;
    expect(check(vote, vote)).toEqual([]);
    expect(check(vote, { ...vote, to: 13 })).toEqual(["O17", "O8"]);
  });

  it("is no vote for a log that lacks something (O18)", () => {
    const vote = { type: "MsgVoteResp", reject: false, term: 5 } as const;
    const ask = { type: "MsgVote", from: 12, to: 11, term: 5 } as const;
    expect(check({ ...ask, logTerm: 4, index: 2 }, vote)).toEqual(["O8"]);
    expect(check({ ...ask, logTerm: 4, index: 1 }, vote)).toEqual(["O18", "O8"]);
    expect(check({ ...ask, logTerm: 3, index: 9 }, vote)).toEqual(["O18", "O8"]);
  });

  it("tells nobody to commit what it does not hold (O32)", () => {
    expect(check({ type: "MsgHeartbeat", commit: 1 })).toEqual([]);
    expect(check({ type: "MsgHeartbeat", commit: 2 })).toEqual(["O32"]);
  });
});
