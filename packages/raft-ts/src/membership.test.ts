/**
 * Membership changes on running nodes.
 * Source: etcd-raft raft_test (AddNode to CommitAfterRemoveNode, ConfChange*), rawnode_test.
 */
import { describe, expect, it } from "vitest";
import type { ConfChangeSingle, ConfChangeType } from "./conf-change.ts";
import { confChangeEntry, LEAVE_JOINT, type ConfChange } from "./conf-change-codec.ts";
import { RaftError } from "./errors.ts";
import { makeMessage } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { stepMessage } from "./step.ts";
import { bareLeader, takeMessages } from "./testing/bare-raft.ts";
import { confStateOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import { EMPTY_DATA } from "./types.ts";

function changeOf(
  transition: ConfChange["transition"],
  ...changes: ConfChangeSingle[]
): ConfChange {
  return { transition, changes, context: EMPTY_DATA };
}

function single(type: ConfChangeType, nodeId: number): ConfChange {
  return changeOf("auto", { type, nodeId });
}

function propose(cluster: TestCluster, id: number, change: ConfChange): void {
  cluster.at(id).node.proposeConfChange(change);
  cluster.flow(cluster.at(id).drain());
}

/**
 * Nodes 1 and 2 vote and node 1 leads. Nodes 3 and 4 are not in the group; they start from the
 * first configuration, because they will get the log from its start.
 */
function start(): TestCluster {
  const cluster = new TestCluster([
    new TestNode(1, { voters: [1, 2] }),
    new TestNode(2, { voters: [1, 2] }),
    new TestNode(3, { voters: [1, 2] }),
    new TestNode(4, { voters: [1, 2] }),
  ]);
  cluster.campaign(1);
  return cluster;
}

describe("a simple change", () => {
  it("adds a voter, which gets the log and counts", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    cluster.tick(2);
    cluster.isolate(2);
    cluster.propose(1, "a");
    expect([cluster.at(1).node.confState, cluster.at(3).appliedData()]).toEqual([
      confStateOf([1, 2, 3]),
      ["a"],
    ]);
  });

  it("adds a learner, which gets the log and does not count", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddLearnerNode", 3));
    cluster.tick(2);
    const before = cluster.at(1).node.commitIndex;
    cluster.isolate(2);
    cluster.propose(1, "a");
    expect([cluster.at(3).log().at(-1), cluster.at(1).node.commitIndex]).toEqual(["1/a", before]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestAddNodeCheckQuorum.
  it("does not depose the leader for a newcomer that was not heard of", () => {
    const cluster = new TestCluster([new TestNode(1, { voters: [1] }, { checkQuorum: true })]);
    cluster.campaign(1);
    cluster.tick(9);
    propose(cluster, 1, single("ConfChangeAddNode", 2));
    cluster.tick(1);
    const atTheCheck = cluster.at(1).node.state;
    cluster.tick(9);
    const before = cluster.at(1).node.state;
    cluster.tick(1); // now it had its time
    expect([atTheCheck, before, cluster.at(1).node.state]).toEqual([
      "StateLeader",
      "StateLeader",
      "StateFollower",
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestCommitAfterRemoveNode.
  it("commits at once what the smaller group already holds", () => {
    const leader = TestNode.elected({ voters: [1, 2] });
    leader.node.proposeConfChange(single("ConfChangeRemoveNode", 2));
    leader.drain();
    leader.propose("a"); // while the change is pending
    const before = [leader.node.commitIndex, leader.node.confState.voters];
    leader.acknowledge(2, 2); // the change, and not what follows it
    expect([before, leader.node.confState, leader.appliedData(), leader.node.commitIndex]).toEqual([
      [0, [1, 2]],
      confStateOf([1]),
      ["a"],
      3,
    ]);
    expect(leader.applied.map(({ type }) => type)).toEqual([
      "EntryNormal",
      "EntryConfChangeV2",
      "EntryNormal",
    ]);
  });

  it("of one node twice changes nothing the second time (TestRawNodeProposeAddDuplicateNode)", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    expect(cluster.at(1).node.confState).toEqual(confStateOf([1, 2, 3]));
  });
});

describe("the configuration of a node", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestRaftNodes.
  it.each([[[1, 2, 3]], [[3, 2, 1]]])(
    "that starts with voters %s lists them in order",
    (voters) => {
      expect(new TestNode(1, { voters }).node.confState).toEqual(confStateOf([1, 2, 3]));
    },
  );

  // Source: etcd-raft v3.7 raft_test.go, TestAddNode.
  it("has a voter more when one has been added", () => {
    const { node } = new TestNode(1, { voters: [1] });
    const made = node.applyConfChange(single("ConfChangeAddNode", 2));
    expect([made, node.confState]).toEqual([confStateOf([1, 2]), confStateOf([1, 2])]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestAddLearner.
  it("has learners, which can be promoted, and voters, which can be demoted: itself too", () => {
    const { node } = new TestNode(1, { voters: [1] });
    const made = [
      single("ConfChangeAddLearnerNode", 2),
      single("ConfChangeAddNode", 2),
      single("ConfChangeAddLearnerNode", 1),
      single("ConfChangeAddNode", 1),
    ].map((change) => node.applyConfChange(change));
    expect(made).toEqual([
      confStateOf([1], [2]),
      confStateOf([1, 2]),
      confStateOf([2], [1]),
      confStateOf([1, 2]),
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRemoveNode and TestRemoveLearner.
  it.each([
    { what: "voter", voters: [1, 2], learners: [] },
    { what: "learner", voters: [1], learners: [2] },
  ])("loses a $what that is removed, and never its last voter", ({ voters, learners }) => {
    const { node } = new TestNode(1, { voters, learners });
    expect(node.applyConfChange(single("ConfChangeRemoveNode", 2))).toEqual(confStateOf([1]));
    expect(() => node.applyConfChange(single("ConfChangeRemoveNode", 1))).toThrow(
      new RaftError("invalid-conf-change", "removed all voters"),
    );
    expect(node.confState).toEqual(confStateOf([1]));
  });
});

describe("one change at a time", () => {
  const ADD_3 = single("ConfChangeAddNode", 3);

  function proposeAdd3(r: RaftState): void {
    const entries = [confChangeEntry(ADD_3)];
    stepMessage(r, makeMessage({ type: "MsgProp", from: 1, to: 1, entries }));
  }

  // Source: etcd-raft v3.7 raft_test.go, TestStepConfig.
  it("is appended and noted as pending", () => {
    const r = bareLeader({ voters: [1, 2] });
    const last = r.log.lastIndex();
    takeMessages(r);
    r.log.commitTo(last);
    r.log.appliedTo(last, 0);
    proposeAdd3(r);
    expect([r.log.lastIndex(), r.pendingConfIndex]).toEqual([last + 1, last + 1]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestStepIgnoreConfig.
  it("makes an empty entry of a second one while the first is not applied", () => {
    const r = bareLeader({ voters: [1, 2] });
    proposeAdd3(r);
    const [last, pending] = [r.log.lastIndex(), r.pendingConfIndex];
    proposeAdd3(r);
    expect([r.log.entries(last + 1, Infinity), r.pendingConfIndex]).toEqual([
      [{ term: 1, index: 3, type: "EntryNormal", data: EMPTY_DATA }],
      pending,
    ]);
    expect(r.log.entries(last, Infinity)).toHaveLength(2);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestNewLeaderPendingConfig.
  it.each([
    { terms: [], pending: 0 },
    { terms: [1], pending: 1 },
  ])("is what a new leader with a log of terms $terms takes to be pending at $pending", (row) => {
    const r = bareLeader({ voters: [1, 2], terms: row.terms, hardState: { term: 1 } });
    expect(r.pendingConfIndex).toBe(row.pending);
  });

  it("holds for a new leader until what it found is applied", () => {
    const one = TestNode.elected({ voters: [1, 2], terms: [1], hardState: { term: 1 } });
    one.node.proposeConfChange(ADD_3);
    expect(one.node.ready().entries.map(({ type }) => type)).toEqual(["EntryNormal"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestConfChangeCheckBeforeCampaign and
  // TestConfChangeV2CheckBeforeCampaign.
  it.each([true, false])(
    "keeps a node that has not applied it from campaigning, in the older form %s",
    (asV1) => {
      const cluster = TestCluster.of(3, { asyncStorageWrites: true });
      const [first, second] = [cluster.at(1), cluster.at(2)];
      for (const one of [first, second]) one.holdsApply = true;
      cluster.campaign(1);
      first.node.proposeConfChange(single("ConfChangeRemoveNode", 3), asV1);
      cluster.flow(first.drain());
      expect([first.node.commitIndex, second.node.commitIndex]).toEqual([2, 2]);
      const byTimeout = [second.tick(40), second.node.state];
      cluster.transfer(1, 2);
      const byTransfer = cluster.states().slice(0, 2);
      cluster.tick(10, [1]); // the transfer is given up
      second.applyHeld();
      cluster.transfer(1, 2);
      const applied = cluster.states().slice(0, 2);
      const stillHeld = [first.tick(40), first.node.state];
      first.applyHeld();
      first.tick(20);
      expect([byTimeout, byTransfer, applied, stillHeld, first.node.state]).toEqual([
        [[], "StateFollower"],
        ["StateLeader 1 1", "StateFollower 1 1"],
        ["StateFollower 2 2", "StateLeader 2 2"],
        [[], "StateFollower"],
        "StateCandidate",
      ]);
    },
  );
});

describe("a joint change", () => {
  const replace = changeOf(
    "joint-explicit",
    { type: "ConfChangeAddNode", nodeId: 3 },
    { type: "ConfChangeRemoveNode", nodeId: 2 },
  );

  it("needs both majorities to commit (thesis 4.3)", () => {
    const cluster = start();
    propose(cluster, 1, replace);
    cluster.tick(2);
    const before = cluster.at(1).node.commitIndex;
    cluster.isolate(2); // the old majority of 1 and 2 is gone
    cluster.propose(1, "a");
    const without = cluster.at(1).node.commitIndex;
    cluster.recover();
    cluster.tick(2);
    expect([without, cluster.at(1).node.commitIndex]).toEqual([before, before + 1]);
  });

  it("needs both majorities to elect (thesis 4.3)", () => {
    const cluster = start();
    propose(cluster, 1, replace);
    cluster.tick(2);
    cluster.isolate(2);
    cluster.campaign(3); // has the votes of 1 and 3: the new majority alone
    expect(cluster.at(3).node.state).toBe("StateCandidate");
  });

  it("that is explicit ends on order (TestRawNodeProposeAndConfChange)", () => {
    const cluster = start();
    propose(cluster, 1, replace);
    const joint = cluster.at(1).node.confState;
    propose(cluster, 1, LEAVE_JOINT);
    expect([joint.votersOutgoing, cluster.at(1).node.confState]).toEqual([
      [1, 2],
      confStateOf([1, 3]),
    ]);
  });

  it("that is implicit ends by itself (TestRawNodeJointAutoLeave)", () => {
    const cluster = start();
    propose(cluster, 1, { ...replace, transition: "joint-implicit" });
    cluster.tick(2);
    expect(cluster.at(1).node.confState).toEqual(confStateOf([1, 3]));
  });

  it("ends by itself also if leadership was being handed over in vain", () => {
    const cluster = start();
    const leader = cluster.at(1);
    cluster.cut(1, 4);
    leader.node.proposeConfChange({ ...replace, transition: "joint-implicit" });
    const sent = leader.drain();
    cluster.isolate(2);
    leader.node.transferLeader(2); // its acknowledgement has not come yet
    for (const m of sent.filter(({ to }) => to === 2)) {
      for (const answer of cluster.at(2).step(m)) cluster.flow([...leader.step(answer)]);
    }
    const joint = leader.node.confState.votersOutgoing;
    cluster.recover();
    cluster.ignore("MsgTimeoutNow");
    cluster.tick(12, [1]);
    expect([joint, leader.node.confState]).toEqual([[1, 2], confStateOf([1, 3])]);
  });
});

describe("a leader that a change removes", () => {
  it.each([
    { stepDownOnRemoval: false, state: "StateLeader" },
    { stepDownOnRemoval: true, state: "StateFollower" },
  ])("with $stepDownOnRemoval is a $state (StepDownOnRemoval)", (row) => {
    const { stepDownOnRemoval } = row;
    const voters = [1, 2, 3];
    const cluster = new TestCluster(
      voters.map((id) => new TestNode(id, { voters }, { stepDownOnRemoval })),
    );
    cluster.campaign(1);
    propose(cluster, 1, single("ConfChangeRemoveNode", 1));
    expect(cluster.at(1).node.state).toBe(row.state);
    expect(cluster.propose(1, "a")).toBe("proposal-dropped");
  });
});
