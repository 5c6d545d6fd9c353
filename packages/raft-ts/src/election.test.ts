/** Source: etcd-raft raft_paper_test (Raft paper 5.1, 5.2, 5.4.1). */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { Message } from "./types.ts";

const brief = (messages: readonly Message[]): string[] =>
  messages.map((m) => `${m.type} ${m.from}>${m.to} t${m.term}${m.reject ? " no" : ""}`);

function candidate(): TestNode {
  const one = new TestNode(1, { hardState: { term: 1 } });
  one.node.campaign();
  one.drain();
  return one;
}

function leader(): TestNode {
  const one = candidate();
  one.step(makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 2 }));
  return one;
}

describe("terms (paper 5.1)", () => {
  // TestFollowerUpdateTermFromMessage, TestCandidateUpdateTermFromMessage,
  // TestLeaderUpdateTermFromMessage.
  it.each([
    ["follower", new TestNode(1, { hardState: { term: 2 } })],
    ["candidate", candidate()],
    ["leader", leader()],
  ])(
    "a %s that sees a higher term becomes a follower in it (Test*UpdateTermFromMessage)",
    (_, one) => {
      one.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 3 }));
      expect([one.node.state, one.node.term, one.node.lead]).toEqual(["StateFollower", 3, 2]);
    },
  );

  it("a message of an old term changes nothing (TestRejectStaleTermMessage)", () => {
    const one = new TestNode(1, { hardState: { term: 2 } });
    expect(one.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 1 }))).toEqual([]);
    expect([one.node.term, one.node.lead]).toEqual([2, 0]);
  });

  it("a node starts as a follower (TestStartAsFollower)", () => {
    expect(new TestNode(1).node.state).toBe("StateFollower");
  });
});

describe("elections (paper 5.2)", () => {
  it("a leader sends heartbeats every heartbeat interval (TestLeaderBcastBeat)", () => {
    expect(brief(leader().tick(1))).toEqual(["MsgHeartbeat 1>2 t2", "MsgHeartbeat 1>3 t2"]);
  });

  // TestFollowerStartElection, TestCandidateStartNewElection.
  it.each([
    ["follower", () => new TestNode(1, { hardState: { term: 1 } })],
    ["candidate", candidate],
  ])(
    "a %s without a leader campaigns in the next term and votes for itself (TestFollowerStartElection)",
    (_, make) => {
      const one = make();
      const before = one.node.term;
      const sent = one.tick(20);
      expect(brief(sent).slice(0, 2)).toEqual([
        `MsgVote 1>2 t${before + 1}`,
        `MsgVote 1>3 t${before + 1}`,
      ]);
      expect([one.node.state, one.storage.hardState.vote]).toEqual(["StateCandidate", 1]);
    },
  );

  it.each([
    { size: 1, yes: [], no: [], state: "StateLeader" },
    { size: 3, yes: [2], no: [], state: "StateLeader" },
    { size: 3, yes: [2, 3], no: [], state: "StateLeader" },
    { size: 5, yes: [2, 3], no: [4, 5], state: "StateLeader" },
    { size: 5, yes: [2], no: [], state: "StateCandidate" },
    { size: 3, yes: [], no: [2, 3], state: "StateFollower" },
    { size: 5, yes: [2], no: [3, 4, 5], state: "StateFollower" },
    { size: 5, yes: [], no: [2], state: "StateCandidate" },
  ])("of $size voters, yes $yes and no $no: $state (TestLeaderElectionInOneRoundRPC)", (row) => {
    const voters = Array.from({ length: row.size }, (_, i) => i + 1);
    const one = new TestNode(1, { voters });
    one.node.campaign();
    one.drain();
    const answers = [...row.yes.map((id) => [id, false]), ...row.no.map((id) => [id, true])];
    for (const [from, reject] of answers as [number, boolean][]) {
      one.step(makeMessage({ type: "MsgVoteResp", from, to: 1, term: 1, reject }));
    }
    expect([one.node.state, one.node.term]).toEqual([row.state, 1]);
  });

  it.each([
    { vote: 0, from: 2, granted: true },
    { vote: 0, from: 3, granted: true },
    { vote: 2, from: 2, granted: true },
    { vote: 2, from: 3, granted: false },
  ])("having voted for $vote, a vote for $from is granted: $granted (TestFollowerVote)", (row) => {
    const one = new TestNode(1, { hardState: { term: 1, vote: row.vote } });
    const answers = one.step(makeMessage({ type: "MsgVote", from: row.from, to: 1, term: 1 }));
    expect(brief(answers)).toEqual([`MsgVoteResp 1>${row.from} t1${row.granted ? "" : " no"}`]);
  });

  it.each([1, 2])(
    "a candidate that hears a leader of term %i follows it (TestCandidateFallback)",
    (t) => {
      const one = candidate();
      one.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: one.node.term + t - 1 }));
      expect([one.node.state, one.node.lead]).toEqual(["StateFollower", 2]);
    },
  );

  it("every timeout from one to two election timeouts occurs, and no other (Test*TimeoutRandomized)", () => {
    const seen = new Set<number>();
    for (let value = 0; value < 10; value += 1) {
      const one = new TestNode(1, {}, { random: () => value });
      let ticks = 0;
      while (one.node.state === "StateFollower") {
        one.tick(1);
        ticks += 1;
      }
      seen.add(ticks);
    }
    expect([...seen]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("two nodes rarely campaign together (Test*ElectionTimeoutNonconflict)", () => {
    let conflicts = 0;
    for (let round = 0; round < 300; round += 1) {
      const nodes = [1, 2, 3, 4, 5].map(
        (id) => new TestNode(id, { voters: [1, 2, 3, 4, 5] }, { random: randomOf(round * 5 + id) }),
      );
      let campaigning = 0;
      while (campaigning === 0) {
        for (const one of nodes) one.tick(1);
        campaigning = nodes.filter(({ node }) => node.state === "StateCandidate").length;
      }
      if (campaigning > 1) conflicts += 1;
    }
    expect(conflicts / 300).toBeLessThan(0.4);
  });
});

function randomOf(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % bound;
  };
}

