/**
 * What must be on disk before a promise counts: the term and the vote, not only entries.
 *
 * Source: Ongaro thesis, figure 3.1 ("persistent state"), 3.8; etcd-raft v3.7 `MustSync`.
 */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { mustSync } from "./ready.ts";
import { TestNode } from "./testing/test-cluster.ts";

const voteRequest = (from: number, term: number) =>
  makeMessage({ type: "MsgVote", from, to: 1, term });

describe("a vote", () => {
  it("is in the hard state of the Ready that sends it, and must be synced though nothing else is new", () => {
    const { node } = new TestNode(1, { hardState: { term: 3 } });
    node.step(voteRequest(2, 3));
    const { hardState, entries, messages, mustSync: syncs } = node.ready();
    expect({ hardState, entries, syncs, granted: messages.map((m) => !m.reject) }).toEqual({
      hardState: { term: 3, vote: 2, commit: 0 },
      entries: [],
      syncs: true,
      granted: [true],
    });
  });

  it("is part of the write that releases it, in the asynchronous form", () => {
    const { node } = new TestNode(1, { hardState: { term: 3 } }, { asyncStorageWrites: true });
    node.step(voteRequest(2, 3));
    const { messages } = node.ready();
    expect(
      messages.map(({ type, term, vote, responses }) => ({
        type,
        term,
        vote,
        responses: responses.map((m) => `${m.type} to ${m.to}`),
      })),
    ).toEqual([{ type: "MsgStorageAppend", term: 3, vote: 2, responses: ["MsgVoteResp to 2"] }]);
  });

  it("is kept over a restart, so that another candidate of the term gets none", () => {
    const before = new TestNode(1);
    before.step(voteRequest(2, 1));
    const after = new TestNode(1, { storage: before.storage });
    const answers = [voteRequest(3, 1), voteRequest(2, 1)].flatMap((m) => after.step(m));
    expect(answers.map((m) => [m.to, m.reject])).toEqual([
      [3, true],
      [2, false],
    ]);
  });
});

describe("a write", () => {
  const hard = { term: 2, vote: 1, commit: 5 };

  it.each([
    { what: "a term", next: { ...hard, term: 3 }, entries: 0, syncs: true },
    { what: "a vote", next: { ...hard, vote: 2 }, entries: 0, syncs: true },
    { what: "entries", next: hard, entries: 1, syncs: true },
    {
      what: "a commit index alone, which is found again",
      next: { ...hard, commit: 6 },
      entries: 0,
      syncs: false,
    },
    { what: "nothing new", next: hard, entries: 0, syncs: false },
  ])("of $what must be durable: $syncs", ({ next, entries, syncs }) => {
    expect(mustSync(next, hard, entries)).toBe(syncs);
  });
});
