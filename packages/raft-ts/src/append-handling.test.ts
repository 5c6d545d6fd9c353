/**
 * What a follower does with a leader's append or heartbeat, and how differing logs meet.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { entryOf, TestNode } from "./testing/test-cluster.ts";
import type { Message } from "./types.ts";

/** An append of term 2 to a log of terms 1, 2; entries are [term, index]. */
interface Append {
  readonly prev: readonly [logTerm: number, index: number];
  readonly commit: number;
  readonly entries: readonly (readonly [term: number, index: number])[];
  readonly last: number;
  readonly committed: number;
  readonly reject: boolean;
}

describe("an append", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestHandleMsgApp.
  it.each<Append>([
    // What precedes it must be there, in the same term.
    { prev: [3, 2], commit: 3, entries: [], last: 2, committed: 0, reject: true },
    { prev: [3, 3], commit: 3, entries: [], last: 2, committed: 0, reject: true },
    // Entries that differ go, with all that follow; those that are there stay.
    { prev: [1, 1], commit: 1, entries: [], last: 2, committed: 1, reject: false },
    { prev: [0, 0], commit: 1, entries: [[2, 1]], last: 1, committed: 1, reject: false },
    {
      prev: [2, 2],
      commit: 3,
      entries: [
        [2, 3],
        [2, 4],
      ],
      last: 4,
      committed: 3,
      reject: false,
    },
    { prev: [2, 2], commit: 4, entries: [[2, 3]], last: 3, committed: 3, reject: false },
    { prev: [1, 1], commit: 4, entries: [[2, 2]], last: 2, committed: 2, reject: false },
    // The commit goes no further than what is now known to match.
    { prev: [1, 1], commit: 3, entries: [], last: 2, committed: 1, reject: false },
    { prev: [1, 1], commit: 3, entries: [[2, 2]], last: 2, committed: 2, reject: false },
    { prev: [2, 2], commit: 3, entries: [], last: 2, committed: 2, reject: false },
    { prev: [2, 2], commit: 4, entries: [], last: 2, committed: 2, reject: false },
  ])(
    "after $prev of $entries with commit $commit ends in last $last, committed $committed",
    (row) => {
      const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } });
      const [logTerm, index] = row.prev;
      const entries = row.entries.map(([term, at]) => entryOf(term, at));
      const answers = one.hear("MsgApp", 2, { logTerm, index, commit: row.commit, entries });
      expect([
        one.node.lastIndex,
        one.node.commitIndex,
        answers.map((m) => [m.type, m.to, m.reject]),
      ]).toEqual([row.last, row.committed, [["MsgAppResp", 2, row.reject]]]);
    },
  );
});

describe("a heartbeat", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestHandleHeartbeat.
  it.each([
    { commit: 3, committed: 3 },
    { commit: 1, committed: 2 },
  ])("with commit $commit moves a commit of 2 to $committed, never back", (row) => {
    const one = new TestNode(1, { terms: [1, 2, 3], hardState: { term: 3, commit: 2 } });
    const answers = one.hear("MsgHeartbeat", 2, { commit: row.commit });
    expect([one.node.commitIndex, answers.map((m) => [m.type, m.to])]).toEqual([
      row.committed,
      [["MsgHeartbeatResp", 2]],
    ]);
  });
});

/** Terms of two logs, what the follower's refusal says, and what the leader tries next. */
interface Repair {
  readonly leader: readonly number[];
  readonly follower: readonly number[];
  readonly compacted?: number;
  readonly hint: readonly [term: number, index: number];
  readonly next: readonly [term: number, index: number];
}

describe("logs that differ", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestFastLogRejection.
  it.each<Repair>([
    // The leader skips its own terms that the follower cannot have.
    {
      leader: [1, 2, 2, 4, 4, 4, 4],
      follower: [1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3],
      hint: [3, 7],
      next: [2, 3],
    },
    {
      leader: [1, 2, 2, 3, 4, 4, 4, 5],
      follower: [1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3],
      hint: [3, 8],
      next: [3, 4],
    },
    // The follower skips its own terms that the leader cannot have, whichever log is longer.
    { leader: [1, 1, 1, 1], follower: [1, 2, 2, 4], hint: [1, 1], next: [1, 1] },
    { leader: [1, 1, 1, 1, 1, 1], follower: [1, 2, 2, 4], hint: [1, 1], next: [1, 1] },
    { leader: [1, 1, 1, 1], follower: [1, 2, 2, 4, 4, 4], hint: [1, 1], next: [1, 1] },
    // One log continues the other.
    { leader: [1, 1, 1, 4, 5], follower: [1, 1, 1, 4], hint: [4, 4], next: [4, 4] },
    // Long runs of one term on either side.
    {
      leader: [2, 5, 5, 5, 5, 5, 5, 5, 5],
      follower: [2, 4, 4, 4, 4, 4],
      hint: [4, 6],
      next: [2, 1],
    },
    { leader: [2, 2, 2, 2, 2], follower: [2, 4, 4, 4, 4, 4, 4, 4], hint: [2, 1], next: [2, 1] },
    // A late append below what the follower has compacted: its term is not known any more.
    { leader: [1, 1, 3], follower: [1, 1, 3, 3, 3], compacted: 5, hint: [0, 3], next: [1, 2] },
  ])("$leader and $follower meet by the hint $hint at $next", (row) => {
    const last = row.leader.at(-1) ?? 0;
    const commit = row.leader.length;
    const leader = new TestNode(1, { terms: row.leader, hardState: { term: last - 1, commit } });
    const hardState = { term: last, vote: 1 };
    const follower = new TestNode(2, { terms: row.follower, hardState });
    // No node compacts what it has not committed; the answer must be right all the same.
    if (row.compacted !== undefined) follower.storage.compact(row.compacted);
    const [probe] = to2(leader.win());
    const [refusal] = probe === undefined ? [] : follower.step(probe);
    const [retry] = refusal === undefined ? [] : to2(leader.step(refusal));
    expect([probe?.index, refusal?.reject, refusal?.index]).toEqual([commit, true, commit]);
    expect([refusal?.logTerm, refusal?.rejectHint]).toEqual(row.hint);
    expect([retry?.type, retry?.logTerm, retry?.index]).toEqual(["MsgApp", ...row.next]);
  });
});

function to2(messages: readonly Message[]): Message[] {
  return messages.filter(({ to }) => to === 2);
}
