/**
 * Elections among several nodes, with and without pre-vote.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";
import type { StateType } from "./types.ts";

const ends = (cluster: TestCluster): string[] =>
  [...cluster.nodes.values()].map(
    ({ node }) => `${node.state} ${node.term} last ${node.lastIndex}`,
  );

interface Election {
  /** Number of voters. */
  readonly size: number;
  /** Those that answer nothing. */
  readonly silent: readonly number[];
  readonly state: StateType;
  readonly term: number;
}

/** Node 1 campaigns; says how it ends. */
function outcome({ size, silent }: Election, settings: TestSettings): [StateType, number] {
  const voters = Array.from({ length: size }, (_, i) => i + 1);
  const alive = voters.filter((id) => !silent.includes(id));
  const cluster = new TestCluster(alive.map((id) => new TestNode(id, { voters }, settings)));
  cluster.campaign(1);
  return [cluster.at(1).node.state, cluster.at(1).node.term];
}

/** Of five nodes, three have a longer log than the candidate and are in the term it will enter. */
function againstLongerLogs(settings: TestSettings): string {
  const voters = [1, 2, 3, 4, 5];
  const logs = [[], [1], [1], [1, 1], []];
  const cluster = new TestCluster(
    logs.map((terms, i) => {
      const hardState = { term: terms.length === 0 ? 0 : 1 };
      return new TestNode(i + 1, { voters, terms, hardState }, settings);
    }),
  );
  cluster.campaign(1);
  return cluster.states()[0] ?? "";
}

