/**
 * Proposals on their way to every log, and what may be committed when.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { bareRaft, progressOf } from "./testing/bare-raft.ts";
import { TestCluster, TestNode } from "./testing/test-cluster.ts";
import { applyConfChange } from "./membership.ts";
import { EMPTY_DATA } from "./types.ts";

const commits = (cluster: TestCluster): number[] =>
  [...cluster.nodes.values()].map(({ node }) => node.commitIndex);

const applied = (cluster: TestCluster): string[][] =>
  [...cluster.nodes.values()].map((one) => one.appliedData());

/** A group of `size` voters in which `silent` do not exist. */
function groupOf(size: number, silent: readonly number[]): TestCluster {
  const voters = Array.from({ length: size }, (_, i) => i + 1);
  const alive = voters.filter((id) => !silent.includes(id));
  return new TestCluster(alive.map((id) => new TestNode(id, { voters })));
}

describe("a proposal", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLogReplication.
  it("is committed and applied by every node, also after a change of leader", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.propose(1, "a");
    const first = [commits(cluster), applied(cluster)];
    cluster.campaign(2);
    cluster.propose(2, "b");
    expect([first, [commits(cluster), applied(cluster)]]).toEqual([
      [
        [2, 2, 2],
        [["a"], ["a"], ["a"]],
      ],
      [
        [4, 4, 4],
        [
          ["a", "b"],
          ["a", "b"],
          ["a", "b"],
        ],
      ],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestSingleNodeCommit.
  it("is committed at once by a node that is alone in its group", () => {
    const cluster = TestCluster.of(1);
    cluster.campaign(1);
    cluster.propose(1, "a");
    cluster.propose(1, "b");
    expect([commits(cluster), applied(cluster)]).toEqual([[3], [["a", "b"]]]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestProposal.
  it.each([
    { size: 3, silent: [], taken: true },
    { size: 3, silent: [3], taken: true },
    { size: 3, silent: [2, 3], taken: false },
    { size: 4, silent: [2, 3], taken: false },
    { size: 5, silent: [2, 3], taken: true },
  ])("in a group of $size with $silent silent is taken: $taken", ({ size, silent, taken }) => {
    const cluster = groupOf(size, silent);
    cluster.campaign(1);
    const answer = cluster.propose(1, "a");
    const log = taken ? ["1/", "1/a"] : [];
    expect([answer, cluster.logs(), cluster.at(1).node.term]).toEqual([
      taken ? undefined : "proposal-dropped",
      cluster.logs().map(() => log),
      1,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestProposalByProxy.
  it.each([{ silent: [] }, { silent: [3] }])(
    "made at a follower reaches every log through the leader, with $silent silent",
    ({ silent }) => {
      const cluster = groupOf(3, silent);
      cluster.campaign(1);
      expect([cluster.propose(2, "a"), cluster.logs(), cluster.at(1).node.term]).toEqual([
        undefined,
        cluster.logs().map(() => ["1/", "1/a"]),
        1,
      ]);
    },
  );
});

describe("entries of an earlier term", () => {
  /** Of five nodes 1 and 2 hold two entries of term 1 that are not committed. */
  function uncommitted(): TestCluster {
    const cluster = TestCluster.of(5, { maxSizePerMsg: 0 }); // one entry in a message
    cluster.campaign(1);
    for (const id of [3, 4, 5]) cluster.cut(1, id);
    cluster.propose(1, "a");
    cluster.propose(1, "b");
    expect(commits(cluster)).toEqual([1, 1, 1, 1, 1]);
    cluster.recover();
    return cluster;
  }

  // Source: etcd-raft v3.7 raft_test.go, TestCannotCommitWithoutNewTermEntry.
  it("are not committed by a new leader whose own entry nobody holds, not even if all hold them", () => {
    const cluster = uncommitted();
    cluster.passes = ({ entries, index, to }) =>
      entries.every(({ term }) => term === 1) || cluster.at(to).node.lastIndex < index;
    cluster.campaign(2);
    const logs = cluster.logs();
    const before = cluster.at(2).node.commitIndex;
    cluster.passes = () => true;
    cluster.tick(1, [2]);
    cluster.propose(2, "c");
    const old = ["1/", "1/a", "1/b"];
    expect([logs, before, cluster.at(2).node.commitIndex]).toEqual([
      [old, [...old, "2/"], old, old, old],
      1,
      5,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestCommitWithoutNewTermEntry.
  it("are committed with the first entry of a new leader, without any proposal", () => {
    const cluster = uncommitted();
    cluster.campaign(2);
    expect([cluster.at(2).node.commitIndex, cluster.at(2).appliedData()]).toEqual([4, ["a", "b"]]);
  });
});

describe("the commit index of a leader", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestCommit.
  it.each([
    // alone
    { matches: [1], terms: [1], term: 1, commit: 1 },
    { matches: [1], terms: [1], term: 2, commit: 0 },
    { matches: [2], terms: [1, 2], term: 2, commit: 2 },
    { matches: [1], terms: [2], term: 2, commit: 1 },
    // three
    { matches: [2, 1, 1], terms: [1, 2], term: 1, commit: 1 },
    { matches: [2, 1, 1], terms: [1, 1], term: 2, commit: 0 },
    { matches: [2, 1, 2], terms: [1, 2], term: 2, commit: 2 },
    { matches: [2, 1, 2], terms: [1, 1], term: 2, commit: 0 },
    // four
    { matches: [2, 1, 1, 1], terms: [1, 2], term: 1, commit: 1 },
    { matches: [2, 1, 1, 1], terms: [1, 1], term: 2, commit: 0 },
    { matches: [2, 1, 1, 2], terms: [1, 2], term: 1, commit: 1 },
    { matches: [2, 1, 1, 2], terms: [1, 1], term: 2, commit: 0 },
    { matches: [2, 1, 2, 2], terms: [1, 2], term: 2, commit: 2 },
    { matches: [2, 1, 2, 2], terms: [1, 1], term: 2, commit: 0 },
  ])(
    "of term $term with a log of terms $terms held up to $matches is $commit",
    ({ matches, terms, term, commit }) => {
      const r = bareRaft({ voters: [1], terms, hardState: { term } });
      for (const [i, match] of matches.entries()) {
        const nodeId = i + 1;
        const changes = [{ type: "ConfChangeAddNode", nodeId }] as const;
        if (i > 0) applyConfChange(r, { transition: "auto", changes, context: EMPTY_DATA });
        const progress = progressOf(r, nodeId);
        progress.matchIndex = match;
        progress.nextIndex = match + 1;
      }
      expect([r.maybeCommit(), r.log.committed]).toEqual([commit > 0, commit]);
    },
  );
});
