/**
 * The random cluster proves as much as its observers see: each of them is shown what it must not
 * let pass. (The mutants of this package show the same with a broken core.)
 */
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "../memory-storage.ts";
import { makeMessage } from "../message.ts";
import type { ConfState, Message } from "../types.ts";
import { EMPTY_CONF_STATE } from "../types.ts";
import { LogObserver } from "./log-observer.ts";
import { doQuorumsMeet, MembershipObserver } from "./membership-observer.ts";
import { ModelLog } from "./model-log.ts";
import { PromiseObserver } from "./promise-observer.ts";
import { SafetyChecker } from "./safety-checker.ts";
import { confStateOf, entryOf, TestNode } from "./test-cluster.ts";

const joint = (voters: number[], votersOutgoing: number[]): ConfState => ({
  ...EMPTY_CONF_STATE,
  voters,
  votersOutgoing,
});

describe("the observer of memberships", () => {
  it.each([
    { a: confStateOf([1, 2, 3]), b: confStateOf([1, 2, 3, 4]), meet: true },
    { a: confStateOf([1, 2, 3]), b: confStateOf([1, 2]), meet: true },
    { a: confStateOf([1, 2, 3]), b: confStateOf([3, 4, 5]), meet: false },
    { a: confStateOf([1, 2, 3]), b: confStateOf([1, 2, 3, 4, 5]), meet: false },
    { a: confStateOf([1, 2]), b: confStateOf([3, 4]), meet: false },
    { a: confStateOf([1, 2, 3]), b: joint([3, 4, 5], [1, 2, 3]), meet: true },
    { a: joint([3, 4, 5], [1, 2, 3]), b: confStateOf([3, 4, 5]), meet: true },
    { a: joint([3, 4, 5], [1, 2, 3]), b: confStateOf([1, 6, 7]), meet: false },
  ])("knows whether quorums of $a.voters and $b.voters always meet: $meet (S7)", (row) => {
    expect([doQuorumsMeet(row.a, row.b), doQuorumsMeet(row.b, row.a)]).toEqual([
      row.meet,
      row.meet,
    ]);
  });

  it("refuses a next membership without a common node, and two at one index (S7)", () => {
    const observer = new MembershipObserver();
    observer.note(1, 3, confStateOf([1, 2, 3]));
    expect(() => observer.note(1, 5, confStateOf([4, 5]))).toThrow("S7: quorums of");
    observer.note(1, 5, confStateOf([1, 2, 3, 4]));
    expect(() => observer.note(2, 5, confStateOf([1, 2]))).toThrow("S7: node 2 has");
    observer.note(2, 4, confStateOf([3, 2, 1])); // that of before, in another order
  });
});

describe("the observer of promises", () => {
  it.each([
    { next: { term: 4, vote: 2, commit: 0 }, why: "writes term 4 over 5" },
    { next: { term: 5, vote: 3, commit: 0 }, why: "votes for 3 and 2 in term 5" },
    { next: { term: 5, vote: 0, commit: 0 }, why: "takes back its vote of term 5" },
  ])("refuses over term 5 and a vote for 2: $next (S6)", ({ next, why }) => {
    const observer = new PromiseObserver();
    const before = { term: 5, vote: 2, commit: 0 };
    observer.noteWrite(1, { term: 0, vote: 0, commit: 0 }, before);
    expect(() => observer.noteWrite(1, before, next)).toThrow(`S6: node 1 ${why}`);
    observer.noteWrite(1, before, { term: 6, vote: 3, commit: 0 });
  });

  it("refuses a second vote also after a crash, whatever the disk has lost (S6)", () => {
    const observer = new PromiseObserver();
    const vote = (to: number): Message =>
      makeMessage({ type: "MsgVoteResp", from: 1, to, term: 5 });
    observer.noteSent(vote(2), new MemoryStorage());
    observer.noteSent(vote(2), new MemoryStorage());
    expect(() => observer.noteSent(vote(3), new MemoryStorage())).toThrow("S6: node 1 votes for 3");
  });

  it("refuses an acknowledgement of what is not on the disk (S9)", () => {
    const disk = new MemoryStorage();
    disk.append([entryOf(1, 1)]);
    disk.setHardState({ term: 1, vote: 0, commit: 0 });
    const ack = { type: "MsgAppResp", from: 1, to: 2, term: 1 } as const;
    const observer = new PromiseObserver();
    observer.noteSent(makeMessage({ ...ack, index: 1 }), disk);
    const early = makeMessage({ ...ack, index: 2 });
    expect(() => observer.noteSent(early, disk)).toThrow(
      "S9: node 1 acknowledges 2, its disk ends at 1",
    );
  });
});

