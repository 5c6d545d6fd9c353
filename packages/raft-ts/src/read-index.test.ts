/** Source: etcd-raft raft_test (ReadOnly*), v3.7 read_only. */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { proposedEntry } from "./message.ts";
import { asciiBytes, asciiText } from "./testing/ascii.ts";
import { TestCluster, TestNode } from "./testing/test-cluster.ts";

const reads = (one: TestNode): string[] =>
  one.readStates.map(({ index, context }) => `${index} ${asciiText(context)}`);

describe("linearizable reads, safe form", () => {
  it("answer leader and followers with the commit index (TestReadOnlyOptionSafe)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const seen: string[][] = [];
    for (const [round, id] of [1, 2, 3, 1].entries()) {
      cluster.propose(1, "x");
      cluster.readIndex(id, `r${round}`);
      seen.push(reads(cluster.at(id)).slice(-1));
    }
    expect(seen).toEqual([["2 r0"], ["3 r1"], ["4 r2"], ["5 r3"]]);
  });

  it("work for learners (TestReadOnlyWithLearner)", () => {
    const cluster = new TestCluster(
      [1, 2].map((id) => new TestNode(id, { voters: [1], learners: [2] })),
    );
    cluster.campaign(1);
    cluster.readIndex(2, "a");
    cluster.readIndex(1, "b");
    expect([reads(cluster.at(2)), reads(cluster.at(1))]).toEqual([["1 a"], ["1 b"]]);
  });

  it("are not answered by a leader that a majority no longer follows", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.propose(2, "new");
    cluster.readIndex(1, "stale");
    expect(reads(cluster.at(1))).toEqual([]);
  });

  it("are not confirmed by a minority", () => {
    const cluster = TestCluster.of(5);
    cluster.campaign(1);
    for (const id of [3, 4, 5]) cluster.isolate(id);
    cluster.readIndex(1, "a");
    const withTwo = reads(cluster.at(1));
    cluster.recover();
    cluster.tick(1, [1]);
    expect([withTwo, reads(cluster.at(1))]).toEqual([[], ["1 a"]]);
  });

  it("wait for the first commit of a new leader (TestReadOnlyForNewLeader)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.propose(1, "a");
    cluster.ignore("MsgAppResp");
    cluster.campaign(2);
    cluster.readIndex(2, "r");
    const before = reads(cluster.at(2));
    cluster.recover();
    cluster.tick(1, [2]);
    cluster.tick(1, [2]);
    expect([before, reads(cluster.at(2))]).toEqual([[], ["3 r"]]);
  });

  it("with one context are confirmed one by one (TestReadOnlyDuplicateRequest)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    leader.node.readIndex(asciiBytes("same"));
    const first = leader.drain(); // its heartbeats are still on the way
    leader.node.readIndex(asciiBytes("same"));
    leader.drain();
    cluster.flow(first);
    // The first answer says nothing about the second read, although the contexts are equal.
    expect(reads(leader)).toEqual(["1 same"]);
  });

  it("of one round are confirmed together by the newest heartbeat", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    for (const name of ["a", "b", "c"]) leader.node.readIndex(asciiBytes(name));
    const sent = leader.drain();
    cluster.flow(sent.slice(-2));
    expect(reads(leader)).toEqual(["1 a", "1 b", "1 c"]);
  });

  it("are forgotten with the leadership, and their memory freed (TestRaftFreesReadOnlyMem)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.readIndex(1, "a");
    cluster.recover();
    cluster.campaign(2);
    cluster.tick(2, [2]);
    expect(reads(cluster.at(1))).toEqual([]);
  });

  it("ignore the answer of a follower with a strange context", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    const leader = cluster.at(1);
    leader.node.readIndex(asciiBytes("a"));
    leader.drain();
    const answer = { type: "MsgHeartbeatResp", from: 2, to: 1, term: 1 } as const;
    leader.step(makeMessage({ ...answer, context: asciiBytes("abc") }));
    expect(reads(leader)).toEqual([]);
  });

  it("from the network without a leader are dropped (TestNodeReadIndexToOldLeader)", () => {
    const one = new TestNode(1);
    const ask = { type: "MsgReadIndex", from: 2, to: 1 } as const;
    expect(one.step(makeMessage({ ...ask, entries: [proposedEntry(asciiBytes("a"))] }))).toEqual(
      [],
    );
  });

  it("are passed on by an old leader to the new one (TestNodeReadIndexToOldLeader)", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.campaign(2);
    const ask = makeMessage({
      type: "MsgReadIndex",
      from: 3,
      to: 1,
      entries: [proposedEntry(asciiBytes("a"))],
    });
    cluster.flow([ask]);
    expect(reads(cluster.at(3))).toEqual(["2 a"]);
  });
});

describe("linearizable reads, lease form", () => {
  it("are answered at once from the commit index (TestReadOnlyOptionLease)", () => {
    const cluster = TestCluster.of(3, { checkQuorum: true, readOnlyOption: "lease-based" });
    cluster.campaign(1);
    cluster.propose(1, "x");
    cluster.isolate(1);
    cluster.readIndex(1, "a");
    expect(reads(cluster.at(1))).toEqual(["2 a"]);
  });
});
