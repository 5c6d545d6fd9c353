/**
 * Keeping, losing and handing over leadership: check-quorum, pre-vote, transfer.
 * Source: etcd-raft raft_test.
 */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { TestCluster, TestNode } from "./testing/test-cluster.ts";

const QUORUM = { checkQuorum: true };

describe("check-quorum", () => {
  it("keeps a leader that hears a majority (TestLeaderStepdownWhenQuorumActive)", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.tick(25, [1, 2]);
    expect(cluster.at(1).node.state).toBe("StateLeader");
  });

  it("deposes a leader that hears no majority (TestLeaderStepdownWhenQuorumLost)", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.tick(21, [1]);
    expect(cluster.states()[0]).toBe("StateFollower 1 0");
  });

  it("grants no vote while a leader was heard of (TestLeaderSupersedingWithCheckQuorum)", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1);
    cluster.campaign(3);
    expect(cluster.states()).toEqual([
      "StateLeader 1 1",
      "StateFollower 1 1",
      "StateCandidate 2 0",
    ]);
    cluster.at(2).node.setRandomizedElectionTicks(100);
    cluster.at(2).tick(10); // an election timeout without a word
    cluster.campaign(3);
    expect(cluster.states()[2]).toBe("StateLeader 3 3");
  });

  it("frees a candidate that is stuck in a higher term (TestFreeStuckCandidateWithCheckQuorum)", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(3);
    cluster.campaign(3);
    cluster.recover();
    expect(cluster.states()).toEqual([
      "StateLeader 1 1",
      "StateFollower 1 1",
      "StateCandidate 3 0",
    ]);
    cluster.tick(1, [1]); // its heartbeat is answered with the higher term
    expect(cluster.states()[0]).toBe("StateFollower 3 0");
    cluster.at(2).tick(10);
    cluster.campaign(3);
    expect(cluster.states()[2]).toBe("StateLeader 4 3");
  });

  it("does not depose a leader for a node that is not in the group (TestNonPromotableVoterWithCheckQuorum)", () => {
    const cluster = new TestCluster([
      new TestNode(1, { voters: [1, 2] }, QUORUM),
      new TestNode(2, { voters: [1] }, QUORUM),
    ]);
    cluster.campaign(1);
    cluster.tick(25);
    expect(cluster.states()).toEqual(["StateLeader 1 1", "StateFollower 1 1"]);
  });
});

describe("pre-vote", () => {
  const settings = { preVote: true };

  it("leaves the term alone until it is won (TestPreVoteFromAnyState)", () => {
    const one = new TestNode(1, { hardState: { term: 4 } }, settings);
    one.node.campaign();
    const sent = one.drain();
    expect([one.node.state, one.node.term, sent.map((m) => `${m.type} ${m.term}`)]).toEqual([
      "StatePreCandidate",
      4,
      ["MsgPreVote 5", "MsgPreVote 5"],
    ]);
  });

  it("keeps a returning node from disturbing the group (TestDisruptiveFollowerPreVote)", () => {
    const cluster = TestCluster.of(3, { ...settings, checkQuorum: true });
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.tick(60, [3]);
    cluster.propose(1, "a");
    cluster.recover();
    cluster.tick(1, [3, 1, 2]);
    expect(cluster.states()).toEqual(["StateLeader 1 1", "StateFollower 1 1", "StateFollower 1 1"]);
  });

  it("is refused to an older log (TestRecvMsgPreVote)", () => {
    const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } }, settings);
    const ask = { type: "MsgPreVote", from: 2, to: 1, term: 3, logTerm: 1, index: 9 } as const;
    expect(one.step(makeMessage(ask)).map((m) => [m.type, m.term, m.reject])).toEqual([
      ["MsgPreVoteResp", 2, true],
    ]);
  });

  it("of an old term is answered, not ignored (TestPreVoteMigration*)", () => {
    const one = new TestNode(1, { hardState: { term: 5 } }, settings);
    const ask = makeMessage({ type: "MsgPreVote", from: 2, to: 1, term: 3 });
    expect(one.step(ask).map((m) => [m.type, m.term, m.reject])).toEqual([
      ["MsgPreVoteResp", 5, true],
    ]);
  });

  it("lets a split vote be repeated until one wins (TestPreVoteWithSplitVote)", () => {
    const cluster = TestCluster.of(3, settings);
    cluster.campaign(1);
    cluster.isolate(1);
    for (const id of [2, 3]) cluster.at(id).node.forgetLeader();
    const both = [2, 3].flatMap((id) => {
      cluster.at(id).node.campaign();
      return cluster.at(id).drain();
    });
    cluster.flow(both);
    cluster.campaign(2);
    expect(cluster.at(2).node.state).toBe("StateLeader");
  });
});

