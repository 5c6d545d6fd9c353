/** Source: etcd-raft raft_paper_test (Raft paper 5.3, 5.4.2), raft_flow_control_test. */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { entryOf, TestCluster, TestNode, type TestSettings } from "./testing/test-cluster.ts";
import type { Message } from "./types.ts";

const brief = (messages: readonly Message[]): string[] =>
  messages.map((m) => {
    const entries = m.entries.map(({ index }) => index).join(",");
    const what = m.reject ? ` no hint ${m.rejectHint}/${m.logTerm}` : ` at ${m.index}`;
    return `${m.type}>${m.to}${what}${entries === "" ? "" : ` [${entries}]`} c${m.commit}`;
  });

/** Node 1 leads term 1; followers 2 and 3 have acknowledged its first entry, which is committed. */
function leader(settings: TestSettings = {}): TestNode {
  const one = new TestNode(1, {}, settings);
  one.node.campaign();
  one.drain();
  one.step(makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 1 }));
  ack(one, 2, 1);
  ack(one, 3, 1);
  return one;
}

function ack(one: TestNode, from: number, index: number): Message[] {
  return one.step(makeMessage({ type: "MsgAppResp", from, to: 1, term: 1, index }));
}

function propose(one: TestNode, ...datas: string[]): Message[] {
  one.node.proposeBatch(datas.map(asciiBytes));
  return one.drain();
}

describe("the leader's log (paper 5.3)", () => {
  it("is left alone by an empty batch, which proposes nothing", () => {
    const one = leader();
    const before = one.node.lastIndex;
    expect([one.node.proposeBatch([]), one.node.lastIndex]).toEqual([undefined, before]);
  });

  it("appends a proposal and sends it with what precedes it (TestLeaderStartReplication)", () => {
    const one = leader();
    expect(brief(propose(one, "a"))).toEqual(["MsgApp>2 at 1 [2] c1", "MsgApp>3 at 1 [2] c1"]);
    expect(one.log()).toEqual(["1/", "1/a"]);
  });

  it("commits and applies what a majority holds, and tells the others (TestLeaderCommitEntry)", () => {
    const one = leader();
    propose(one, "a");
    expect(brief(ack(one, 2, 2))).toEqual(["MsgApp>2 at 2 c2", "MsgApp>3 at 2 c2"]);
    expect([one.node.commitIndex, one.appliedData()]).toEqual([2, ["a"]]);
  });

  it.each([
    { size: 1, acks: [], committed: true },
    { size: 3, acks: [], committed: false },
    { size: 3, acks: [2], committed: true },
    { size: 5, acks: [2], committed: false },
    { size: 5, acks: [2, 3], committed: true },
  ])("of $size, $acks have it: committed $committed (TestLeaderAcknowledgeCommit)", (row) => {
    const voters = Array.from({ length: row.size }, (_, i) => i + 1);
    const one = new TestNode(1, { voters });
    one.node.campaign();
    one.drain();
    for (const from of voters.slice(1)) {
      one.step(makeMessage({ type: "MsgVoteResp", from, to: 1, term: 1 }));
    }
    propose(one, "a");
    for (const id of row.acks) ack(one, id, 2);
    expect(one.node.commitIndex === 2).toBe(row.committed);
  });

  it("commits entries of earlier terms only with one of its own (TestLeaderOnlyCommitsLogFromCurrentTerm)", () => {
    const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } });
    one.node.campaign();
    one.drain();
    one.step(makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 3 }));
    for (const index of [1, 2]) {
      one.step(makeMessage({ type: "MsgAppResp", from: 2, to: 1, term: 3, index }));
      expect(one.node.commitIndex).toBe(0);
    }
    one.step(makeMessage({ type: "MsgAppResp", from: 2, to: 1, term: 3, index: 3 }));
    expect(one.node.commitIndex).toBe(3);
  });

  it("is replicated everywhere, through lost messages and changes of leader", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.propose(1, "a");
    cluster.isolate(3);
    cluster.propose(1, "b");
    cluster.recover();
    cluster.campaign(2);
    cluster.propose(2, "c");
    const log = ["1/", "1/a", "1/b", "2/", "2/c"];
    expect(cluster.logs()).toEqual([log, log, log]);
    expect([1, 2, 3].map((id) => cluster.at(id).appliedData())).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });

  it("loses what no majority held when another leads", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.propose(1, "lost");
    cluster.campaign(2);
    cluster.propose(2, "kept");
    cluster.recover();
    cluster.tick(1);
    const log = ["1/", "2/", "2/kept"];
    expect([cluster.logs(), cluster.states()]).toEqual([
      [log, log, log],
      ["StateFollower 2 2", "StateLeader 2 2", "StateFollower 2 2"],
    ]);
  });
});

