/**
 * Handing leadership to a chosen node.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import type { ConfChangeType } from "./conf-change.ts";
import { LEAVE_JOINT, type ConfChange } from "./conf-change-codec.ts";
import { confStateOf, TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";
import type { Message } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const transferee = (cluster: TestCluster): number =>
  cluster.at(1).node.basicStatus().leadTransferee;

function changeOf(...changes: [ConfChangeType, number][]): ConfChange {
  return {
    transition: "auto",
    changes: changes.map(([type, nodeId]) => ({ type, nodeId })),
    context: EMPTY_DATA,
  };
}

/** Node 1 leads three. */
function led(settings: TestSettings = {}): TestCluster {
  const cluster = TestCluster.of(3, settings);
  cluster.campaign(1);
  return cluster;
}

/** Node 1 leads three and hands over to node 3, which does not hear it. */
function handingOver(): TestCluster {
  const cluster = led();
  cluster.isolate(3);
  cluster.transfer(1, 3);
  expect(transferee(cluster)).toBe(3);
  return cluster;
}

const LED_BY_1 = ["StateLeader 1 1", "StateFollower 1 1", "StateFollower 1 1"];
const LED_BY_2 = ["StateFollower 2 2", "StateLeader 2 2", "StateFollower 2 2"];
const LED_BY_3 = ["StateFollower 2 3", "StateFollower 2 3", "StateLeader 2 3"];
const LED_BY_1_AGAIN = ["StateLeader 3 1", "StateFollower 3 1", "StateFollower 3 1"];

