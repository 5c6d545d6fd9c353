/**
 * How a leader paces its appends by what it knows of each follower.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { draft, makeMessage, proposedEntry } from "./message.ts";
import type { ProgressState } from "./progress.ts";
import type { RaftState } from "./raft-state.ts";
import { stepMessage } from "./step.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { bareLeader, progressOf, takeMessages } from "./testing/bare-raft.ts";
import { TestNode } from "./testing/test-cluster.ts";
import type { Message, MessageType } from "./types.ts";

const PAIR = { voters: [1, 2] };

function propose(r: RaftState, data: string): void {
  const entries = [proposedEntry(asciiBytes(data))];
  stepMessage(r, makeMessage({ type: "MsgProp", from: 1, to: 1, entries }));
}

function hear(r: RaftState, type: MessageType, fields: Partial<Message> = {}): Message[] {
  stepMessage(r, makeMessage({ term: r.term, ...fields, type, from: 2, to: 1 }));
  return takeMessages(r);
}

const to2 = (messages: readonly Message[]): Message[] => messages.filter(({ to }) => to === 2);

const briefly = (messages: readonly Message[]): string[] =>
  messages.map((m) => {
    const entries = m.entries.map(({ index }) => index).join(" ");
    return `${m.type}>${m.to} at ${m.index} [${entries}] c${m.commit}`;
  });

describe("the leader's own progress", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestProgressLeader.
  it("moves when its entries are durable, not when they are proposed", () => {
    const r = bareLeader(PAIR);
    progressOf(r, 2).becomeReplicate();
    for (let i = 0; i < 5; i += 1) propose(r, "a");
    const before = progressOf(r, 1).matchIndex;
    const unstable = r.log.unstable.nextEntries().map(({ data }) => data.length);
    takeMessages(r);
    const { matchIndex, nextIndex } = progressOf(r, 1);
    expect([before, unstable, matchIndex, nextIndex]).toEqual([0, [0, 1, 1, 1, 1, 1], 6, 7]);
  });
});

describe("a paused follower", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestProgressResumeByHeartbeatResp.
  it("is sent to again after its answer to a heartbeat, not after the heartbeat", () => {
    const r = bareLeader(PAIR);
    const progress = progressOf(r, 2);
    progress.becomeReplicate();
    progress.msgAppFlowPaused = true;
    stepMessage(r, draft("MsgBeat", 1, 1));
    const afterBeat = [progress.msgAppFlowPaused, takeMessages(r).map(({ type }) => type)];
    const afterAnswer = hear(r, "MsgHeartbeatResp").map(({ type }) => type);
    expect([afterBeat, afterAnswer, progress.msgAppFlowPaused]).toEqual([
      [true, ["MsgHeartbeat"]],
      ["MsgApp"],
      false,
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestProgressPaused.
  it("gets one append, whatever is proposed before it has answered", () => {
    const r = bareLeader(PAIR);
    for (let i = 0; i < 3; i += 1) propose(r, "a");
    expect(briefly(takeMessages(r))).toEqual(["MsgApp>2 at 0 [1 2] c0"]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestMsgAppRespWaitReset.
  it("does not hold up another that has answered", () => {
    const one = TestNode.elected();
    one.acknowledge(2, 1);
    const proposed = briefly(one.propose("a"));
    expect([one.node.commitIndex, proposed, briefly(one.acknowledge(3, 1))]).toEqual([
      1,
      ["MsgApp>2 at 1 [2] c1"],
      ["MsgApp>3 at 1 [2] c1"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestHandleHeartbeatResp.
  it("that is behind is sent what it lacks at every answer, until it has it", () => {
    const one = TestNode.elected({ ...PAIR, terms: [1, 2, 3], hardState: { term: 3, commit: 3 } });
    const whileBehind = [1, 2].map(() => briefly(one.hear("MsgHeartbeatResp", 2)));
    one.acknowledge(2, 4);
    expect([whileBehind, one.hear("MsgHeartbeatResp", 2)]).toEqual([
      [["MsgApp>2 at 3 [4] c3"], ["MsgApp>2 at 3 [4] c3"]],
      [],
    ]);
  });
});

describe("a window of appends", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestProgressFlowControl.
  it("is bounded by messages and by bytes, whichever limit comes first", () => {
    const settings = { maxInflightMsgs: 3, maxSizePerMsg: 2048, maxInflightBytes: 9000 };
    const r = bareLeader(PAIR, settings);
    // Ten small entries, six large ones, six small ones.
    for (let i = 0; i < 22; i += 1) propose(r, "x".repeat(i >= 10 && i < 16 ? 5000 : 1000));
    const counts: number[][] = [];
    let sent = takeMessages(r); // a probe, with the first entry of the term
    while (counts.length < 7) {
      counts.push(sent.map(({ entries }) => entries.length));
      const index = sent.at(-1)?.entries.at(-1)?.index ?? 0;
      sent = index === 0 ? [] : hear(r, "MsgAppResp", { index });
    }
    // Two small ones in a message; a large one alone; two large ones cross the limit of bytes.
    expect(counts).toEqual([[2], [2, 2, 2], [2, 1, 1], [1, 1], [1, 1], [1, 2, 2], [2]]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestUncommittedEntryLimit.
  it("and the uncommitted log have limits that empty entries and the first one may pass", () => {
    const [entriesMax, data] = [1024, "testdata"];
    const one = TestNode.leading(
      {},
      {
        maxUncommittedEntriesSize: entriesMax * data.length,
        maxInflightMsgs: 2 * entriesMax,
      },
    );
    const offer = (...datas: string[]) => one.node.proposeBatch(datas.map(asciiBytes))?.code;
    const many = (count: number) => Array.from({ length: count }, () => data);
    const started = one.node.uncommittedSize;
    const taken = many(entriesMax).map((each) => offer(each));
    expect([started, new Set(taken), offer(data)]).toEqual([
      0,
      new Set([undefined]),
      "proposal-dropped",
    ]);
    const sent = one.drain();
    expect([sent.length, one.node.uncommittedSize]).toEqual([2 * entriesMax, 8192]);
    one.acknowledge(2, one.node.lastIndex);
    expect(one.node.uncommittedSize).toBe(0);
    // One proposal may be larger than the limit, for it was empty before.
    const large = [offer(...many(2 * entriesMax)), offer(data), offer("")];
    expect(large).toEqual([undefined, "proposal-dropped", undefined]);
    expect(one.drain().length).toBe(2 * 2);
    one.acknowledge(2, one.node.lastIndex);
    expect([one.node.uncommittedSize, offer(data)]).toEqual([0, undefined]);
  });
});

describe("an answer to an append", () => {
  // The follower was probed at 2; the log has three entries of this term.
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderAppResp.
  it.each([
    // A refusal of something else than what was sent is stale.
    { index: 3, reject: true, match: 0, next: 3, sent: [] },
    // A refusal of what was sent: one step back.
    { index: 2, reject: true, match: 0, next: 2, sent: ["MsgApp>2 at 1 [2 3] c0"] },
    // An acknowledgement: it commits, and all are told.
    {
      index: 2,
      reject: false,
      match: 2,
      next: 4,
      sent: ["MsgApp>2 at 2 [3] c2", "MsgApp>3 at 2 [3] c2"],
    },
    // An acknowledgement of nothing new ends the probe: the log follows.
    { index: 0, reject: false, match: 0, next: 4, sent: ["MsgApp>2 at 0 [1 2 3] c0"] },
  ])(
    "at $index, refused $reject, leaves match $match and next $next and sends $sent",
    ({ index, reject, match, next, sent }) => {
      const r = bareLeader({ terms: [1, 1] });
      takeMessages(r);
      const answers = hear(r, "MsgAppResp", { index, reject, rejectHint: index });
      const { matchIndex, nextIndex } = progressOf(r, 2);
      expect([matchIndex, nextIndex, briefly(answers)]).toEqual([match, next, sent]);
    },
  );

  // Source: etcd-raft v3.7 raft_test.go, TestLogReplicationWithReorderedMessage.
  it("that comes late never makes the leader go back behind what the follower holds", () => {
    const one = TestNode.leading(PAIR);
    const other = new TestNode(2, { ...PAIR, terms: [1], hardState: { term: 1 } });
    const appends = ["a", "b"].flatMap((data) => one.propose(data));
    const [late] = appends.slice(1).flatMap((m) => other.step(m)); // the second overtakes the first
    const [ack] = appends.slice(0, 1).flatMap((m) => other.step(m));
    expect([late?.reject, late?.index, late?.rejectHint]).toEqual([true, 2, 1]);
    expect([ack?.reject, ack?.index]).toEqual([false, 2]);
    if (late === undefined || ack === undefined) return;
    one.step(ack);
    one.node.reportUnreachable(2);
    const probing = one.progress(2);
    expect([probing, briefly(one.step(late))]).toEqual([
      "StateProbe match=2 next=3",
      ["MsgApp>2 at 2 [3] c2"],
    ]);
  });
});

describe("appends to a follower", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestLeaderIncreaseNext.
  it.each<{ state: ProgressState; next: number }>([
    { state: "StateReplicate", next: 6 }, // all five entries are taken to arrive
    { state: "StateProbe", next: 2 }, // only an answer moves it
  ])("in $state move its next index from 2 to $next", ({ state, next }) => {
    const r = bareLeader({ ...PAIR, terms: [1, 2, 3], hardState: { term: 3 } });
    const progress = progressOf(r, 2);
    progress.state = state;
    progress.nextIndex = 2;
    propose(r, "a");
    expect([progress.nextIndex, briefly(takeMessages(r))]).toEqual([
      next,
      ["MsgApp>2 at 1 [2 3 4 5] c0"],
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestSendAppendForProgressProbe.
  it("in StateProbe are one per answered heartbeat, however much is proposed", () => {
    const one = TestNode.leading(PAIR);
    one.node.reportUnreachable(2);
    const first = briefly(one.propose("a"));
    const rounds = [1, 2, 3].map(() => {
      const proposed = Array.from({ length: 10 }, () => one.propose("b")).flat();
      return [proposed, one.tick(1).map(({ type }) => type), one.progress(2)];
    });
    const answered = one.hear("MsgHeartbeatResp", 2).map((m) => [m.type, m.index]);
    expect(first).toEqual(["MsgApp>2 at 1 [2] c1"]);
    expect(rounds).toEqual(
      [1, 2, 3].map(() => [[], ["MsgHeartbeat"], "StateProbe match=1 next=2 paused"]),
    );
    expect([answered, one.progress(2)]).toEqual([
      [["MsgApp", 1]],
      "StateProbe match=1 next=2 paused",
    ]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestSendAppendForProgressReplicate.
  it("in StateReplicate are one per proposal, without waiting", () => {
    const one = TestNode.leading(PAIR);
    const sent = Array.from({ length: 10 }, () => briefly(one.propose("a")));
    expect(sent).toEqual(sent.map((_, i) => [`MsgApp>2 at ${i + 1} [${i + 2}] c1`]));
  });

  // Source: etcd-raft v3.7 raft_test.go, TestSendAppendForProgressSnapshot.
  it("in StateSnapshot are none, neither for proposals nor for answered heartbeats", () => {
    const r = bareLeader(PAIR);
    progressOf(r, 2).becomeSnapshot(10);
    for (let i = 0; i < 10; i += 1) propose(r, "a");
    expect([takeMessages(r), hear(r, "MsgHeartbeatResp")]).toEqual([[], []]);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestRecvMsgUnreachable.
  it("that may be lost are begun again after what it is known to hold", () => {
    const one = TestNode.leading({ ...PAIR, terms: [1, 2, 3], hardState: { term: 3 } });
    for (const data of ["a", "b"]) one.propose(data);
    const before = one.progress(2);
    one.node.reportUnreachable(2);
    expect([before, one.progress(2)]).toEqual([
      "StateReplicate match=4 next=7 inflight=2",
      "StateProbe match=4 next=5",
    ]);
    expect(briefly(to2(one.propose("c")))).toEqual(["MsgApp>2 at 4 [5 6 7] c4"]);
  });
});
