/**
 * Membership changes on running nodes.
 * Source: etcd-raft raft_test (AddNode to CommitAfterRemoveNode, ConfChange*), rawnode_test.
 */
import { describe, expect, it } from "vitest";
import type { ConfChangeSingle, ConfChangeType } from "./conf-change.ts";
import { confChangeEntry, LEAVE_JOINT, type ConfChange } from "./conf-change-codec.ts";
import { RaftError } from "./errors.ts";
import { makeMessage } from "./message.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { Entry } from "./types.ts";
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
  it("adds a voter, which gets the log and counts (TestAddNode)", () => {
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

  it("adds a learner, which gets the log and does not count (TestAddLearner, TestLearnerLogReplication)", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddLearnerNode", 3));
    cluster.tick(2);
    const before = cluster.at(1).node.commitIndex;
    cluster.isolate(2);
    cluster.propose(1, "a");
    expect([cluster.at(3).log().at(-1), cluster.at(1).node.commitIndex]).toEqual(["1/a", before]);
  });

  it("promotes a learner (TestLearnerPromotion)", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddLearnerNode", 3));
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    cluster.tick(2);
    cluster.campaign(3);
    expect(cluster.at(3).node.state).toBe("StateLeader");
  });

  it("does not depose the leader for a newcomer that was not heard of (TestAddNodeCheckQuorum)", () => {
    const cluster = new TestCluster([new TestNode(1, { voters: [1] }, { checkQuorum: true })]);
    cluster.campaign(1);
    cluster.tick(9);
    propose(cluster, 1, single("ConfChangeAddNode", 2));
    cluster.tick(1);
    expect(cluster.at(1).node.state).toBe("StateLeader");
    cluster.tick(10); // now it had its time
    expect(cluster.at(1).node.state).toBe("StateFollower");
  });

  it("commits at once what the smaller group already holds (TestCommitAfterRemoveNode)", () => {
    const cluster = start();
    const leader = cluster.at(1);
    leader.node.proposeConfChange(single("ConfChangeRemoveNode", 2));
    leader.node.propose(asciiBytes("a"));
    const sent = leader.drain();
    cluster.at(2).step(sent[0] ?? makeMessage({ type: "MsgApp" })); // the change alone
    const [ack] = [makeMessage({ type: "MsgAppResp", from: 2, to: 1, term: 1, index: 2 })];
    leader.step(ack);
    expect([leader.node.confState, leader.appliedData()]).toEqual([confStateOf([1]), ["a"]]);
  });

  it("that removes everybody is refused when it is applied (TestRemoveNode)", () => {
    const one = new TestNode(1, { voters: [1] });
    expect(() => one.node.applyConfChange(single("ConfChangeRemoveNode", 1))).toThrow(
      new RaftError("invalid-conf-change", "removed all voters"),
    );
  });

  it("of one node twice changes nothing the second time (TestRawNodeProposeAddDuplicateNode)", () => {
    const cluster = start();
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    propose(cluster, 1, single("ConfChangeAddNode", 3));
    expect(cluster.at(1).node.confState).toEqual(confStateOf([1, 2, 3]));
  });
});

describe("one change at a time", () => {
  it("turns a second one into an empty entry while the first is not applied (TestStepConfig, TestStepIgnoreConfig)", () => {
    const cluster = start();
    const { node } = cluster.at(1);
    node.proposeConfChange(single("ConfChangeAddNode", 3));
    node.proposeConfChange(single("ConfChangeAddNode", 4));
    const types = node.ready().entries.map(({ type, data }) => [type, data.length > 0]);
    expect(types).toEqual([
      ["EntryConfChangeV2", true],
      ["EntryNormal", false],
    ]);
  });

  it("also holds for a new leader until its own first entry is applied (TestNewLeaderPendingConfig)", () => {
    const one = new TestNode(1, { voters: [1, 2], terms: [1], hardState: { term: 1 } });
    one.node.campaign();
    one.drain();
    one.step(makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 2 }));
    one.node.proposeConfChange(single("ConfChangeAddNode", 3));
    expect(one.node.ready().entries.map(({ type }) => type)).toEqual(["EntryNormal"]);
  });

  it.each([false, true])(
    "keeps a node with an unapplied change from campaigning, as V1 %s (TestConfChange*CheckBeforeCampaign)",
    (asV1) => {
      const one = new TestNode(1, { voters: [1, 2] }, { asyncStorageWrites: true });
      const change: Entry = confChangeEntry(single("ConfChangeAddNode", 3), asV1);
      const entries = [{ ...change, term: 1, index: 1 }];
      one.node.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 1, entries, commit: 1 }));
      one.storage.append(entries);
      for (const m of one.node.ready().messages) for (const r of m.responses) one.node.step(r);
      one.node.campaign();
      expect(one.node.state).toBe("StateFollower");
      const apply = one.node.ready().messages.find(({ type }) => type === "MsgStorageApply");
      one.node.applyConfChange(single("ConfChangeAddNode", 3));
      for (const r of apply?.responses ?? []) one.node.step(r);
      one.node.campaign();
      expect(one.node.state).toBe("StateCandidate");
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

describe("a transfer to a node that a change removes or demotes", () => {
  it.each<ConfChangeType>(["ConfChangeRemoveNode", "ConfChangeAddLearnerNode"])(
    "ends with %s (TestLeaderTransferRemoveNode, …DemoteNode)",
    (type) => {
      const cluster = TestCluster.of(3);
      cluster.campaign(1);
      cluster.ignore("MsgTimeoutNow");
      cluster.transfer(1, 3);
      cluster.at(1).node.applyConfChange(single(type, 3));
      expect(cluster.at(1).node.basicStatus().leadTransferee).toBe(0);
    },
  );
});
