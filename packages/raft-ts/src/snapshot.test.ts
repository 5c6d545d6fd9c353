/** Source: etcd-raft raft_snap_test and raft_test (Restore*, Snapshot*). */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, entryOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
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

  it("is not done for a follower that has been silent for an election timeout (TestIgnoreProvidingSnap)", () => {
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

  it("brings a slow node back (TestSlowNodeRestore)", () => {
    const { cluster, sent } = lagging();
    cluster.recover();
    cluster.flow(sent);
    cluster.propose(1, "d");
    expect([cluster.at(3).node.commitIndex, cluster.at(3).log()]).toEqual([5, ["1/d"]]);
  });
});

describe("taking a snapshot", () => {
  const ask = (snapshot: Snapshot): Message =>
    makeMessage({ type: "MsgSnap", from: 2, to: 1, term: 11, snapshot });

  it("replaces log and configuration (TestRestore, TestRestoreFromSnapMsg)", () => {
    const one = new TestNode(1, { voters: [1, 2], terms: [1] });
    const confState = confStateOf([1, 2, 3], [4]);
    const answers = one.step(ask(snapshotAt(11, 11, confState)));
    expect(answers.map((m) => [m.type, m.index, m.reject])).toEqual([["MsgAppResp", 11, false]]);
    expect([one.node.lastIndex, one.node.commitIndex, one.node.confState]).toEqual([
      11,
      11,
      confState,
    ]);
  });

  it("takes over a joint configuration (TestRestoreWithVotersOutgoing)", () => {
    const one = new TestNode(1, { voters: [1] });
    const confState = { ...confStateOf([2, 3]), votersOutgoing: [1, 3], learnersNext: [1] };
    one.step(ask(snapshotAt(11, 11, confState)));
    expect(one.node.confState).toEqual(confState);
  });

  it("turns a voter into a learner and back (TestRestoreVoterToLearner, TestRestoreLearnerPromotion)", () => {
    const one = new TestNode(1, { voters: [1, 2] });
    one.step(ask(snapshotAt(11, 11, confStateOf([2], [1]))));
    const asLearner = one.tick(40);
    one.step(ask(snapshotAt(12, 11, confStateOf([1, 2]))));
    expect([asLearner, one.tick(40).some(({ type }) => type === "MsgVote")]).toEqual([[], true]);
  });

  it("does not take one that is behind its commit (TestRestoreIgnoreSnapshot)", () => {
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

  it("only moves its commit if it has the entry (TestRestoreIgnoreSnapshot)", () => {
    const one = new TestNode(1, {
      voters: [1, 2],
      terms: [1, 1, 1],
      hardState: { term: 1, commit: 1 },
    });
    const answers = one.step(ask(snapshotAt(2, 1, confStateOf([1, 2]))));
    expect([answers[0]?.index, one.node.commitIndex, one.log()]).toEqual([
      2,
      2,
      ["1/", "1/", "1/"],
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