describe("an election", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderElection.
  it.each<Election>([
    { size: 3, silent: [], state: "StateLeader", term: 1 },
    { size: 3, silent: [3], state: "StateLeader", term: 1 },
    { size: 3, silent: [2, 3], state: "StateCandidate", term: 1 },
    { size: 4, silent: [2, 3], state: "StateCandidate", term: 1 },
    { size: 5, silent: [2, 3], state: "StateLeader", term: 1 },
  ])("of $size voters with $silent silent ends in $state of term $term", (row) => {
    expect(outcome(row, { preVote: false })).toEqual([row.state, row.term]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderElectionPreVote.
  it.each<Election>([
    { size: 3, silent: [], state: "StateLeader", term: 1 },
    { size: 3, silent: [3], state: "StateLeader", term: 1 },
    { size: 3, silent: [2, 3], state: "StatePreCandidate", term: 0 },
    { size: 4, silent: [2, 3], state: "StatePreCandidate", term: 0 },
    { size: 5, silent: [2, 3], state: "StateLeader", term: 1 },
  ])("with pre-vote, of $size voters with $silent silent, ends in $state of term $term", (row) => {
    expect(outcome(row, { preVote: true })).toEqual([row.state, row.term]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderElection and TestLeaderElectionPreVote.
  it.each([false, true])("is lost to a majority of longer logs, pre-vote %s", (preVote) => {
    expect(againstLongerLogs({ preVote })).toBe("StateFollower 1 0");
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderCycle and TestLeaderCyclePreVote.
  it.each([false, true])("can be won by every node in turn, pre-vote %s", (preVote) => {
    const cluster = TestCluster.of(3, { preVote });
    for (const id of [1, 2, 3]) {
      cluster.campaign(id);
      expect(cluster.states()).toEqual(
        [1, 2, 3].map((one) => `${one === id ? "StateLeader" : "StateFollower"} ${id} ${id}`),
      );
    }
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderElectionOverwriteNewerLogs and
  // TestLeaderElectionOverwriteNewerLogsPreVote.
  it.each([false, true])(
    "can be won with an older log than one that no majority holds, which is replaced, pre-vote %s",
    (preVote) => {
      const voters = [1, 2, 3, 4, 5];
      // Node 1 led term 1 and reached node 2; node 3 led term 2 by the votes of 4 and 5 and
      // reached nobody.
      const starts = [
        { terms: [1], hardState: { term: 1 } },
        { terms: [1], hardState: { term: 1 } },
        { terms: [2], hardState: { term: 2 } },
        { hardState: { term: 2, vote: 3 } },
        { hardState: { term: 2, vote: 3 } },
      ];
      const cluster = new TestCluster(
        starts.map((start, i) => new TestNode(i + 1, { voters, ...start }, { preVote })),
      );
      cluster.campaign(1); // lost, but now it knows of term 2
      const first = cluster.states()[0];
      cluster.campaign(1);
      expect([first, cluster.states()[0], cluster.logs()]).toEqual([
        "StateFollower 2 0",
        "StateLeader 3 1",
        voters.map(() => ["1/", "3/"]),
      ]);
    },
  );

  // Source: etcd-raft v3.7 raft_test.go, TestSingleNodeCandidate and TestSingleNodePreCandidate.
  it.each([false, true])("is won at once by a node alone in its group, pre-vote %s", (preVote) => {
    const cluster = TestCluster.of(1, { preVote });
    cluster.campaign(1);
    expect(cluster.states()).toEqual(["StateLeader 1 1"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestCampaignWhileLeader and TestPreCampaignWhileLeader.
  it.each([false, true])("is not begun by a leader, pre-vote %s", (preVote) => {
    for (const size of [1, 3]) {
      const cluster = TestCluster.of(size, { preVote });
      cluster.campaign(1);
      cluster.at(1).node.campaign();
      expect([cluster.states()[0], cluster.at(1).drain()]).toEqual(["StateLeader 1 1", []]);
    }
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPromotable.
  it.each([
    { voters: [1], campaigns: true },
    { voters: [1, 2, 3], campaigns: true },
    { voters: [], campaigns: false },
    { voters: [2, 3], campaigns: false },
  ])("among voters $voters is begun by node 1: $campaigns", ({ voters, campaigns }) => {
    const one = new TestNode(1, { voters });
    one.tick(20);
    expect([one.node.state !== "StateFollower", one.node.term > 0]).toEqual([campaigns, campaigns]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestPastElectionTimeout.
  it.each([
    { ticks: 5, tenths: 0 },
    { ticks: 10, tenths: 1 },
    { ticks: 13, tenths: 4 },
    { ticks: 15, tenths: 6 },
    { ticks: 18, tenths: 9 },
    { ticks: 19, tenths: 10 },
    { ticks: 20, tenths: 10 },
  ])("has begun after $ticks ticks of silence in $tenths of 10 cases", ({ ticks, tenths }) => {
    // Every draw that an even source of randomness can make, once.
    const begun = Array.from({ length: 10 }, (_, draw) => {
      const one = new TestNode(1, {}, { random: () => draw });
      one.tick(ticks);
      return one.node.state === "StateCandidate";
    });
    expect(begun.filter(Boolean).length).toBe(tenths);
  });
});

describe("two candidates", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestDuelingCandidates.
  it("without pre-vote depose a leader by a higher term, although the loser cannot win", () => {
    const cluster = TestCluster.of(3);
    cluster.cut(1, 3);
    cluster.campaign(1);
    cluster.campaign(3); // its own vote, a refusal by 2, and silence
    const during = cluster.states();
    cluster.recover();
    cluster.campaign(3);
    expect([during, ends(cluster)]).toEqual([
      ["StateLeader 1 1", "StateFollower 1 1", "StateCandidate 1 0"],
      ["StateFollower 2 last 1", "StateFollower 2 last 1", "StateFollower 2 last 0"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestDuelingPreCandidates.
  it("with pre-vote leave the leader alone, and the loser becomes a follower", () => {
    const cluster = TestCluster.of(3, { preVote: true });
    cluster.cut(1, 3);
    cluster.campaign(1);
    cluster.campaign(3);
    const during = cluster.states();
    cluster.recover();
    cluster.campaign(3);
    expect([during, ends(cluster)]).toEqual([
      ["StateLeader 1 1", "StateFollower 1 1", "StateFollower 1 0"],
      ["StateLeader 1 last 1", "StateFollower 1 last 1", "StateFollower 1 last 0"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestCandidateConcede.
  it("of one term end when the loser hears the winner, whose log it takes over", () => {
    const cluster = TestCluster.of(3);
    cluster.isolate(1);
    cluster.campaign(1);
    cluster.campaign(3);
    const during = cluster.states();
    cluster.recover();
    cluster.tick(1, [3]);
    cluster.propose(3, "forced");
    cluster.tick(1, [3]);
    const log = ["1/", "1/forced"];
    expect([during, cluster.states(), cluster.logs()]).toEqual([
      ["StateCandidate 1 0", "StateFollower 1 3", "StateLeader 1 3"],
      ["StateFollower 1 3", "StateFollower 1 3", "StateLeader 1 3"],
      [log, log, log],
    ]);
  });
});

describe("a candidate that was cut off", () => {
  /** Node 1 leads term 3; node 3 heard nothing since term 1 and campaigns in term 2. */
  function cutOff(): TestCluster {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.campaign(2);
    cluster.campaign(1);
    const third = cluster.at(3);
    third.node.setRandomizedElectionTicks(10);
    third.tick(10);
    expect(cluster.states()).toEqual([
      "StateLeader 3 1",
      "StateFollower 3 1",
      "StateCandidate 2 0",
    ]);
    cluster.recover();
    return cluster;
  }

  // Source: etcd-raft v3.7 raft_test.go, TestCandidateResetTermMsgHeartbeat and
  // TestCandidateResetTermMsgApp.
  it.each(["MsgHeartbeat", "MsgApp"] as const)(
    "takes the leader's term and follows it when %s arrives",
    (type) => {
      const cluster = cutOff();
      cluster.flow(cluster.at(3).hear(type, 1, { term: 3 }));
      expect(cluster.states()).toEqual([
        "StateLeader 3 1",
        "StateFollower 3 1",
        "StateFollower 3 1",
      ]);
    },
  );
});
