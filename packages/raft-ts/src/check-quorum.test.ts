/**
 * Check-quorum: a leader without a majority steps down, and who hears a leader votes for nobody.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { bareLeader } from "./testing/bare-raft.ts";
import { TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";
import { tick } from "./tick.ts";

const QUORUM: TestSettings = { checkQuorum: true };

describe("a leader with check-quorum", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderStepdownWhenQuorumActive.
  it("stays while one of two followers answers", () => {
    const one = TestNode.elected({}, QUORUM);
    for (let i = 0; i < 25; i += 1) {
      one.hear("MsgHeartbeatResp", 2);
      one.tick(1);
    }
    expect([one.node.state, one.node.term]).toEqual(["StateLeader", 1]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderStepdownWhenQuorumLost.
  it("steps down in its term when nobody has answered for an election timeout", () => {
    const one = TestNode.elected({}, QUORUM);
    one.tick(9);
    const before = one.node.state;
    one.tick(11); // the check after ten ticks still counts the votes; the next one counts nobody
    expect([before, one.node.state, one.node.term, one.node.lead]).toEqual([
      "StateLeader",
      "StateFollower",
      1,
      0,
    ]);
  });

  it("counts itself, also while its disk has not written the first entry of its term", () => {
    const r = bareLeader({ voters: [1] }, QUORUM);
    for (let i = 0; i < 40; i += 1) tick(r);
    expect([r.state, r.log.committed]).toEqual(["StateLeader", 0]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestNonPromotableVoterWithCheckQuorum.
  it("can be elected by a voter that does not know it is one and never campaigns", () => {
    const cluster = new TestCluster([
      new TestNode(1, { voters: [1, 2] }, QUORUM),
      new TestNode(2, { voters: [1] }, QUORUM),
    ]);
    const silence = cluster.at(2).tick(40);
    cluster.campaign(1);
    expect([silence, cluster.states()]).toEqual([[], ["StateLeader 1 1", "StateFollower 1 1"]]);
  });
});

describe("a vote request with check-quorum", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderSupersedingWithCheckQuorum.
  it("is ignored within an election timeout of hearing the leader, and granted after", () => {
    const cluster = TestCluster.of(3, QUORUM);
    const second = cluster.at(2);
    cluster.campaign(1);
    cluster.campaign(3);
    const within = cluster.states();
    second.node.setRandomizedElectionTicks(11);
    second.tick(9);
    cluster.campaign(3);
    const atTheEnd = cluster.states();
    second.tick(1);
    cluster.campaign(3);
    expect([within, atTheEnd, cluster.states()]).toEqual([
      ["StateLeader 1 1", "StateFollower 1 1", "StateCandidate 2 0"],
      ["StateLeader 1 1", "StateFollower 1 1", "StateCandidate 3 0"],
      ["StateFollower 4 3", "StateFollower 4 3", "StateLeader 4 3"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderElectionWithCheckQuorum.
  it("is granted by nodes that have just started, and by those whose leader fell silent", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1); // nobody has waited for anything
    const first = cluster.states();
    for (const id of [1, 2]) {
      cluster.at(id).node.setRandomizedElectionTicks(11);
      cluster.at(id).tick(10);
    }
    cluster.campaign(3);
    expect([first, cluster.states()]).toEqual([
      ["StateLeader 1 1", "StateFollower 1 1", "StateFollower 1 1"],
      ["StateFollower 2 3", "StateFollower 2 3", "StateLeader 2 3"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestFreeStuckCandidateWithCheckQuorum.
  it("that is ignored does not lock its sender out: a heartbeat deposes the leader", () => {
    const cluster = TestCluster.of(3, QUORUM);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(3);
    const once = cluster.states();
    cluster.campaign(3);
    const twice = cluster.states();
    cluster.recover();
    cluster.tick(1, [1]);
    const freed = cluster.states();
    cluster.campaign(3);
    expect([once, twice, freed, cluster.states()]).toEqual([
      ["StateLeader 1 1", "StateFollower 1 1", "StateCandidate 2 0"],
      ["StateLeader 1 1", "StateFollower 1 1", "StateCandidate 3 0"],
      ["StateFollower 3 0", "StateFollower 1 1", "StateCandidate 3 0"],
      // Node 2 has heard a leader a moment ago and still votes for nobody; node 1 does.
      ["StateFollower 4 3", "StateFollower 4 3", "StateLeader 4 3"],
    ]);
  });
});

describe("a follower that hears its leader too late", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestDisruptiveFollower.
  it("deposes it without pre-vote, by its answer to the late heartbeat", () => {
    const voters = [1, 2, 3];
    const cluster = new TestCluster(
      voters.map((id) => new TestNode(id, { voters, hardState: { term: 1 } }, QUORUM)),
    );
    cluster.campaign(1);
    const third = cluster.at(3);
    third.node.setRandomizedElectionTicks(12);
    third.tick(11);
    const patient = third.node.state;
    third.tick(1); // its requests are still on the way
    const candidate = cluster.states();
    cluster.flow(third.hear("MsgHeartbeat", 1, { term: 2 }));
    expect([patient, candidate, cluster.states()]).toEqual([
      "StateFollower",
      ["StateLeader 2 1", "StateFollower 2 1", "StateCandidate 3 0"],
      ["StateFollower 3 0", "StateFollower 2 1", "StateCandidate 3 0"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestDisruptiveFollowerPreVote.
  it("with pre-vote leaves it alone, with a shorter log and with a late heartbeat", () => {
    const settings: TestSettings = { ...QUORUM, preVote: true };
    const voters = [1, 2, 3];
    const cluster = new TestCluster(
      voters.map((id) => new TestNode(id, { voters, hardState: { term: 1 } }, settings)),
    );
    cluster.campaign(1);
    cluster.isolate(3);
    for (const data of ["a", "b", "c"]) cluster.propose(1, data);
    cluster.recover();
    cluster.campaign(3);
    const asking = cluster.states();
    cluster.flow(cluster.at(3).hear("MsgHeartbeat", 1, { term: 2 }));
    expect([asking, cluster.states(), cluster.logs()[2]]).toEqual([
      ["StateLeader 2 1", "StateFollower 2 1", "StatePreCandidate 2 0"],
      ["StateLeader 2 1", "StateFollower 2 1", "StateFollower 2 1"],
      ["2/", "2/a", "2/b", "2/c"],
    ]);
  });
});