describe("who may be elected (paper 5.4.1)", () => {
  it.each([
    { ours: [1], term: 1, index: 1, granted: true },
    { ours: [1], term: 1, index: 2, granted: true },
    { ours: [1, 1], term: 1, index: 1, granted: false },
    { ours: [1], term: 2, index: 1, granted: true },
    { ours: [1, 1], term: 2, index: 1, granted: true },
    { ours: [2], term: 1, index: 9, granted: false },
  ])(
    "a log of terms $ours votes for one that ends in ($term, $index): $granted (TestVoter)",
    (row) => {
      const one = new TestNode(1, { terms: row.ours, hardState: { term: 2 } });
      const [answer] = one.step(
        makeMessage({
          type: "MsgVote",
          from: 2,
          to: 1,
          term: 3,
          logTerm: row.term,
          index: row.index,
        }),
      );
      expect(answer?.reject).toBe(!row.granted);
    },
  );

  it("a vote request carries the end of the log (TestVoteRequest)", () => {
    const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } });
    const [request] = one.tick(20);
    expect([request?.type, request?.logTerm, request?.index]).toEqual(["MsgVote", 2, 2]);
  });

  it("a newer log wins over a longer one, and replaces it", () => {
    const cluster = new TestCluster([
      new TestNode(1, { terms: [1], hardState: { term: 2, vote: 3 } }),
      new TestNode(2, { terms: [1, 1, 1], hardState: { term: 1 } }),
      new TestNode(3, { terms: [1, 2], hardState: { term: 2 } }),
    ]);
    cluster.campaign(2); // learns that its log is old
    cluster.campaign(3);
    expect(cluster.logs()).toEqual([
      ["1/", "2/", "3/"],
      ["1/", "2/", "3/"],
      ["1/", "2/", "3/"],
    ]);
  });
});
