/**
 * A follower asks for a snapshot that its leader would not send by itself.
 *
 * Source: raft-rs `request_snapshot`, its tests of followers that ask; the limit (Q2) is ours.
 */
import { describe, expect, it } from "vitest";
import { makeMessage } from "./message.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { SNAPSHOT_REQUEST_TIMEOUTS } from "./request-snapshot.ts";
import { stepMessage } from "./step.ts";
import { bareRaft, takeMessages } from "./testing/bare-raft.ts";
import { confStateOf, storageOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { Message, Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const VOTERS = [1, 2, 3];
const snapshotAt = (index: number, term: number): Snapshot => ({
  index,
  term,
  confState: confStateOf(VOTERS),
  data: EMPTY_DATA,
});

/** Node 2: two entries of term 1, both committed, and a leader. */
function follower(): TestNode {
  const node = new TestNode(2, { terms: [1, 1], hardState: { term: 1, commit: 2 } });
  node.hear("MsgHeartbeat", 1, { commit: 2 });
  return node;
}

/** A disk that makes snapshots when they are asked for, up to `newest`. */
class SnapshottingStorage extends MemoryStorage {
  newest = 0;
  readonly asked: number[] = [];

  override snapshot(least = 0): Snapshot | "temporarily-unavailable" {
    this.asked.push(least);
    if (this.newest === 0) return "temporarily-unavailable";
    const term = this.term(this.newest);
    return typeof term === "number" ? snapshotAt(this.newest, term) : super.snapshot();
  }
}

/** Node 1 leads in term 1; all hold its log of three entries. */
function leader(): { one: TestNode; storage: SnapshottingStorage } {
  const storage = new SnapshottingStorage(confStateOf(VOTERS));
  const one = TestNode.leading({ storage });
  one.propose("a");
  one.propose("b");
  for (const id of [2, 3]) one.acknowledge(id, 3);
  return { one, storage };
}

const WISH = { reject: true, index: 3, rejectHint: 3, logTerm: 1, requestSnapshot: 3 } as const;

function brief(messages: readonly Message[]): string[] {
  return messages.map((m) => `${m.type} to ${m.to}${m.snapshot ? ` of ${m.snapshot.index}` : ""}`);
}

describe("a follower that asks for a snapshot", () => {
  it("still asks when it hears its leader again before its pre-vote has come to anything", () => {
    const stored = { terms: [1, 1], hardState: { term: 1, commit: 2 } };
    const node = new TestNode(2, stored, { preVote: true });
    node.hear("MsgHeartbeat", 1, { commit: 2 });
    node.node.requestSnapshot();
    node.drain();
    node.node.campaign();
    expect([node.node.state, node.node.term]).toEqual(["StatePreCandidate", 1]);
    node.drain();
    expect(node.hear("MsgHeartbeat", 1).map((m) => [m.type, m.requestSnapshot])).toEqual([
      ["MsgHeartbeatResp", 2],
    ]);
  });

  it("names the end of its log, in a rejected MsgAppResp", () => {
    const node = follower();
    expect(node.node.requestSnapshot()).toBeUndefined();
    expect(node.drain()).toEqual([
      makeMessage({
        type: "MsgAppResp",
        from: 2,
        to: 1,
        term: 1,
        index: 2,
        reject: true,
        rejectHint: 2,
        logTerm: 1,
        requestSnapshot: 2,
      }),
    ]);
  });

  it("asks for a snapshot that is not empty even if its own log is", () => {
    const node = new TestNode(2);
    node.step(makeMessage({ type: "MsgHeartbeat", from: 1, to: 2, term: 1 }));
    node.node.requestSnapshot();
    expect(node.drain().map(({ requestSnapshot }) => requestSnapshot)).toEqual([1]);
  });

  it("takes no appends meanwhile, and repeats its wish in every answer", () => {
    const node = follower();
    node.node.requestSnapshot();
    node.drain();
    const entries = [{ term: 1, index: 3, type: "EntryNormal", data: EMPTY_DATA }] as const;
    const answers = [
      ...node.hear("MsgApp", 1, { index: 2, logTerm: 1, entries, commit: 3 }),
      ...node.hear("MsgHeartbeat", 1, { commit: 2 }),
    ];
    expect(answers.map((m) => [m.type, m.reject, m.requestSnapshot])).toEqual([
      ["MsgAppResp", true, 2],
      ["MsgHeartbeatResp", false, 2],
    ]);
    expect([node.node.lastIndex, node.node.commitIndex]).toEqual([2, 2]);
  });

  it("takes a snapshot of the index that it has committed, which it would ignore otherwise", () => {
    const unasked = follower();
    const asked = follower();
    asked.node.requestSnapshot();
    asked.drain();
    const snapshot = snapshotAt(2, 1);
    const answers = [unasked, asked].map((node) => node.hear("MsgSnap", 1, { snapshot }));
    expect(answers.map(([m]) => [m?.type, m?.index, m?.reject, m?.requestSnapshot])).toEqual([
      ["MsgAppResp", 2, false, 0],
      ["MsgAppResp", 2, false, 0],
    ]);
    expect([unasked.storage.firstIndex(), asked.storage.firstIndex()]).toEqual([1, 3]);
  });

  it("replaces also a log that agrees with the snapshot", () => {
    const r = bareRaft(
      { voters: VOTERS, terms: [1, 1, 1], hardState: { term: 1, commit: 1 } },
      {},
      2,
    );
    r.lead = 1;
    r.requestedSnapshot = 2; // asked before the third entry was there
    const snapshot = snapshotAt(2, 1);
    const message = makeMessage({ type: "MsgSnap", from: 1, to: 2, term: 1, snapshot });
    stepAll(r, message);
    expect([r.log.unstable.snapshot, r.log.lastIndex(), r.requestedSnapshot]).toEqual([
      snapshot,
      2,
      0,
    ]);
  });

  it("keeps its log and its wish when an older snapshot arrives", () => {
    const node = new TestNode(2, { terms: [1, 1, 1], hardState: { term: 1, commit: 1 } });
    node.hear("MsgHeartbeat", 1, { commit: 1 });
    node.node.requestSnapshot();
    node.drain();
    node.hear("MsgSnap", 1, { snapshot: snapshotAt(2, 1) });
    expect([node.node.lastIndex, node.node.commitIndex, node.storage.firstIndex()]).toEqual([
      3, 2, 1,
    ]);
    expect(node.hear("MsgHeartbeat", 1).map((m) => m.requestSnapshot)).toEqual([3]);
  });

  it.each([
    ["without a leader", () => new TestNode(2)],
    ["as the leader", () => TestNode.leading()],
    [
      "twice",
      () => {
        const node = follower();
        node.node.requestSnapshot();
        return node;
      },
    ],
  ])("is refused %s", (_, make) => {
    const { node } = make();
    expect(node.requestSnapshot()?.code).toBe("snapshot-request-dropped");
  });

  it("is refused while a snapshot is being installed", () => {
    const node = follower();
    const snapshot = snapshotAt(5, 1);
    node.node.step(makeMessage({ type: "MsgSnap", from: 1, to: 2, term: 1, snapshot }));
    expect(node.node.requestSnapshot()?.code).toBe("snapshot-request-dropped");
    node.drain();
    expect(node.node.requestSnapshot()).toBeUndefined();
  });

  it("forgets its wish with the term (Q2)", () => {
    const node = follower();
    node.node.requestSnapshot();
    node.drain();
    const answers = node.hear("MsgHeartbeat", 3, { term: 2 });
    expect(answers.map((m) => m.requestSnapshot)).toEqual([0]);
  });

  it("gives up after SNAPSHOT_REQUEST_TIMEOUTS election timeouts, and may ask again (Q2)", () => {
    const node = follower();
    node.node.requestSnapshot();
    const limit = SNAPSHOT_REQUEST_TIMEOUTS * 10;
    const wishes: number[] = [];
    for (let i = 1; i <= limit; i += 1) {
      node.tick(1);
      const [answer] = node.hear("MsgHeartbeat", 1);
      if (i >= limit - 1) wishes.push(answer?.requestSnapshot ?? -1);
    }
    expect([wishes, node.node.requestSnapshot()]).toEqual([[2, 0], undefined]);
  });
});

describe("a leader that is asked for a snapshot", () => {
  it("sends it at once if it has one, and then waits for its delivery", () => {
    const { one, storage } = leader();
    storage.newest = 3;
    expect(brief(one.hear("MsgAppResp", 2, WISH))).toEqual(["MsgSnap to 2 of 3"]);
    expect(one.progress(2)).toBe("StateSnapshot match=3 next=4 paused pendingSnap=3");
    expect(brief(one.hear("MsgAppResp", 2, WISH))).toEqual([]);
    expect(brief(one.propose("c"))).toEqual(["MsgApp to 3"]);
    one.node.reportSnapshot(2, true);
    expect(brief(one.acknowledge(2, 3))).toEqual(["MsgApp to 2"]);
    expect(one.progress(2)).toBe("StateReplicate match=3 next=5 inflight=1");
  });

  it("tells storage from which index on, and sends none that is older", () => {
    const { one, storage } = leader();
    storage.asked.length = 0;
    storage.newest = 2;
    expect(brief(one.hear("MsgAppResp", 2, WISH))).toEqual([]);
    storage.newest = 3;
    expect(brief(one.hear("MsgHeartbeatResp", 2, { requestSnapshot: 3 }))).toEqual([
      "MsgSnap to 2 of 3",
    ]);
    expect(storage.asked).toEqual([3, 3]);
  });

  it("sends no appends while it has no snapshot, and goes on when the wish has ended", () => {
    const { one } = leader();
    one.hear("MsgAppResp", 2, WISH);
    expect(brief(one.propose("c"))).toEqual(["MsgApp to 3"]);
    expect(brief(one.hear("MsgHeartbeatResp", 2, { requestSnapshot: 0 }))).toEqual(["MsgApp to 2"]);
  });

  it("takes no rejection from it: what the follower has acknowledged stays acknowledged", () => {
    const { one } = leader();
    one.hear("MsgAppResp", 2, { ...WISH, index: 0, rejectHint: 0, logTerm: 0 });
    expect(one.progress(2)).toBe("StateProbe match=3 next=4");
  });

  it("sends another one when the delivery has failed and the wish comes again", () => {
    const { one, storage } = leader();
    storage.newest = 3;
    one.hear("MsgAppResp", 2, WISH);
    one.node.reportSnapshot(2, false);
    expect(brief(one.hear("MsgHeartbeatResp", 2, { requestSnapshot: 3 }))).toEqual([
      "MsgSnap to 2 of 3",
    ]);
  });
});

describe("a cluster in which a follower asks for a snapshot", () => {
  it("brings it back to the same log and state", () => {
    const storage = new SnapshottingStorage(confStateOf(VOTERS));
    const others = [2, 3].map((id) => new TestNode(id, { storage: storageOf({}) }));
    const cluster = new TestCluster([new TestNode(1, { storage }), ...others]);
    cluster.campaign(1);
    cluster.propose(1, "a");
    storage.newest = 2;
    cluster.at(2).node.requestSnapshot();
    cluster.flow(cluster.at(2).drain());
    cluster.at(1).node.reportSnapshot(2, true);
    cluster.propose(1, "b");
    cluster.tick(1);
    expect([cluster.at(2).storage.firstIndex(), cluster.at(2).log()]).toEqual([3, ["1/b"]]);
    expect([1, 2, 3].map((id) => cluster.at(id).node.commitIndex)).toEqual([3, 3, 3]);
  });
});

function stepAll(r: Parameters<typeof takeMessages>[0], m: Message): Message[] {
  stepMessage(r, m);
  return takeMessages(r);
}