describe("a follower's log (paper 5.3)", () => {
  it.each([
    { at: [0, 0], commit: 2, answer: "MsgAppResp>2 at 0 c0" },
    { at: [1, 1], commit: 2, answer: "MsgAppResp>2 at 1 c0" },
    { at: [2, 2], commit: 2, answer: "MsgAppResp>2 at 2 c0" },
    { at: [1, 2], commit: 0, answer: "MsgAppResp>2 no hint 1/1 c0" },
    { at: [3, 3], commit: 0, answer: "MsgAppResp>2 no hint 2/2 c0" },
  ])("answers an append after $at with $answer (TestFollowerCheckMsgApp)", (row) => {
    const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } });
    const [logTerm = 0, index = 0] = row.at;
    const append = makeMessage({ type: "MsgApp", from: 2, to: 1, term: 2, logTerm, index });
    expect(brief(one.step(append))).toEqual([row.answer]);
  });

  it.each([
    { at: [2, 2], entries: [[3, 3]], log: ["1/", "2/", "3/"] },
    {
      at: [1, 1],
      entries: [
        [3, 2],
        [4, 3],
      ],
      log: ["1/", "3/", "4/"],
    },
    { at: [0, 0], entries: [[1, 1]], log: ["1/", "2/"] },
    { at: [0, 0], entries: [[3, 1]], log: ["3/"] },
  ])("after $at takes over $entries (TestFollowerAppendEntries)", (row) => {
    const one = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } });
    const [logTerm = 0, index = 0] = row.at;
    const entries = row.entries.map(([term = 0, i = 0]) => entryOf(term, i));
    one.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 4, logTerm, index, entries }));
    expect(one.log()).toEqual(row.log);
  });

  it("applies what the leader says is committed, in order (TestFollowerCommitEntry)", () => {
    const one = new TestNode(1);
    const entries = [entryOf(1, 1, "a"), entryOf(1, 2, "b")];
    one.step(makeMessage({ type: "MsgApp", from: 2, to: 1, term: 1, entries, commit: 1 }));
    expect(one.appliedData()).toEqual(["a"]);
    one.step(makeMessage({ type: "MsgHeartbeat", from: 2, to: 1, term: 1, commit: 2 }));
    expect(one.appliedData()).toEqual(["a", "b"]);
  });

  // The logs (a) to (f) of figure 7 of the Raft paper.
  it.each([
    [[1, 1, 1, 4, 4, 5, 5, 6, 6]],
    [[1, 1, 1, 4]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    [[1, 1, 1, 4, 4, 4, 4]],
    [[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])("of terms %s becomes the leader's (TestLeaderSyncFollowerLog)", (terms) => {
    const ours = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const cluster = new TestCluster([
      new TestNode(1, { terms: ours, hardState: { term: 8, commit: 3 } }),
      new TestNode(2, { terms, hardState: { term: 7 } }),
      new TestNode(3, { terms: ours.slice(0, 3), hardState: { term: 7 } }),
    ]);
    cluster.campaign(1);
    cluster.propose(1, "new");
    const [own, follower] = cluster.logs();
    expect([follower, own?.length]).toEqual([own, 12]);
  });

  it("answers an append below its commit with the commit", () => {
    const one = new TestNode(1, { terms: [1, 1], hardState: { term: 1, commit: 2 } });
    const late = makeMessage({ type: "MsgApp", from: 2, to: 1, term: 1, logTerm: 1, index: 1 });
    expect(brief(one.step(late))).toEqual(["MsgAppResp>2 at 2 c0"]);
  });

  it("throws on a heartbeat that commits beyond its end", () => {
    const one = new TestNode(1, { terms: [1] });
    expect(() =>
      one.step(makeMessage({ type: "MsgHeartbeat", from: 2, to: 1, term: 1, commit: 2 })),
    ).toThrow("tocommit(2) is out of range [lastIndex(1)]");
  });
});

describe("flow control", () => {
  it("stops at the limit of messages on the way (TestMsgAppFlowControlFull)", () => {
    const one = leader({ maxInflightMsgs: 3 });
    const counts = ["a", "b", "c", "d"].map((data) => propose(one, data).length);
    expect(counts).toEqual([2, 2, 2, 0]);
  });

  it("moves on with every acknowledgement, and not with a stale one (TestMsgAppFlowControlMoveForward)", () => {
    const one = leader({ maxInflightMsgs: 2 });
    for (const data of ["a", "b", "c"]) propose(one, data);
    const sentTo2 = (messages: Message[]) =>
      messages.filter((m) => m.to === 2 && m.entries.length > 0).length;
    expect([sentTo2(ack(one, 2, 2)), sentTo2(ack(one, 2, 1)), sentTo2(ack(one, 2, 3))]).toEqual([
      1, 0, 0,
    ]);
  });

  it("probes a full window by an empty append per heartbeat (TestMsgAppFlowControlRecvHeartbeat)", () => {
    const one = leader({ maxInflightMsgs: 1 });
    propose(one, "a");
    const beat = makeMessage({ type: "MsgHeartbeatResp", from: 2, to: 1, term: 1 });
    expect(brief(one.step(beat))).toEqual(["MsgApp>2 at 2 c1"]);
    expect(propose(one, "b").filter((m) => m.to === 2)).toEqual([]);
  });

  it("stops at the limit of bytes, after the message that crosses it", () => {
    const one = leader({ maxSizePerMsg: 4, maxInflightBytes: 8 });
    const sizes = ["aaaaa", "bbbbb", "ccccc"].map((data) => propose(one, data).length);
    expect(sizes).toEqual([2, 2, 0]);
  });

  it("cuts appends at the limit of a message, one entry at least (TestAppendPagination)", () => {
    const one = leader({ maxSizePerMsg: 0 });
    const sent = propose(one, "a", "b").filter((m) => m.to === 2);
    expect(sent.map((m) => m.entries.length)).toEqual([1]);
    const more = ack(one, 2, 2).filter((m) => m.to === 2 && m.entries.length > 0);
    expect(brief(more)).toEqual(["MsgApp>2 at 2 [3] c2"]);
  });

  it("sends cold entries when they have been fetched, and no snapshot (raft-rs LogTemporarilyUnavailable)", () => {
    const one = leader();
    propose(one, "a");
    const warm = one.storage.entries.bind(one.storage);
    one.storage.entries = () => "temporarily-unavailable";
    one.node.reportUnreachable(2);
    const beat = makeMessage({ type: "MsgHeartbeatResp", from: 2, to: 1, term: 1 });
    const whileCold = one.step(beat);
    const progress = one.node.status().progress.get(2)?.toString();
    one.storage.entries = warm;
    one.node.entriesAvailable(2);
    expect([whileCold, progress, brief(one.drain())]).toEqual([
      [],
      "StateProbe match=1 next=2",
      ["MsgApp>2 at 1 [2] c1"],
    ]);
    one.node.entriesAvailable(2);
    expect(one.drain()).toEqual([]); // nobody waits any more
  });
});

describe("proposals", () => {
  it("are refused by followers that may not forward (TestDisableProposalForwarding)", () => {
    const cluster = TestCluster.of(3, { disableProposalForwarding: true });
    cluster.campaign(1);
    expect([cluster.propose(1, "a"), cluster.propose(2, "b")]).toEqual([
      undefined,
      "proposal-dropped",
    ]);
  });

  it("are refused without a leader", () => {
    expect(TestCluster.of(3).propose(1, "a")).toBe("proposal-dropped");
  });

  it("keep the bytes that were given, without a copy", () => {
    const one = leader();
    const data = asciiBytes("payload");
    one.node.propose(data);
    expect(one.drain()[0]?.entries[0]?.data).toBe(data);
  });
});
