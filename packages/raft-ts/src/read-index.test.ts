/** Source: etcd-raft raft_test (ReadOnly*), v3.7 read_only. */
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "./memory-storage.ts";
import { makeMessage, proposedEntry } from "./message.ts";
import { RaftNode } from "./node.ts";
import type { Ready } from "./ready.ts";
import { stepMessage } from "./step.ts";
import { asciiBytes, asciiText } from "./testing/ascii.ts";
import { bareLeader, takeMessages } from "./testing/bare-raft.ts";
import { TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";
import { EMPTY_CONF_STATE, type Message } from "./types.ts";

const reads = (one: TestNode): string[] =>
  one.readStates.map(({ index, context }) => `${index} ${asciiText(context)}`);

/** Ten proposals and a read at each of `ids` in turn; the answers that each got. */
function readInTurn(cluster: TestCluster, ids: readonly number[]): string[][] {
  return ids.map((id, round) => {
    const one = cluster.at(id);
    one.readStates.length = 0;
    for (let i = 0; i < 10; i += 1) cluster.propose(1, "x");
    cluster.readIndex(id, `r${round}`);
    const answers = reads(one);
    one.readStates.length = 0;
    return answers;
  });
}

describe("linearizable reads, safe form", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestReadOnlyOptionSafe.
  it("answer leader and followers with the commit index", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    expect(readInTurn(cluster, [1, 2, 3, 1, 2, 3])).toEqual([
      ["11 r0"],
      ["21 r1"],
      ["31 r2"],
      ["41 r3"],
      ["51 r4"],
      ["61 r5"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestReadOnlyWithLearner.
  it("answer learners, and a single voter without asking them", () => {
    const cluster = new TestCluster(
      [1, 2].map((id) => new TestNode(id, { voters: [1], learners: [2] })),
    );
    cluster.campaign(1);
    expect(readInTurn(cluster, [1, 2, 1, 2])).toEqual([["11 r0"], ["21 r1"], ["31 r2"], ["41 r3"]]);
    cluster.isolate(2);
    cluster.readIndex(1, "alone");
    expect(reads(cluster.at(1))).toEqual(["41 alone"]);
  });

  // Not in etcd-raft, which answers at once: a commit index need not be on disk when an entry is
  // acknowledged, so here entry 2 may be what a client was told of before the crash.
  it("of a single voter wait for its first commit after a restart", () => {
    const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1] });
    storage.append([1, 2].map((index) => ({ ...proposedEntry(asciiBytes("x")), term: 1, index })));
    storage.setHardState({ term: 1, vote: 1, commit: 1 });
    const settings = { asyncStorageWrites: false, preVote: false, random: () => 0 };
    const node = new RaftNode({ id: 1, storage, ...settings });
    const turn = (): Ready => {
      const ready = node.ready();
      storage.append(ready.entries);
      node.advance();
      return ready;
    };
    node.campaign();
    turn();
    expect([node.state, node.commitIndex]).toEqual(["StateLeader", 1]);
    node.readIndex(asciiBytes("early"));
    expect(turn().readStates).toEqual([]);
    expect(turn().readStates).toEqual([{ index: 3, context: asciiBytes("early") }]);
  });

  it("are not answered by a leader that a majority no longer follows", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.propose(2, "new");
    cluster.readIndex(1, "stale");
    expect(reads(cluster.at(1))).toEqual([]);
  });

  it("are not confirmed by a minority", () => {
    const cluster = TestCluster.of(5);
    cluster.campaign(1);
    for (const id of [3, 4, 5]) cluster.isolate(id);
    cluster.readIndex(1, "a");
    const withTwo = reads(cluster.at(1));
    cluster.recover();
    cluster.tick(1, [1]);
    expect([withTwo, reads(cluster.at(1))]).toEqual([[], ["1 a"]]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestReadOnlyForNewLeader.
  it("wait for the first commit of a new leader, which may know less of commits than others", () => {
    const terms = [1, 1];
    const compact = { terms, hardState: { term: 1, commit: 2 }, compacted: 2 };
    const cluster = new TestCluster([
      new TestNode(1, { terms, hardState: { term: 1, commit: 1 } }, { applied: 1 }),
      new TestNode(2, compact, { applied: 2 }),
      new TestNode(3, compact, { applied: 2 }),
    ]);
    const leader = cluster.at(1);
    cluster.ignore("MsgApp");
    cluster.campaign(1);
    cluster.readIndex(1, "early");
    const before = [leader.node.state, reads(leader)];
    cluster.recover();
    leader.node.tick();
    cluster.propose(1, "a");
    const after = [leader.node.commitIndex, leader.node.hasCommittedInTerm, reads(leader)];
    cluster.readIndex(1, "late");
    expect([before, after, reads(leader)]).toEqual([
      ["StateLeader", []],
      [4, true, ["4 early"]],
      ["4 early", "4 late"],
    ]);
  });

  it("with one context are confirmed one by one", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    leader.node.readIndex(asciiBytes("same"));
    const first = leader.drain(); // its heartbeats are still on the way
    leader.node.readIndex(asciiBytes("same"));
    leader.drain();
    cluster.flow(first);
    // The first answer says nothing about the second read, although the contexts are equal.
    expect(reads(leader)).toEqual(["1 same"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestReadOnlyDuplicateRequest.
  it("are never confirmed by late answers to an earlier read that is asked for again", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const ask = makeMessage({
      type: "MsgReadIndex",
      from: 2,
      to: 1,
      entries: [proposedEntry(asciiBytes("A"))],
    });
    const late: Message[] = [ask]; // the request is doubled, its first confirmations are slow
    cluster.passes = (m) => {
      if (m.type === "MsgHeartbeatResp") late.push(m);
      return m.type !== "MsgHeartbeatResp";
    };
    cluster.flow([ask]);
    cluster.passes = () => true;
    cluster.tick(1, [1]); // another round confirms it
    const first = reads(cluster.at(2));
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.propose(2, "new");
    cluster.readIndex(1, "B"); // at the deposed leader
    cluster.recover();
    cluster.flow(late);
    // B must not be answered with what the deposed leader knew, nor A a second time.
    const all = [1, 2, 3].flatMap((id) => reads(cluster.at(id)));
    expect([late.length, first, all]).toEqual([3, ["1 A"], ["1 A"]]);
  });

  it("of one round are confirmed together by the newest heartbeat", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    for (const name of ["a", "b", "c"]) leader.node.readIndex(asciiBytes(name));
    const sent = leader.drain();
    cluster.flow(sent.slice(-2));
    expect(reads(leader)).toEqual(["1 a", "1 b", "1 c"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRaftFreesReadOnlyMem.
  it("take no memory any more when they have been confirmed", () => {
    const r = bareLeader({ voters: [1, 2] });
    r.log.commitTo(r.log.lastIndex());
    takeMessages(r);
    const entries = [proposedEntry(asciiBytes("a"))];
    stepMessage(r, makeMessage({ type: "MsgReadIndex", from: 2, to: 1, entries }));
    const [beat] = takeMessages(r);
    const waiting = r.readOnly.waitingCount;
    const answer = { type: "MsgHeartbeatResp", from: 2, to: 1, term: 1 } as const;
    stepMessage(r, makeMessage({ ...answer, context: beat?.context }));
    expect([beat?.type, waiting, r.readOnly.waitingCount]).toEqual(["MsgHeartbeat", 1, 0]);
    expect(takeMessages(r).map(({ type }) => type)).toContain("MsgReadIndexResp");
  });

  it("are forgotten with the leadership", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.readIndex(1, "a");
    cluster.recover();
    cluster.campaign(2);
    cluster.tick(2, [2]);
    expect(reads(cluster.at(1))).toEqual([]);
  });

  it("ignore the answer of a follower with a strange context", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    leader.node.readIndex(asciiBytes("a"));
    leader.drain();
    const answer = { type: "MsgHeartbeatResp", from: 2, to: 1, term: 1 } as const;
    leader.step(makeMessage({ ...answer, context: asciiBytes("abc") }));
    expect(reads(leader)).toEqual([]);
  });

  it("from the network without a leader are dropped (TestNodeReadIndexToOldLeader)", () => {
    const one = new TestNode(1);
    const ask = { type: "MsgReadIndex", from: 2, to: 1 } as const;
    expect(one.step(makeMessage({ ...ask, entries: [proposedEntry(asciiBytes("a"))] }))).toEqual(
      [],
    );
  });

  it("are passed on by an old leader to the new one (TestNodeReadIndexToOldLeader)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.campaign(2);
    const ask = makeMessage({
      type: "MsgReadIndex",
      from: 3,
      to: 1,
      entries: [proposedEntry(asciiBytes("a"))],
    });
    cluster.flow([ask]);
    expect(reads(cluster.at(3))).toEqual(["2 a"]);
  });
});

describe("linearizable reads, lease form", () => {
  const LEASE: TestSettings = { checkQuorum: true, readOnlyOption: "lease-based" };

  // Source: etcd-raft v3.7 raft_test.go, TestReadOnlyOptionLease.
  it("answer leader and followers with the commit index, without a round of heartbeats", () => {
    const cluster = TestCluster.of(3, LEASE);
    cluster.campaign(1);
    cluster.ignore("MsgHeartbeat");
    expect(readInTurn(cluster, [1, 2, 3, 1, 2, 3])).toEqual([
      ["11 r0"],
      ["21 r1"],
      ["31 r2"],
      ["41 r3"],
      ["51 r4"],
      ["61 r5"],
    ]);
  });

  it("are answered at once by a leader that hears nobody", () => {
    const cluster = TestCluster.of(3, LEASE);
    cluster.campaign(1);
    cluster.propose(1, "x");
    cluster.isolate(1);
    cluster.readIndex(1, "a");
    expect(reads(cluster.at(1))).toEqual(["2 a"]);
  });
});