describe("leader transfer", () => {
  it.each([
    ["the leader", 1],
    ["a follower", 2],
  ])(
    "to an up-to-date node, asked at %s, is immediate (TestLeaderTransferToUpToDateNode*)",
    (_, at) => {
      const cluster = TestCluster.of(3);
      cluster.campaign(1);
      cluster.transfer(at, 2);
      expect(cluster.states()).toEqual([
        "StateFollower 2 2",
        "StateLeader 2 2",
        "StateFollower 2 2",
      ]);
    },
  );

  it("is not hindered by check-quorum and pre-vote (TestLeaderTransferWithCheckQuorum)", () => {
    const cluster = TestCluster.of(3, { checkQuorum: true, preVote: true });
    cluster.campaign(1);
    cluster.transfer(1, 3);
    expect(cluster.states()[2]).toBe("StateLeader 2 3");
  });

  it("first brings a slow node up to date (TestLeaderTransferToSlowFollower)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.propose(1, "a");
    cluster.recover();
    cluster.transfer(1, 3);
    expect([cluster.states()[2], cluster.logs()[2]]).toEqual([
      "StateLeader 2 3",
      ["1/", "1/a", "2/"],
    ]);
  });

  it.each([
    ["itself", 1],
    ["a stranger", 9],
  ])("to %s changes nothing (TestLeaderTransferToSelf, …ToNonExistingNode)", (_, to) => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.transfer(1, to);
    expect([cluster.states()[0], cluster.at(1).node.basicStatus().leadTransferee]).toEqual([
      "StateLeader 1 1",
      0,
    ]);
  });

  it("refuses proposals, and ends after an election timeout (TestLeaderTransferTimeout, …IgnoreProposal)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.transfer(1, 3);
    const during = cluster.propose(1, "a");
    cluster.tick(10, [1]);
    const status = cluster.at(1).node.basicStatus();
    expect([during, status.leadTransferee, cluster.propose(1, "b")]).toEqual([
      "proposal-dropped",
      0,
      undefined,
    ]);
  });

  it("to another node replaces the one under way (TestLeaderTransferSecondTransferToAnotherNode)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.transfer(1, 3);
    cluster.transfer(1, 2);
    expect(cluster.at(2).node.state).toBe("StateLeader");
  });

  it("to itself takes the one under way back (TestLeaderTransferBack)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.transfer(1, 3);
    cluster.transfer(1, 1);
    expect([cluster.at(1).node.basicStatus().leadTransferee, cluster.propose(1, "a")]).toEqual([
      0,
      undefined,
    ]);
  });

  it("asked again for the same node does not start its time again (TestLeaderTransferSecondTransferToSameNode)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.transfer(1, 3);
    cluster.tick(5, [1]);
    cluster.transfer(1, 3);
    cluster.tick(5, [1]);
    expect(cluster.at(1).node.basicStatus().leadTransferee).toBe(0);
  });

  it("ends when a higher term appears (TestLeaderTransferReceiveHigherTermVote)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.transfer(1, 3);
    cluster.campaign(2);
    expect([cluster.at(1).node.basicStatus().leadTransferee, cluster.states()[1]]).toEqual([
      0,
      "StateLeader 2 2",
    ]);
  });

  it("to a learner is ignored", () => {
    const cluster = new TestCluster(
      [1, 2, 3].map((id) => new TestNode(id, { voters: [1, 2], learners: [3] })),
    );
    cluster.campaign(1);
    cluster.transfer(1, 3);
    expect(cluster.at(1).node.basicStatus().leadTransferee).toBe(0);
  });
});
