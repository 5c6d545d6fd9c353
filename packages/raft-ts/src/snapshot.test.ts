/** Source: etcd-raft raft_snap_test and raft_test (Restore*, Snapshot*). */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { noteSnapshotApplied } from "./membership.ts";
import { restore } from "./snapshot.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { bareRaft } from "./testing/bare-raft.ts";
import { confStateOf, entryOf, storageOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import { tick } from "./tick.ts";
import type { ConfState, Message, Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

function snapshotAt(index: number, term: number, confState: ConfState): Snapshot {
  return { index, term, confState, data: EMPTY_DATA };
}

describe("sending a snapshot", () => {
  /** A group of three in which node 3 has missed everything and the log starts later. */
  function lagging(): { cluster: TestCluster; sent: Message[] } {
    const cluster = TestCluster.of(3);
    cluster.isolate(3);
    cluster.campaign(1);
    for (const data of ["a", "b", "c"]) cluster.propose(1, data);
    const leader = cluster.at(1);
    leader.storage.createSnapshot(4, confStateOf([1, 2, 3]), EMPTY_DATA);
    leader.storage.compact(4);
    const beat = makeMessage({ type: "MsgHeartbeatResp", from: 3, to: 1, term: 1 });
    const sent = leader.step(beat);
    return { cluster, sent };
  }

  // Source: etcd-raft v3.7 raft_test.go, TestIgnoreProvidingSnap.
  it("is not done for a follower that has been silent for an election timeout", () => {
    const cluster = TestCluster.of(3, { checkQuorum: true });
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.propose(1, "a");
    const leader = cluster.at(1);
    leader.storage.createSnapshot(2, confStateOf([1, 2, 3]), EMPTY_DATA);
    leader.storage.compact(2);
    cluster.tick(10, [1]);
    leader.node.reportUnreachable(3);
    leader.node.propose(asciiBytes("b"));
    const silent = leader.drain().filter(({ to }) => to === 3);
    const beat = makeMessage({ type: "MsgHeartbeatResp", from: 3, to: 1, term: 1 });
    expect([silent, leader.step(beat).map(({ type }) => type)]).toEqual([[], ["MsgSnap"]]);
  });

  it("is done where the log no longer reaches, and pauses appends (TestProvideSnap, TestPendingSnapshotPauseReplication)", () => {
    const { cluster, sent } = lagging();
    expect(sent.map((m) => [m.type, m.to, m.snapshot?.index])).toEqual([["MsgSnap", 3, 4]]);
    const leader = cluster.at(1);
    leader.node.propose(asciiBytes("d"));
    expect(leader.drain().filter(({ to }) => to === 3)).toEqual([]);
    expect(leader.node.status().progress.get(3)?.toString()).toBe(
      "StateSnapshot match=0 next=5 paused pendingSnap=4",
    );
  });

  it.each([
    { ok: true, name: "succeeded", next: 5 },
    { ok: false, name: "failed", next: 1 },
  ])(
    "that $name goes on from $next after a pause (TestSnapshotSucceed, TestSnapshotFailure)",
    (row) => {
      const { cluster } = lagging();
      const leader = cluster.at(1);
      leader.node.reportSnapshot(3, row.ok);
      expect(leader.node.status().progress.get(3)?.toString()).toBe(
        `StateProbe match=0 next=${row.next} paused`,
      );
    },
  );

  it("ends with an acknowledgement that reaches the log (TestSnapshotAbort)", () => {
    const { cluster } = lagging();
    const leader = cluster.at(1);
    leader.step(makeMessage({ type: "MsgAppResp", from: 3, to: 1, term: 1, index: 4 }));
    expect(leader.node.status().progress.get(3)?.toString()).toBe("StateReplicate match=4 next=5");
  });

  // Source: etcd-raft v3.7 raft_test.go, TestProvideSnap.
  it("follows a refusal of what the log still has, if it no longer has what comes before", () => {
    const snapshot = snapshotAt(11, 11, confStateOf([1, 2]));
    const leader = TestNode.elected({ snapshot, hardState: { term: 11, commit: 11 } });
    const sent = leader.hear("MsgAppResp", 2, { index: 11, reject: true });
    expect(sent).toEqual([makeMessage({ type: "MsgSnap", from: 1, to: 2, term: 12, snapshot })]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestSlowNodeRestore.
  it("brings a slow node back, as soon as it is heard of, and appends follow", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    for (let i = 0; i <= 100; i += 1) cluster.propose(1, `${i}`);
    const leader = cluster.at(1);
    leader.storage.createSnapshot(leader.node.appliedIndex, undefined, EMPTY_DATA);
    leader.storage.compact(leader.node.appliedIndex);
    cluster.recover();
    cluster.tick(1, [1]);
    cluster.propose(1, "d");
    expect([leader.node.commitIndex, cluster.at(3).node.commitIndex]).toEqual([103, 103]);
    expect([cluster.at(3).node.firstIndex, cluster.at(3).log()]).toEqual([103, ["1/d"]]);
  });
});

describe("taking a snapshot", () => {
  const ask = (snapshot: Snapshot): Message =>
    makeMessage({ type: "MsgSnap", from: 2, to: 1, term: 11, snapshot });

  // Source: etcd-raft v3.7 raft_test.go, TestRestore.
  it("replaces log and configuration once, and campaigns only when it is installed", () => {
    const storage = storageOf({ voters: [1, 2], terms: [1] });
    const r = bareRaft({ storage });
    const confState = confStateOf([1, 2, 3]);
    const snapshot = snapshotAt(11, 11, confState);
    const taken = [1, 2].map(() => restore(r, snapshot));
    const got = [taken, r.log.lastEntryId(), r.log.committed, r.tracker.confState()];
    expect(got).toEqual([[true, false], { term: 11, index: 11 }, 11, confState]);
    for (let i = 0; i < 40; i += 1) tick(r);
    expect(r.state).toBe("StateFollower");
    storage.applySnapshot(snapshot);
    noteSnapshotApplied(r, snapshot);
    for (let i = 0; i < 20; i += 1) tick(r);
    expect(r.state).toBe("StateCandidate");
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRestoreFromSnapMsg.
  it("follows the leader that sent it and answers with its end", () => {
    const one = new TestNode(1, { voters: [1, 2], terms: [1] });
    const confState = confStateOf([1, 2, 3], [4]);
    const answers = one.step(ask(snapshotAt(11, 11, confState)));
    expect(answers.map((m) => [m.type, m.to, m.index, m.reject])).toEqual([
      ["MsgAppResp", 2, 11, false],
    ]);
    expect([one.node.lead, one.node.term, one.node.commitIndex, one.node.confState]).toEqual([
      2,
      11,
      11,
      confState,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRestoreWithVotersOutgoing.
  it("is taken by a voter of the old half of a joint configuration, with both halves", () => {
    const r = bareRaft({ voters: [1, 2] });
    const confState = { ...confStateOf([2, 3, 4]), votersOutgoing: [1, 2, 3] };
    const taken = [1, 2].map(() => restore(r, snapshotAt(11, 11, confState)));
    for (let i = 0; i < 40; i += 1) tick(r);
    expect([taken, r.log.lastEntryId(), r.tracker.confState(), r.state]).toEqual([
      [true, false],
      { term: 11, index: 11 },
      confState,
      "StateFollower",
    ]);
    expect([...r.tracker.progress.keys()]).toEqual([1, 2, 3, 4]);
  });

  it("takes over a joint configuration in which it will be a learner", () => {
    const one = new TestNode(1, { voters: [1] });
    const confState = { ...confStateOf([2, 3]), votersOutgoing: [1, 3], learnersNext: [1] };
    one.step(ask(snapshotAt(11, 11, confState)));
    expect(one.node.confState).toEqual(confState);
  });

  it("does not take one that is not ahead of its commit", () => {
    const one = new TestNode(1, {
      voters: [1, 2],
      terms: [1, 1, 1],
      hardState: { term: 1, commit: 2 },
    });
    const answers = one.step(ask(snapshotAt(2, 1, confStateOf([1, 2, 9]))));
    expect([answers[0]?.index, one.node.confState.voters]).toEqual([2, [1, 2]]);
  });

  it("does not take one of before the start of its log, which it cannot compare with anything", () => {
    const confState = confStateOf([1, 2]);
    const one = new TestNode(1, { voters: [1, 2] });
    one.step(ask(snapshotAt(11, 11, confState)));
    const answers = one.step(ask(snapshotAt(5, 3, confState)));
    expect([answers[0]?.index, one.node.commitIndex, one.node.lastIndex]).toEqual([11, 11, 11]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRestoreIgnoreSnapshot.
  it("does not take one whose entry it has, and moves its commit there", () => {
    const start = { voters: [1, 2], terms: [1, 1, 1], hardState: { term: 11, commit: 1 } };
    const one = new TestNode(1, start);
    const ends = [1, 2].map((index) => {
      const answers = one.step(ask(snapshotAt(index, 1, confStateOf([1, 2]))));
      return [answers.map((m) => [m.type, m.index]), one.node.commitIndex, one.log()];
    });
    expect(ends).toEqual([
      [[["MsgAppResp", 1]], 1, ["1/", "1/", "1/"]],
      [[["MsgAppResp", 2]], 2, ["1/", "1/", "1/"]],
    ]);
  });

  it("refuses one that does not know the node", () => {
    const one = new TestNode(1, { voters: [1, 2], terms: [1] });
    const answers = one.step(ask(snapshotAt(11, 11, confStateOf([2, 3]))));
    expect([answers[0]?.index, one.node.lastIndex]).toEqual([0, 1]);
  });

  it("voids entries that wait to be applied, and says so until it is installed", () => {
    const one = new TestNode(1, { voters: [1, 2] }, { asyncStorageWrites: true });
    const entries = [entryOf(11, 1)];
    one.node.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 11, entries, commit: 1 }));
    one.node.ready();
    one.node.step(ask(snapshotAt(11, 11, confStateOf([1, 2]))));
    const pending = one.node.pendingSnapshotIndex;
    const work = one.node.ready().messages.find(({ type }) => type === "MsgStorageAppend");
    for (const m of work?.responses ?? []) if (m.to === 1) one.node.step(m);
    expect([pending, work?.snapshot?.index, one.node.pendingSnapshotIndex]).toEqual([11, 11, 0]);
    expect(one.node.appliedIndex).toBe(11);
  });
});
