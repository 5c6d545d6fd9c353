/**
 * Learners: they get the log, and neither campaign nor count until they are promoted.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import type { ConfChange } from "./conf-change-codec.ts";
import { makeMessage } from "./message.ts";
import { bareRaft } from "./testing/bare-raft.ts";
import { restore } from "./snapshot.ts";
import { confStateOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { ConfState, Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const START = { voters: [1], learners: [2], hardState: { term: 1 } };

const snapshotOf = (confState: ConfState): Snapshot => {
  return { index: 11, term: 11, confState, data: EMPTY_DATA };
};

const ADD_2: ConfChange = {
  transition: "auto",
  changes: [{ type: "ConfChangeAddNode", nodeId: 2 }],
  context: EMPTY_DATA,
};

/** A voter, which leads after an election timeout, and a learner. */
function pair(): TestCluster {
  const cluster = new TestCluster([1, 2].map((id) => new TestNode(id, START)));
  cluster.at(1).node.setRandomizedElectionTicks(10);
  cluster.tick(10, [1]);
  expect(cluster.states()).toEqual(["StateLeader 2 1", "StateFollower 2 1"]);
  return cluster;
}

describe("a learner", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLearnerElectionTimeout.
  it("does not campaign, however long it hears nothing", () => {
    const one = new TestNode(2, START);
    one.node.setRandomizedElectionTicks(10);
    expect([one.tick(40), one.node.state, one.node.term]).toEqual([[], "StateFollower", 1]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLearnerCampaign.
  it("does not campaign on the order of its host, nor of a leader that took it for a voter", () => {
    const one = new TestNode(2, START);
    one.node.campaign();
    const sent = [one.drain(), one.hear("MsgTimeoutNow", 1)];
    expect([sent, one.node.state, one.node.term]).toEqual([[[], []], "StateFollower", 1]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLearnerPromotion.
  it("campaigns and wins when it has been promoted", () => {
    const cluster = pair();
    for (const one of cluster.nodes.values()) one.node.applyConfChange(ADD_2);
    cluster.tick(1, [1]);
    const second = cluster.at(2);
    second.node.setRandomizedElectionTicks(10);
    cluster.tick(10, [2]);
    expect(cluster.states()).toEqual(["StateFollower 3 2", "StateLeader 3 2"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLearnerCanVote.
  it("votes when it is asked: it may be a voter without knowing it yet", () => {
    const one = new TestNode(2, START);
    const answers = one.hear("MsgVote", 1, { term: 2, logTerm: 11, index: 11 });
    expect(answers).toEqual([makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 2 })]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLearnerLogReplication.
  it("gets the log and what is committed, and its leader knows how far it is", () => {
    const cluster = pair();
    cluster.propose(1, "a");
    const [first, second] = [cluster.at(1), cluster.at(2)];
    expect([first.node.commitIndex, second.node.commitIndex, second.appliedData()]).toEqual([
      2,
      2,
      ["a"],
    ]);
    expect(first.progress(2)).toBe("StateReplicate match=2 next=3 learner");
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLearnerReceiveSnapshot.
  it("gets a snapshot from a leader whose log starts later", () => {
    const snapshot = snapshotOf(confStateOf([1], [2]));
    const cluster = new TestCluster([
      new TestNode(1, { snapshot, hardState: { term: 11, commit: 11 } }),
      new TestNode(2, START),
    ]);
    cluster.at(1).node.setRandomizedElectionTicks(10);
    cluster.tick(10, [1]);
    cluster.tick(1, [1]);
    expect([cluster.at(1).node.commitIndex, cluster.at(2).node.commitIndex]).toEqual([12, 12]);
    expect([cluster.at(2).node.firstIndex, cluster.at(2).node.confState]).toEqual([
      12,
      confStateOf([1], [2]),
    ]);
  });
});

describe("a snapshot that names learners", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestRestoreWithLearner.
  it("is taken by one of them, once, with every role", () => {
    const r = bareRaft({ voters: [1, 2], learners: [3] }, {}, 3);
    const snapshot = snapshotOf(confStateOf([1, 2], [3]));
    const taken = [restore(r, snapshot), restore(r, snapshot)];
    const learners = [...r.tracker.progress].map(([id, one]) => [id, one.isLearner]);
    expect([taken, r.log.lastEntryId(), r.tracker.confState(), learners]).toEqual([
      [true, false],
      { term: 11, index: 11 },
      confStateOf([1, 2], [3]),
      [
        [1, false],
        [2, false],
        [3, true],
      ],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRestoreVoterToLearner.
  it("is taken by a voter that has become a learner, which does not campaign any more", () => {
    const one = new TestNode(3);
    const snapshot = snapshotOf(confStateOf([1, 2], [3]));
    one.hear("MsgSnap", 1, { term: 11, snapshot });
    expect([one.node.confState, one.tick(40)]).toEqual([confStateOf([1, 2], [3]), []]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRestoreLearnerPromotion.
  it("makes a voter of one that is a learner no more, which then campaigns", () => {
    const one = new TestNode(3, { voters: [1, 2], learners: [3] });
    const before = one.tick(40);
    one.hear("MsgSnap", 1, { term: 11, snapshot: snapshotOf(confStateOf([1, 2, 3])) });
    one.node.setRandomizedElectionTicks(10);
    expect([before, one.node.confState, one.tick(10).map(({ type }) => type)]).toEqual([
      [],
      confStateOf([1, 2, 3]),
      ["MsgVote", "MsgVote"],
    ]);
  });
});
