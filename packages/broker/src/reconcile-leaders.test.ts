import { SILENT_LOGGER } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import type { NodeRecord, ReplicaPlacement } from "@millrace/model";
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  METADATA_KEY,
  MetadataView,
} from "@millrace/model";
import { describe, expect, it } from "vitest";

import type { BrokerLane, GroupFacts, LaneGroup } from "./ports.ts";
import { LEADER_TIMING_DEFAULT, LeaderReconciler } from "./reconcile-leaders.ts";
import { nodeRecord, shardRecord } from "./testing/fixtures.ts";

const { balanceMs, groupMutedMs, nodeMutedMs, transfersMax } = LEADER_TIMING_DEFAULT;
const REPLICAS: readonly ReplicaPlacement[] = [2, 1, 3].map((nodeId) => {
  return { replicaId: 10 + nodeId, nodeId, incarnation: `inc${nodeId}`, state: "created" };
});

/** Node 1 leads `count` groups, all of which prefer node 2. */
class World {
  readonly clock = new VirtualClock();
  readonly view = new MetadataView();
  readonly transfers: string[] = [];
  readonly dead = new Set<number>();
  /** Groups that are led here. */
  readonly led = new Set<number>();
  /** Entries that every follower lacks. */
  behind = 0;

  constructor(count: number) {
    const groups = Array.from({ length: count }, (_, at) => 7 + at);
    for (const groupId of groups) this.led.add(groupId);
    this.view.reset(1, [
      ...[1, 2, 3].map(nodeRecord),
      ...groups.map((groupId, shardIndex) =>
        shardRecord({ groupId, shardIndex, state: "open", replicas: REPLICAS }),
      ),
    ]);
    const lane: BrokerLane = {
      damaged: () => [],
      onDamaged: () => () => {},
      createGroup: () => Promise.resolve(),
      dropGroup: () => Promise.resolve(),
      isNodeLive: (nodeId) => !this.dead.has(nodeId),
      group: (groupId) => this.#group(groupId),
      groups: () => groups.map((groupId) => ({ groupId }) as GroupFacts), // only the id is read
    };
    const timing = LEADER_TIMING_DEFAULT;
    const { clock, view } = this;
    new LeaderReconciler({ view, lane, nodeId: 1, clock, logger: SILENT_LOGGER, timing }).start();
  }

  setGoal(nodeId: number, goal: NonNullable<NodeRecord["goal"]>): void {
    this.change(nodeId, { goal });
  }

  change(nodeId: number, fields: Partial<NodeRecord>): void {
    const { key, json = "" } = nodeRecord(nodeId);
    const record = decodeMetadataRecord(key, json) as NodeRecord;
    const changed = encodeMetadataRecord({ ...record, ...fields });
    this.view.apply(this.view.index + 1, [{ key: METADATA_KEY.node(nodeId), json: changed }]);
  }

  #group(groupId: number): LaneGroup {
    return {
      groupId,
      replicaId: 11,
      term: 1,
      isReadyLeader: this.led.has(groupId),
      membership: { confIndex: 0, voters: [11, 12, 13], learners: [], isJoint: false },
      entriesBehind: () => this.behind,
      moveMembers: () => ({ kind: "there" }),
      transferLeadership: (to) => this.transfers.push(`${groupId} to ${to}`),
    };
  }
}

describe("leaderships", () => {
  it("go back to the preferred node, a few at a time", () => {
    const world = new World(transfersMax + 2);
    world.clock.advance(1_000);
    expect(world.transfers).toEqual(["7 to 12", "8 to 12", "9 to 12", "10 to 12"]);
    for (const groupId of [7, 8, 9, 10]) world.led.delete(groupId);
    world.clock.advance(balanceMs);
    expect(world.transfers.slice(transfersMax)).toEqual(["11 to 12", "12 to 12"]);
  });

  it("stay while the preferred node is not there, and for a while after a transfer", () => {
    const world = new World(1);
    world.dead.add(2);
    world.clock.advance(2 * balanceMs);
    expect(world.transfers).toEqual([]);
    world.dead.delete(2);
    world.clock.advance(balanceMs);
    expect(world.transfers).toEqual(["7 to 12"]);
  });

  it("go four at a time, the next when the former ones have gone", () => {
    const world = new World(3 * transfersMax);
    world.clock.advance(2_000);
    expect(world.transfers.length).toBe(transfersMax); // none was taken yet
    for (const groupId of [7, 8]) world.led.delete(groupId);
    world.clock.advance(500);
    expect(world.transfers.length).toBe(transfersMax + 2);
  });

  it("go to a follower only that has nearly all of the log", () => {
    const world = new World(1);
    world.behind = 129;
    world.clock.advance(balanceMs);
    expect(world.transfers).toEqual([]);
    world.behind = 128;
    world.clock.advance(balanceMs);
    expect(world.transfers).toEqual(["7 to 12"]);
  });

  it("are not given for five minutes to a node that failed, but to one that was restarted in order", () => {
    const failed = new World(1);
    failed.led.clear();
    failed.clock.advance(1_000);
    failed.dead.add(2);
    failed.clock.advance(1_000);
    failed.dead.delete(2);
    failed.led.add(7);
    failed.clock.advance(nodeMutedMs - 2_000);
    expect(failed.transfers).toEqual([]);
    failed.clock.advance(balanceMs + 2_000);
    expect(failed.transfers).toEqual(["7 to 12"]);

    const restarted = new World(1);
    restarted.led.clear();
    restarted.change(2, { state: "draining" });
    restarted.clock.advance(1_000);
    restarted.dead.add(2);
    restarted.clock.advance(1_000);
    restarted.dead.delete(2);
    restarted.change(2, {});
    restarted.led.add(7);
    restarted.clock.advance(balanceMs);
    expect(restarted.transfers).toEqual(["7 to 12"]);
  });

  it("are not given again to a node that did not take one", () => {
    const world = new World(1);
    world.clock.advance(1_000);
    world.clock.advance(nodeMutedMs);
    expect(world.transfers).toEqual(["7 to 12"]);
    world.clock.advance(2 * balanceMs + groupMutedMs);
    expect(world.transfers).toEqual(["7 to 12", "7 to 12"]);
  });

  it("all leave a node that is drained, for nodes that are not", () => {
    const world = new World(transfersMax + 2);
    world.setGoal(1, "drain");
    world.setGoal(2, "decommission");
    world.clock.advance(1_000);
    expect(world.transfers).toEqual([7, 8, 9, 10, 11, 12].map((groupId) => `${groupId} to 13`));
  });
});
