import type { MetadataRecords, NodeRecord, ReplicaPlacement, ShardRecord } from "@millrace/model";
import { encodeMetadataRecord, METADATA_KEY, MetadataView } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { nodeLines } from "./list.ts";

const change = (key: string, record: MetadataRecords[keyof MetadataRecords]) => {
  return { key, json: encodeMetadataRecord(record) };
};

function node(nodeId: number, goal?: NonNullable<NodeRecord["goal"]>) {
  return change(METADATA_KEY.node(nodeId), {
    nodeId,
    incarnation: `inc${nodeId}`,
    bootEpoch: 1,
    roles: ["broker"],
    host: `host-${nodeId}`,
    zone: "",
    addresses: { rpc: "127.0.0.1:1", admin: "127.0.0.1:2" },
    pid: 1,
    dataDir: "",
    version: "",
    state: "active",
    ...(goal === undefined ? {} : { goal }),
  });
}

const replica = (replicaId: number, nodeId: number): ReplicaPlacement => {
  return { replicaId, nodeId, incarnation: `inc${nodeId}`, state: "created" };
};

describe("the list of nodes", () => {
  it("counts what each holds, and what is on its way", () => {
    const shard: ShardRecord = {
      streamId: "id",
      account: "000000000000",
      streamName: "s",
      shardIndex: 0,
      groupId: 2,
      epoch: 2,
      state: "open",
      startingHashKey: "0",
      endingHashKey: (2n ** 128n - 1n).toString(),
      createdAtSec: 1,
      replicas: [replica(11, 1), replica(12, 2), replica(13, 3)],
      move: { add: replica(14, 4), removeReplicaId: 13, fromConfIndex: 0, cancelled: false },
    };
    const view = new MetadataView();
    view.reset(1, [
      ...[1, 2].map((nodeId) => node(nodeId)),
      node(3, "decommission"),
      node(4),
      change(METADATA_KEY.shard("id", 0), shard),
    ]);
    const lines = nodeLines(view).map(({ id, goal, replicas, arriving, leaving }) => {
      return [id, goal, replicas, arriving, leaving];
    });
    expect(lines).toEqual([
      [1, "serve", 1, 0, 0],
      [2, "serve", 1, 0, 0],
      [3, "decommission", 1, 0, 1],
      [4, "serve", 0, 1, 0],
    ]);
  });
});
