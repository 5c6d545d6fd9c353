/**
 * How much a leader sends to a follower that has not answered.
 * Source: etcd-raft v3.7 raft_flow_control_test, node_test (TestAppendPagination).
 */
import { describe, expect, it } from "vitest";
import { entriesSize } from "./entry-size.ts";
import { TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { Message } from "./types.ts";

const WINDOW = 4;

/** A leader of two, whose window to node 2 holds nothing, and whose log ends at 1. */
function leader(): TestNode {
  return TestNode.leading({ voters: [1, 2] }, { maxInflightMsgs: WINDOW });
}

/** Indexes of the entries in each append. */
function appends(messages: readonly Message[]): number[][] {
  return messages
    .filter(({ type }) => type === "MsgApp")
    .map(({ entries }) => entries.map(({ index }) => index));
}

/** Proposes until the window is full: entries 2 to 5. */
function full(): TestNode {
  const one = leader();
  for (let i = 0; i < WINDOW; i += 1) one.propose("a");
  return one;
}

describe("the window of a follower", () => {
  it("takes one append per proposal until it is full, and then none (TestMsgAppFlowControlFull)", () => {
    const one = leader();
    const sent = Array.from({ length: WINDOW }, () => appends(one.propose("a")));
    expect(sent).toEqual([[[2]], [[3]], [[4]], [[5]]]);
    expect(one.progress(2)).toBe("StateReplicate match=1 next=6 paused inflight=4[full]");
    expect([appends(one.propose("b")), appends(one.propose("c"))]).toEqual([[], []]);
  });

  it.each([2, 3, 4])(
    "moves on by what is acknowledged up to %i, and not by what was before (TestMsgAppFlowControlMoveForward)",
    (index) => {
      const one = full();
      one.propose("b"); // waits for room
      const moved = appends(one.acknowledge(2, index)).filter((entries) => entries.length > 0);
      expect(moved).toEqual([[6]]);
      while (!(one.progress(2)?.includes("full") ?? true)) one.propose("c");
      const before = one.progress(2);
      for (let stale = 1; stale <= index; stale += 1) {
        const again = appends(one.acknowledge(2, stale));
        expect([again, one.progress(2)]).toEqual([[], before]);
      }
    },
  );

  it("lets one empty append through for each heartbeat that is answered (TestMsgAppFlowControlRecvHeartbeat)", () => {
    const one = full();
    for (let round = 0; round < 3; round += 1) {
      const answered = appends(one.hear("MsgHeartbeatResp", 2));
      const after = [appends(one.propose("b")), appends(one.propose("c"))];
      expect([answered, after]).toEqual([[[]], [[], []]]);
    }
    // The empty append has shown that the follower holds a part: there is room again.
    expect(appends(one.acknowledge(2, 2))).toEqual([[6, 7, 8, 9, 10, 11]]);
  });
});

describe("the size of a message", () => {
  it("bounds every append of a backlog, which needs as few as it can (TestAppendPagination)", () => {
    const limit = 2_048;
    const cluster = TestCluster.of(3, { maxSizePerMsg: limit });
    cluster.campaign(1);
    cluster.isolate(1);
    const blob = "x".repeat(1_000);
    for (let i = 0; i < 5; i += 1) cluster.propose(1, blob);
    cluster.recover();
    const sizes: number[] = [];
    cluster.passes = (m) => {
      if (m.type === "MsgApp" && m.to === 2 && m.entries.length > 0) {
        sizes.push(entriesSize(m.entries));
      }
      return true;
    };
    cluster.tick(1, [1]);
    cluster.tick(1, [1]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
    expect(sizes.filter((size) => size > limit / 2).length).toBeGreaterThanOrEqual(2);
    expect(cluster.at(2).log()).toEqual(cluster.at(1).log());
    expect(cluster.at(2).node.commitIndex).toBe(6);
  });
});