describe("a transfer of leadership", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferToUpToDateNode.
  it("to an up-to-date node, asked at the leader, is done at once, and back again", () => {
    const cluster = led();
    cluster.transfer(1, 2);
    const there = cluster.states();
    cluster.propose(1, "a");
    cluster.transfer(2, 1);
    expect([there, cluster.states(), transferee(cluster)]).toEqual([LED_BY_2, LED_BY_1_AGAIN, 0]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferToUpToDateNodeFromFollower.
  it("to an up-to-date node, asked at that follower, is passed on to the leader", () => {
    const cluster = led();
    cluster.transfer(2, 2);
    const there = cluster.states();
    cluster.propose(1, "a");
    cluster.transfer(1, 1);
    expect([there, cluster.states(), transferee(cluster)]).toEqual([LED_BY_2, LED_BY_1_AGAIN, 0]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferWithCheckQuorum.
  it.each([false, true])(
    "is not hindered by the lease of check-quorum, with pre-vote %s",
    (preVote) => {
      const cluster = led({ checkQuorum: true, preVote });
      cluster.transfer(1, 2);
      const there = cluster.states();
      cluster.propose(1, "a");
      cluster.transfer(2, 1);
      expect([there, cluster.states(), transferee(cluster)]).toEqual([LED_BY_2, LED_BY_1_AGAIN, 0]);
    },
  );

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferToSlowFollower.
  it("first brings a slow node up to date", () => {
    const cluster = led();
    cluster.isolate(3);
    cluster.propose(1, "a");
    cluster.recover();
    cluster.transfer(1, 3);
    expect([cluster.states(), cluster.logs()[2], transferee(cluster)]).toEqual([
      LED_BY_3,
      ["1/", "1/a", "2/"],
      0,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferAfterSnapshot.
  it("waits for a node that needs a snapshot until it has installed it", () => {
    const cluster = led();
    cluster.isolate(3);
    cluster.propose(1, "a");
    const { storage } = cluster.at(1);
    storage.createSnapshot(2, confStateOf([1, 2, 3]), EMPTY_DATA);
    storage.compact(2);
    cluster.recover();
    const kept: Message[] = [];
    cluster.passes = (m) => {
      const isInstalled = m.type === "MsgAppResp" && m.from === 3 && !m.reject;
      if (isInstalled) kept.push(m);
      return !isInstalled;
    };
    cluster.transfer(1, 3);
    const waiting = [cluster.states(), transferee(cluster), kept.map(({ index }) => index)];
    cluster.passes = () => true;
    cluster.flow(kept);
    expect([waiting, cluster.states(), transferee(cluster)]).toEqual([
      [LED_BY_1, 3, [2]],
      LED_BY_3,
      0,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferToSelf.
  it("to the leader itself changes nothing", () => {
    const cluster = led();
    cluster.transfer(1, 1);
    expect([cluster.states(), transferee(cluster)]).toEqual([LED_BY_1, 0]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferToNonExistingNode.
  it("to a node that is not in the group changes nothing", () => {
    const cluster = led();
    cluster.transfer(1, 4);
    expect([cluster.states(), transferee(cluster), cluster.propose(1, "a")]).toEqual([
      LED_BY_1,
      0,
      undefined,
    ]);
  });

  it("to a learner changes nothing", () => {
    const cluster = new TestCluster(
      [1, 2, 3].map((id) => new TestNode(id, { voters: [1, 2], learners: [3] })),
    );
    cluster.campaign(1);
    cluster.transfer(1, 3);
    expect([cluster.states(), transferee(cluster)]).toEqual([LED_BY_1, 0]);
  });
});

describe("a transfer under way", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferTimeout.
  it("is given up after one election timeout, not before", () => {
    const cluster = handingOver();
    const after = [1, 8, 1].map((ticks) => {
      cluster.tick(ticks, [1]);
      return transferee(cluster);
    });
    expect([after, cluster.states()[0]]).toEqual([[3, 3, 0], "StateLeader 1 1"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferIgnoreProposal.
  it("refuses proposals, which are taken again when it is given up", () => {
    const cluster = handingOver();
    const during = [cluster.propose(1, "a"), cluster.at(1).node.propose(EMPTY_DATA)?.code];
    const log = cluster.at(1).log();
    cluster.tick(10, [1]);
    expect([during, log, cluster.propose(1, "b"), cluster.at(1).log()]).toEqual([
      ["proposal-dropped", "proposal-dropped"],
      ["1/"],
      undefined,
      ["1/", "1/b"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferReceiveHigherTermVote.
  it("ends when another node is elected", () => {
    const cluster = handingOver();
    cluster.campaign(2);
    expect([cluster.states().slice(0, 2), transferee(cluster)]).toEqual([
      ["StateFollower 2 2", "StateLeader 2 2"],
      0,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferRemoveNode.
  it("ends when its target is removed", () => {
    const cluster = led();
    cluster.ignore("MsgTimeoutNow");
    cluster.transfer(1, 3);
    const before = transferee(cluster);
    cluster.at(1).node.applyConfChange(changeOf(["ConfChangeRemoveNode", 3]));
    expect([before, transferee(cluster), cluster.states()[0]]).toEqual([3, 0, "StateLeader 1 1"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferDemoteNode.
  it("ends when its target has become a learner, not while it still votes in a joint state", () => {
    const cluster = led();
    cluster.ignore("MsgTimeoutNow");
    cluster.transfer(1, 3);
    const { node } = cluster.at(1);
    node.applyConfChange(changeOf(["ConfChangeRemoveNode", 3], ["ConfChangeAddLearnerNode", 3]));
    const joint = [transferee(cluster), node.confState.learnersNext];
    node.applyConfChange(LEAVE_JOINT);
    expect([joint, transferee(cluster), node.confState, node.state]).toEqual([
      [3, [3]],
      0,
      confStateOf([1, 2], [3]),
      "StateLeader",
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferBack.
  it("is taken back by a transfer to the leader itself", () => {
    const cluster = handingOver();
    cluster.transfer(1, 1);
    expect([transferee(cluster), cluster.states()[0], cluster.propose(1, "a")]).toEqual([
      0,
      "StateLeader 1 1",
      undefined,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferSecondTransferToAnotherNode.
  it("gives way to a transfer to another node", () => {
    const cluster = handingOver();
    cluster.transfer(1, 2);
    expect([cluster.states().slice(0, 2), transferee(cluster)]).toEqual([
      ["StateFollower 2 2", "StateLeader 2 2"],
      0,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderTransferSecondTransferToSameNode.
  it("does not get more time by being asked for again", () => {
    const cluster = handingOver();
    cluster.tick(1, [1]);
    cluster.transfer(1, 3);
    cluster.tick(8, [1]);
    const before = transferee(cluster);
    cluster.tick(1, [1]);
    expect([before, transferee(cluster), cluster.states()[0]]).toEqual([3, 0, "StateLeader 1 1"]);
  });
});

describe("an order to campaign at once", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestTransferNonMember.
  it("does not make a node that has been removed campaign, nor lead when it gets votes", () => {
    const one = new TestNode(1, { voters: [2, 3, 4] });
    const sent = one.hear("MsgTimeoutNow", 2);
    for (const from of [2, 3]) one.hear("MsgVoteResp", from);
    expect([sent, one.node.state, one.node.term]).toEqual([[], "StateFollower", 0]);
  });
});