describe("the observer of logs", () => {
  /** A follower with a log of these terms, of which so many are committed. */
  function follower(terms: readonly number[], commit: number): [TestNode, ModelLog] {
    const one = new TestNode(1, { terms, hardState: { term: 9, commit } });
    return [one, ModelLog.ofDisk(one.storage)];
  }

  it("refuses two committed entries at one index (S2)", () => {
    const observer = new LogObserver();
    const note = ([{ node }, log]: [TestNode, ModelLog]): void => {
      observer.noteLog(node, log, 0, []);
    };
    note(follower([1, 2], 2));
    note(follower([1, 3], 1));
    expect(() => note(follower([1, 3], 2))).toThrow("S2: node 1 commits term 3 at 2, another 2");
  });

  it("refuses the replacement of what is committed (S8)", () => {
    const [one, log] = follower([1, 2], 2);
    const observer = new LogObserver();
    expect(() => observer.noteLog(one.node, log, 2, [entryOf(3, 2)])).toThrow(
      "S8: node 1 replaces 2, committed is 2",
    );
  });

  it("refuses a leader without what was committed before its term (S3)", () => {
    const observer = new LogObserver();
    const [one, log] = follower([1, 2], 2);
    observer.noteLog(one.node, log, 0, []);
    const leader = TestNode.elected({ terms: [1], hardState: { term: 9 } });
    expect(() => observer.noteLog(leader.node, ModelLog.ofDisk(leader.storage), 0, [])).toThrow(
      "S3: leader 1 of term 10 has term 10 at 2, committed was 2",
    );
  });

  it.each([
    { entries: [entryOf(2, 3, "b")], logTerm: 2, why: 'S4: entry 3 of term 2 is "b" after term 2' },
    { entries: [entryOf(2, 3, "a")], logTerm: 1, why: 'S4: entry 3 of term 2 is "a" after term 1' },
    { entries: [entryOf(2, 4)], logTerm: 2, why: "S10: node 1 sends an append: entry 4 follows 2" },
  ])("refuses an append with $entries after term $logTerm (S4, S10)", (row) => {
    const observer = new LogObserver();
    const append = { type: "MsgApp", from: 1, to: 2, term: 2, index: 2 } as const;
    observer.noteSent(makeMessage({ ...append, logTerm: 2, entries: [entryOf(2, 3, "a")] }));
    const { entries, logTerm } = row;
    expect(() => observer.noteSent(makeMessage({ ...append, logTerm, entries }))).toThrow(row.why);
  });
});

describe("the checker", () => {
  it("refuses entries that differ, skip an index or answer a read too early (S2, S5)", () => {
    const checker = new SafetyChecker();
    checker.noteApplied(1, 0, entryOf(1, 1, "a"));
    expect(() => checker.noteApplied(2, 0, entryOf(1, 1, "b"))).toThrow("S2: node 2 applies");
    expect(() => checker.noteApplied(1, 1, entryOf(1, 3))).toThrow("S2: node 1 applies 3 after 1");
    checker.committed = 1;
    checker.noteReadAsked("r");
    const state = { index: 0, context: entryOf(1, 1, "r").data };
    expect(() => checker.noteRead(1, state, true)).toThrow("S5: node 1 answers a read with 0");
  });
});
