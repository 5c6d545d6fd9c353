/**
 * Pre-vote: asking whether an election could be won before raising the term.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";

const PRE_VOTE: TestSettings = { preVote: true };

function clusterInTerm1(settings: TestSettings): TestCluster {
  const voters = [1, 2, 3];
  return new TestCluster(
    voters.map((id) => new TestNode(id, { voters, hardState: { term: 1 } }, settings)),
  );
}

describe("pre-vote", () => {
  it("leaves the term alone until it is won", () => {
    const one = new TestNode(1, { hardState: { term: 4 } }, PRE_VOTE);
    one.node.campaign();
    const sent = one.drain();
    expect([one.node.state, one.node.term, sent.map((m) => `${m.type} ${m.term}`)]).toEqual([
      "StatePreCandidate",
      4,
      ["MsgPreVote 5", "MsgPreVote 5"],
    ]);
  });

  it("of an old term is refused aloud, with the newer term", () => {
    const one = new TestNode(1, { hardState: { term: 5 } }, PRE_VOTE);
    const response = { type: "MsgPreVoteResp", from: 1, to: 2, term: 5, reject: true } as const;
    expect(one.hear("MsgPreVote", 2, { term: 3 })).toEqual([makeMessage(response)]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestNodeWithSmallerTermCanCompleteElection.
  it("lets a node that fell behind in terms take part in the next election", () => {
    const cluster = clusterInTerm1(PRE_VOTE);
    cluster.isolate(3);
    cluster.campaign(1);
    cluster.campaign(3);
    cluster.campaign(2);
    const apart = cluster.states();
    cluster.recover();
    cluster.isolate(2); // the leader is gone when the lost node is back
    cluster.campaign(3);
    const asked = cluster.states();
    cluster.campaign(1);
    expect([apart, asked, cluster.states()]).toEqual([
      ["StateFollower 3 2", "StateLeader 3 2", "StatePreCandidate 1 0"],
      // Refused for its short log, it has learnt the term from the refusal.
      ["StateFollower 3 2", "StateLeader 3 2", "StateFollower 3 0"],
      ["StateLeader 4 1", "StateLeader 3 2", "StateFollower 4 1"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPreVoteWithSplitVote.
  it("can end in a split vote, and the next round elects", () => {
    const cluster = clusterInTerm1(PRE_VOTE);
    cluster.campaign(1);
    cluster.isolate(1);
    const both = [2, 3].flatMap((id) => {
      cluster.at(id).node.campaign();
      return cluster.at(id).drain();
    });
    cluster.flow(both); // each grants the pre-vote of the other, and then votes for itself
    const split = cluster.states().slice(1);
    cluster.campaign(2);
    expect([split, cluster.states().slice(1)]).toEqual([
      ["StateCandidate 3 0", "StateCandidate 3 0"],
      ["StateLeader 4 2", "StateFollower 4 2"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPreVoteWithCheckQuorum.
  it("is granted by a pre-candidate, which has given up its leader, despite check-quorum", () => {
    const cluster = clusterInTerm1({ ...PRE_VOTE, checkQuorum: true });
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(3);
    const ignored = cluster.states().slice(1);
    cluster.campaign(2);
    expect([ignored, cluster.states().slice(1)]).toEqual([
      ["StateFollower 2 1", "StatePreCandidate 2 0"],
      ["StateLeader 3 2", "StateFollower 3 2"],
    ]);
  });
});

describe("a group in which pre-vote is switched on node by node", () => {
  /** 1 leads term 2; 3, the last to get it, was cut off as a candidate of term 4. */
  function migrating(): TestCluster {
    const voters = [1, 2, 3];
    const start = { voters, hardState: { term: 1 } };
    const cluster = new TestCluster(
      voters.map((id) => new TestNode(id, start, { preVote: id !== 3 })),
    );
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.propose(1, "a");
    cluster.campaign(3);
    cluster.campaign(3);
    expect(cluster.states()).toEqual([
      "StateLeader 2 1",
      "StateFollower 2 1",
      "StateCandidate 4 0",
    ]);
    cluster.restart(3, PRE_VOTE);
    cluster.recover();
    return cluster;
  }

  // Source: etcd-raft v3.7 raft_test.go, TestPreVoteMigrationCanCompleteElection.
  it("elects one that has the log, although another is in a higher term", () => {
    const cluster = migrating();
    cluster.isolate(1);
    cluster.campaign(3); // refused for its log
    cluster.campaign(2); // refused for its term, which it so learns
    const first = cluster.states().slice(1);
    cluster.campaign(3);
    cluster.campaign(2);
    expect([first, cluster.states().slice(1)]).toEqual([
      ["StateFollower 4 0", "StatePreCandidate 4 0"],
      ["StateLeader 5 2", "StateFollower 5 2"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPreVoteMigrationWithFreeStuckPreCandidate.
  it("frees a pre-candidate of a higher term when the leader's heartbeat reaches it", () => {
    const cluster = migrating();
    const asked = [1, 2].map(() => {
      cluster.campaign(3);
      return cluster.states();
    });
    cluster.tick(1, [1]);
    expect([asked, cluster.states()]).toEqual([
      [
        ["StateLeader 2 1", "StateFollower 2 1", "StatePreCandidate 4 0"],
        ["StateLeader 2 1", "StateFollower 2 1", "StatePreCandidate 4 0"],
      ],
      ["StateFollower 4 0", "StateFollower 2 1", "StatePreCandidate 4 0"],
    ]);
  });
});
