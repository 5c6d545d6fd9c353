/**
 * Who votes for whom, in every role, with and without pre-vote.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { TestNode, type TestSettings, type TestStart } from "./testing/test-cluster.ts";
import type { Message, StateType } from "./types.ts";

const STATES: readonly StateType[] = [
  "StateFollower",
  "StatePreCandidate",
  "StateCandidate",
  "StateLeader",
];

const answers = (messages: readonly Message[]): string[] =>
  messages.map((m) => `${m.type}>${m.to} t${m.term} ${m.reject ? "no" : "yes"}`);

/** Node 1 brought into `state` by what brings a node there. */
function nodeIn(state: StateType, start: TestStart): TestNode {
  const settings: TestSettings = { preVote: state === "StatePreCandidate" };
  if (state === "StateLeader") return TestNode.elected(start);
  const one = new TestNode(1, start, settings);
  if (state !== "StateFollower") {
    one.node.campaign();
    one.drain();
  }
  expect(one.node.state).toBe(state);
  return one;
}

describe("a request from a node with a newer term and a longer log", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestVoteFromAnyState.
  it.each(STATES)("for a vote is granted by a node in %s, which becomes a follower", (state) => {
    const one = nodeIn(state, { hardState: { term: 1 } });
    if (state === "StateFollower") one.hear("MsgHeartbeat", 3);
    const term = one.node.term + 1;
    const got = one.hear("MsgVote", 2, { term, logTerm: term, index: 42 });
    expect([answers(got), one.node.state, one.node.lead, one.storage.hardState]).toEqual([
      [`MsgVoteResp>2 t${term} yes`],
      "StateFollower",
      0,
      { term, vote: 2, commit: 0 },
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPreVoteFromAnyState.
  it.each(STATES)(
    "for a pre-vote is granted by a node in %s, in which nothing changes",
    (state) => {
      const one = nodeIn(state, { hardState: { term: 1 } });
      if (state === "StateFollower") one.hear("MsgHeartbeat", 3);
      const before = one.node.basicStatus();
      const term = before.term + 1;
      const got = one.hear("MsgPreVote", 2, { term, logTerm: term, index: 42 });
      expect([answers(got), one.node.basicStatus()]).toEqual([
        [`MsgPreVoteResp>2 t${term} yes`],
        before,
      ]);
    },
  );
});

/** What a log that ends in (2, 2) answers to one that ends in `last` [index, term]. */
const REQUESTS: readonly { last: [number, number]; vote: number; granted: boolean }[] = [
  { last: [0, 0], vote: 0, granted: false },
  { last: [0, 1], vote: 0, granted: false },
  { last: [0, 2], vote: 0, granted: false },
  { last: [0, 3], vote: 0, granted: true },
  { last: [1, 0], vote: 0, granted: false },
  { last: [1, 1], vote: 0, granted: false },
  { last: [1, 2], vote: 0, granted: false },
  { last: [1, 3], vote: 0, granted: true },
  { last: [2, 0], vote: 0, granted: false },
  { last: [2, 1], vote: 0, granted: false },
  { last: [2, 2], vote: 0, granted: true },
  { last: [2, 3], vote: 0, granted: true },
  { last: [3, 0], vote: 0, granted: false },
  { last: [3, 1], vote: 0, granted: false },
  { last: [3, 2], vote: 0, granted: true },
  { last: [3, 3], vote: 0, granted: true },
  { last: [3, 2], vote: 2, granted: true }, // again: the first answer may have been lost
  { last: [3, 2], vote: 1, granted: false },
];

describe.each([
  // Source: etcd-raft v3.7 raft_test.go, TestRecvMsgVote.
  { request: "MsgVote", response: "MsgVoteResp" },
  // Source: etcd-raft v3.7 raft_test.go, TestRecvMsgPreVote.
  { request: "MsgPreVote", response: "MsgPreVoteResp" },
] as const)("$request in the node's own term", ({ request, response }) => {
  it.each(REQUESTS)(
    "with a log that ends in $last, to one that ends in 2,2 and voted for $vote: granted $granted",
    ({ last: [index, logTerm], vote, granted }) => {
      const term = Math.max(2, logTerm);
      const one = new TestNode(1, { terms: [2, 2], hardState: { term, vote } });
      expect(answers(one.hear(request, 2, { index, logTerm }))).toEqual([
        `${response}>2 t${term} ${granted ? "yes" : "no"}`,
      ]);
    },
  );

  it.each(["StateLeader", "StatePreCandidate", "StateCandidate"] as const)(
    "is refused by a node in %s that voted for itself, whatever the log",
    (state) => {
      // A pre-candidate has voted for itself if it lost an election in this term before.
      const start = state === "StatePreCandidate" ? { term: 3, vote: 1 } : { term: 2 };
      const one = nodeIn(state, { terms: [2, 2], hardState: start });
      expect(answers(one.hear(request, 2, { index: 9, logTerm: 3 }))).toEqual([
        `${response}>2 t3 no`,
      ]);
    },
  );
});
