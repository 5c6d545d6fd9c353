/** A small cluster as metadata tells it, and records for its shards. For tests alone. */
import { crc32 } from "node:zlib";

import { encodeMetadataRecord, METADATA_KEY, MetadataView, RecordsBuilder } from "@millrace/model";
import type { MetadataChange, NodeRecord, Shard, ShardRecord, StreamRecord } from "@millrace/model";

import type { EncodedRecords } from "../types.ts";

export const ACCOUNT = "000000000000";
export const STREAM_ID = "aaaaaaaaaaaaaaaaaaaa-bbb";
export const STREAM_NAME = "orders";
const RING_END = (1n << 128n) - 1n;

export const testCrc32 = (bytes: Uint8Array, seed = 0): number => crc32(bytes, seed);
export const testAllocate = (bytes: number): Uint8Array => new Uint8Array(bytes);

export function nodeRecord(
  nodeId: number,
  addresses: Partial<NodeRecord["addresses"]>,
): NodeRecord {
  return {
    nodeId,
    incarnation: `incarnation-${nodeId}`,
    bootEpoch: 1,
    roles: ["coordinator", "broker"],
    host: `host-${nodeId}`,
    zone: "",
    addresses: { rpc: `127.0.0.1:${1000 + nodeId}`, admin: "", ...addresses },
    pid: 1,
    dataDir: "/data",
    version: "test",
    state: "active",
  };
}

export function shardRecord(
  shardIndex: number,
  nodeIds: readonly number[],
  change: Partial<ShardRecord> = {},
): ShardRecord {
  return {
    streamId: STREAM_ID,
    account: ACCOUNT,
    streamName: STREAM_NAME,
    shardIndex,
    groupId: 100 + shardIndex,
    epoch: 1,
    state: "open",
    startingHashKey: "0",
    endingHashKey: String(RING_END),
    createdAtSec: 1_700_000_000,
    replicas: nodeIds.map((nodeId) => ({
      replicaId: nodeId * 1000 + shardIndex,
      nodeId,
      incarnation: `incarnation-${nodeId}`,
      state: "created" as const,
    })),
    ...change,
  };
}

export const STREAM: StreamRecord = {
  account: ACCOUNT,
  streamName: STREAM_NAME,
  streamId: STREAM_ID,
  status: "ACTIVE",
  streamMode: "PROVISIONED",
  retentionHours: 24,
  maxRecordSizeKib: 1024,
  createdAtMs: 1_700_000_000_000,
  tags: {},
};

export function metadataOf(
  nodes: readonly NodeRecord[],
  shards: readonly ShardRecord[],
): MetadataChange[] {
  return [
    ...nodes.map((node) => change(METADATA_KEY.node(node.nodeId), node)),
    change(METADATA_KEY.stream(ACCOUNT, STREAM_NAME), STREAM),
    ...shards.map(shardChange),
  ];
}

export function shardChange(shard: ShardRecord): MetadataChange {
  return change(METADATA_KEY.shard(shard.streamId, shard.shardIndex), shard);
}

function change(key: string, record: Parameters<typeof encodeMetadataRecord>[0]): MetadataChange {
  return { key, json: encodeMetadataRecord(record) };
}

export function viewOfCluster(
  nodes: readonly NodeRecord[],
  shards: readonly ShardRecord[],
): MetadataView {
  const view = new MetadataView();
  view.reset(1, metadataOf(nodes, shards));
  return view;
}

export function shardOf(view: MetadataView, shardIndex: number): Shard {
  const shard = view.shard(STREAM_ID, shardIndex);
  if (shard === undefined) throw new Error(`no shard ${shardIndex}`);
  return shard;
}

/** Records whose data is the text of each of `values`, under partition key `k`. */
export function encoded(values: readonly string[]): EncodedRecords {
  const builder = new RecordsBuilder(testAllocate, 16);
  for (const value of values) {
    const data = Buffer.from(value);
    const at = builder.add(new Uint8Array(16), Buffer.from("k"), data.byteLength);
    builder.buffer.set(data, at);
  }
  return { batch: builder.batch(), count: builder.count };
}
