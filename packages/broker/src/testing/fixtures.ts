/** Metadata and batches for the broker's own tests. */
import { crc32 } from "node:zlib";

import type {
  ClusterRecord,
  MetadataChange,
  NodeRecord,
  Principal,
  RetiredReplicaRecord,
  ShardRecord,
  StreamRecord,
  TombstoneRecord,
} from "@millrace/model";
import {
  encodeMetadataRecord,
  HASH_KEY_MAX,
  METADATA_KEY,
  MetadataView,
  PRODUCER_ID_BYTES,
  RecordsBuilder,
  sealBatch,
} from "@millrace/model";

export const ACCOUNT = "123456789012";
export const STREAM_ID = "aaaaaaaaaaaaaaaaaaaa-aaa";
export const CLUSTER: Principal = { kind: "cluster", accessKeyId: "cluster", account: ACCOUNT };
export const GROUP_ID = 7;
export const EPOCH = 3;
export const HOUR_MS = 3_600_000;

export function clusterRecord(fields: Partial<ClusterRecord> = {}): MetadataChange {
  const record: ClusterRecord = {
    clusterId: "c",
    account: ACCOUNT,
    region: "us-east-1",
    createdAtMs: 0,
    limits: { kind: "unlimited" },
    nextGroupId: 100,
    nextReplicaId: 100,
    sealedTokenKey: "",
    trimClockMs: 0,
    ...fields,
  };
  return { key: METADATA_KEY.cluster, json: encodeMetadataRecord(record) };
}

export function streamRecord(fields: Partial<StreamRecord> = {}): MetadataChange {
  const record: StreamRecord = {
    account: ACCOUNT,
    streamName: "s",
    streamId: STREAM_ID,
    status: "ACTIVE",
    streamMode: "PROVISIONED",
    retentionHours: 24,
    maxRecordSizeKib: 1024,
    createdAtMs: 0,
    tags: {},
    ...fields,
  };
  const key = METADATA_KEY.stream(record.account, record.streamName);
  return { key, json: encodeMetadataRecord(record) };
}

export function shardRecord(fields: Partial<ShardRecord> = {}): MetadataChange {
  const record: ShardRecord = {
    streamId: STREAM_ID,
    account: ACCOUNT,
    streamName: "s",
    shardIndex: 0,
    groupId: GROUP_ID,
    epoch: EPOCH,
    state: "open",
    startingHashKey: "0",
    endingHashKey: HASH_KEY_MAX.toString(),
    createdAtSec: 0,
    replicas: [1, 2, 3].map((id) => ({
      replicaId: 10 + id,
      nodeId: id,
      incarnation: `inc${id}`,
      state: "created" as const,
    })),
    ...fields,
  };
  const key = METADATA_KEY.shard(record.streamId, record.shardIndex);
  return { key, json: encodeMetadataRecord(record) };
}

export function nodeRecord(nodeId: number): MetadataChange {
  const record: NodeRecord = {
    nodeId,
    incarnation: `inc${nodeId}`,
    bootEpoch: 1,
    roles: ["broker"],
    host: `h${nodeId}`,
    zone: "",
    addresses: {
      rpc: `127.0.0.1:${7000 + nodeId}`,
      data: `127.0.0.1:${7100 + nodeId}`,
      admin: `127.0.0.1:${7200 + nodeId}`,
    },
    pid: 1,
    dataDir: "",
    version: "0",
    state: "active",
  };
  return { key: METADATA_KEY.node(nodeId), json: encodeMetadataRecord(record) };
}

export function retiredRecord(fields: Partial<RetiredReplicaRecord> = {}): MetadataChange {
  const record: RetiredReplicaRecord = {
    groupId: GROUP_ID,
    replica: { replicaId: 11, nodeId: 1, incarnation: "inc1", state: "created" },
    deletedAtMs: 0,
    ...fields,
  };
  const key = METADATA_KEY.retired(record.groupId, record.replica.replicaId);
  return { key, json: encodeMetadataRecord(record) };
}

export function tombstoneRecord(fields: Partial<TombstoneRecord> = {}): MetadataChange {
  const record: TombstoneRecord = {
    groupId: GROUP_ID,
    replicas: [{ replicaId: 11, nodeId: 1, incarnation: "inc1", state: "created" }],
    deletedAtMs: 0,
    ...fields,
  };
  return { key: METADATA_KEY.tombstone(record.groupId), json: encodeMetadataRecord(record) };
}

/** A view with one open shard of one stream on nodes 1 to 3, and no limits. */
export function shardView(changes: readonly MetadataChange[] = []): MetadataView {
  const view = new MetadataView();
  const base = [clusterRecord(), streamRecord(), shardRecord(), ...[1, 2, 3].map(nodeRecord)];
  view.reset(1, [...base, ...changes]);
  return view;
}

export interface TestProducer {
  readonly id: number;
  readonly sequence: number;
}

/** A sealed batch of records with the given data, each under its own text as partition key and hash key `hashKey`. */
export function encodeBatch(
  records: readonly string[],
  producer?: TestProducer,
  hashKey = new Uint8Array(16),
): Uint8Array {
  const builder = new RecordsBuilder((bytes) => new Uint8Array(bytes), 64);
  for (const text of records) {
    const data = Buffer.from(text);
    const at = builder.add(hashKey, Buffer.from("key"), data.byteLength);
    builder.buffer.set(data, at);
  }
  const batch = builder.batch().slice();
  const id = new Uint8Array(PRODUCER_ID_BYTES);
  if (producer !== undefined) new DataView(id.buffer).setUint32(4, producer.id);
  const sealed = producer === undefined ? undefined : { id, sequence: producer.sequence };
  sealBatch(batch, builder.count, sealed, crc32);
  return batch;
}

/** The data of every record in encoded records, as text. */
export function recordTexts(records: readonly Uint8Array[]): readonly string[] {
  const texts: string[] = [];
  for (const part of records) {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    let at = 0;
    while (at < bytes.byteLength) {
      const end = at + 4 + bytes.readUInt32LE(at);
      const keyBytes = bytes.readUInt16LE(at + 20);
      texts.push(bytes.toString("utf8", at + 22 + keyBytes, end));
      at = end;
    }
  }
  return texts;
}

/** The item that a test knows to be there. */
export function nth<T>(items: readonly T[], index: number): T {
  const item = items.at(index);
  if (item === undefined) throw new Error(`there is no item ${index} among ${items.length}`);
  return item;
}
