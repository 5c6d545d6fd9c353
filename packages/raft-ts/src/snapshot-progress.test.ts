/**
 * What a leader does with a follower that needs a snapshot.
 * Source: etcd-raft v3.7 raft_snap_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { confStateOf, TestNode } from "./testing/test-cluster.ts";
import type { Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const SNAPSHOT: Snapshot = {
  index: 11,
  term: 11,
  confState: confStateOf([1, 2]),
  data: EMPTY_DATA,
};

/** Node 1 leads with a log that starts after a snapshot at 11; its own entry 12 follows. */
function leader(): TestNode {
  return TestNode.elected({ snapshot: SNAPSHOT, hardState: { term: 11, commit: 11 } });
}

/** Node 2 refuses the first append, because it has nothing: it is sent the snapshot. */
function sending(): TestNode {
  const one = leader();
  one.hear("MsgAppResp", 2, { index: 11, reject: true, rejectHint: 0 });
  return one;
}

describe("a follower whose next entry is compacted", () => {
  it("is sent the snapshot, whose index is noted (TestSendingSnapshotSetPendingSnapshot)", () => {
    const one = leader();
    const sent = one.hear("MsgAppResp", 2, { index: 11, reject: true, rejectHint: 0 });
    expect(sent.map((m) => [m.type, m.to, m.snapshot])).toEqual([["MsgSnap", 2, SNAPSHOT]]);
    expect(one.progress(2)).toBe("StateSnapshot match=0 next=12 paused pendingSnap=11");
  });

  it("is sent nothing else while the snapshot is on its way (TestPendingSnapshotPauseReplication)", () => {
    const one = sending();
    const sent = [...one.propose("a"), ...one.hear("MsgHeartbeatResp", 2)];
    expect(sent.filter(({ to }) => to === 2)).toEqual([]);
  });

  it("is probed from the start of its log when the snapshot was lost, after a pause (TestSnapshotFailure)", () => {
    const one = sending();
    one.node.reportSnapshot(2, false);
    expect([one.drain(), one.progress(2)]).toEqual([[], "StateProbe match=0 next=1 paused"]);
    expect(one.hear("MsgHeartbeatResp", 2).map(({ type }) => type)).toEqual(["MsgSnap"]);
  });

  it("is probed after the snapshot when that has arrived, after a pause (TestSnapshotSucceed)", () => {
    const one = sending();
    one.node.reportSnapshot(2, true);
    expect([one.drain(), one.progress(2)]).toEqual([[], "StateProbe match=0 next=12 paused"]);
    const probe = one.hear("MsgHeartbeatResp", 2);
    expect(probe.map((m) => [m.type, m.index])).toEqual([["MsgApp", 11]]);
  });

  it("is replicated to as soon as it acknowledges what the snapshot holds (TestSnapshotAbort)", () => {
    const one = sending();
    const sent = one.acknowledge(2, 11);
    expect(sent.map((m) => [m.type, m.index, m.entries.map(({ index }) => index)])).toEqual([
      ["MsgApp", 11, [12]],
    ]);
    expect(one.progress(2)).toBe("StateReplicate match=11 next=13 inflight=1");
  });
});
