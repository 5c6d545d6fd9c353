/**
 * A cluster in memory behind the gateway's port: real metadata records in a real view, shards that
 * keep what they are given. It stands in for the far end of the client, and fails on request.
 */
import { StreamError } from "@millrace/base";
import type { MetadataChange, Shard, ShardRecord, StreamRecord } from "@millrace/model";
import {
  BATCH_HEADER_BYTES,
  encodeMetadataRecord,
  evenHashKeyRanges,
  METADATA_KEY,
  MetadataView,
  readRecord,
  viewOf,
} from "@millrace/model";

import type {
  CreateStreamOrder,
  GatewayBackend,
  GatewayPage,
  GatewayPutOutcome,
} from "../backend.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const ACCESS_KEY = "AKIDMILLRACE";
export const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

interface StoredRecord {
  readonly bytes: Uint8Array;
  readonly arrivalMs: number;
}

interface StoredShard {
  readonly records: StoredRecord[];
  trimOffset: number;
  sealed: boolean;
}

/** What the fake's secrets look like sealed: it only turns them round. */
export const openSecret = (sealed: string) =>
  Buffer.from(sealed, "base64").toString().split("").toReversed().join("");
const seal = (secret: string) =>
  Buffer.from(secret.split("").toReversed().join("")).toString("base64");

export class FakeBackend implements GatewayBackend {
  readonly view = new MetadataView();
  readonly shards = new Map<number, StoredShard>();
  /** Wall clock of every shard. */
  nowMs: number;
  barriers = 0;
  barrierError: StreamError | undefined;
  /** What a put to a shard does instead of storing. */
  putFault:
    | ((shard: Shard, count: number) => GatewayPutOutcome | StreamError | undefined)
    | undefined;
  fetchError: StreamError | undefined;
  locateError: StreamError | undefined;
  /** Runs during a barrier, as what the tail brings meanwhile. */
  onBarrier: (() => void) | undefined;
  #index = 0;
  #nextGroup = 1;

  constructor(nowMs: number, options: { readonly ready?: boolean } = {}) {
    this.nowMs = nowMs;
    if (options.ready === false) return;
    this.#index = 1;
    this.view.reset(1, [
      change(METADATA_KEY.cluster, {
        clusterId: "c1",
        account: ACCOUNT,
        region: REGION,
        createdAtMs: nowMs,
        limits: { kind: "aws" },
        nextGroupId: 1,
        nextReplicaId: 1,
        sealedTokenKey: seal("the token key"),
        trimClockMs: 0,
      }),
    ]);
    this.addKey(ACCESS_KEY, SECRET, ACCOUNT);
  }

  addKey(accessKeyId: string, secret: string, account: string): void {
    const record = { accessKeyId, account, sealedSecret: seal(secret), createdAtMs: this.nowMs };
    this.apply([change(METADATA_KEY.key(accessKeyId), record)]);
  }

  apply(changes: readonly MetadataChange[]): void {
    this.#index++;
    this.view.apply(this.#index, changes);
  }

  barrier(): Promise<void> {
    this.barriers++;
    this.onBarrier?.();
    return this.barrierError === undefined ? Promise.resolve() : Promise.reject(this.barrierError);
  }

  /** Makes a stream in one step. */
  addStream(order: Partial<CreateStreamOrder> & { readonly streamName: string }): StreamRecord {
    const stream: StreamRecord = {
      account: order.account ?? ACCOUNT,
      streamName: order.streamName,
      streamId: `${String(this.#nextGroup).padStart(20, "a")}-000`,
      status: "ACTIVE",
      streamMode: order.streamMode ?? "PROVISIONED",
      retentionHours: 24,
      maxRecordSizeKib: order.maxRecordSizeKib ?? 1024,
      createdAtMs: this.nowMs,
      tags: order.tags ?? {},
    };
    this.putStream(stream);
    for (const [index, range] of evenHashKeyRanges(order.shardCount ?? 1).entries()) {
      this.putShard(stream, {
        shardIndex: index,
        startingHashKey: String(range.startingHashKey),
        endingHashKey: String(range.endingHashKey),
      });
    }
    return stream;
  }

  putStream(stream: StreamRecord): void {
    this.apply([change(METADATA_KEY.stream(stream.account, stream.streamName), stream)]);
  }

  /** Adds or replaces a shard; members that are not named are those of the shard as it is, or of a new open one. */
  putShard(
    stream: StreamRecord,
    shard: Partial<ShardRecord> & { readonly shardIndex: number },
  ): void {
    const held = this.view.shard(stream.streamId, shard.shardIndex);
    const { range: _, ...before } = held ?? { range: undefined };
    const record: ShardRecord = {
      streamId: stream.streamId,
      account: stream.account,
      streamName: stream.streamName,
      groupId: held?.groupId ?? this.#nextGroup++,
      epoch: 1,
      state: "open",
      startingHashKey: "0",
      endingHashKey: "0",
      createdAtSec: Math.floor(this.nowMs / 1000),
      replicas: [],
      ...before,
      ...shard,
    };
    this.apply([change(METADATA_KEY.shard(stream.streamId, shard.shardIndex), record)]);
  }

  removeStream(account: string, streamName: string): void {
    this.apply([{ key: METADATA_KEY.stream(account, streamName), json: undefined }]);
  }

  stored(groupId: number): StoredShard {
    const shard = this.shards.get(groupId) ?? { records: [], trimOffset: 0, sealed: false };
    this.shards.set(groupId, shard);
    return shard;
  }

  readonly admin = {
    createStream: async (order: CreateStreamOrder) => {
      if (this.view.stream(order.account, order.streamName) !== undefined) {
        throw new StreamError("already-exists", `stream ${order.streamName} exists`);
      }
      this.addStream(order);
    },
    deleteStream: async ({ account, streamName }: { account: string; streamName: string }) => {
      this.removeStream(account, streamName);
    },
    updateRetention: async (order: {
      account: string;
      streamName: string;
      retentionHours: number;
    }) => {
      const stream = this.#stream(order);
      this.putStream({ ...stream, retentionHours: order.retentionHours });
    },
    updateTags: async (order: {
      account: string;
      streamName: string;
      set: Readonly<Record<string, string>>;
      remove: readonly string[];
    }) => {
      const stream = this.#stream(order);
      const tags = { ...stream.tags, ...order.set };
      for (const key of order.remove) delete tags[key];
      this.putStream({ ...stream, tags });
    },
  };

  readonly producer = {
    put: async (
      shard: Shard,
      { batch, count }: { readonly batch: Uint8Array; readonly count: number },
    ): Promise<GatewayPutOutcome> => {
      const fault = this.putFault?.(shard, count);
      if (fault instanceof StreamError) throw fault;
      const stored = this.stored(shard.groupId);
      const baseOffset = stored.records.length;
      const accepted = fault?.accepted ?? count;
      const view = viewOf(batch);
      const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
      let at = BATCH_HEADER_BYTES;
      for (let index = 0; index < accepted; index++) {
        at = readRecord(view, at, place);
        stored.records.push({
          bytes: batch.slice(place.start, place.end),
          arrivalMs: this.nowMs,
        });
      }
      return fault ?? { baseOffset, accepted, arrivalMs: this.nowMs, throttled: 0 };
    },
  };

  readonly reader = {
    fetch: async (
      shard: Shard,
      request: { offset: number; maxBytes: number; maxRecords: number },
    ): Promise<GatewayPage> => {
      if (this.fetchError !== undefined) throw this.fetchError;
      const { records, trimOffset, sealed } = this.stored(shard.groupId);
      const from = Math.max(request.offset, trimOffset);
      const slices = [];
      let bytes = 0;
      let next = from;
      for (const record of records.slice(from, from + request.maxRecords)) {
        if (slices.length > 0 && bytes + record.bytes.byteLength > request.maxBytes) break;
        bytes += record.bytes.byteLength;
        slices.push({
          baseOffset: next++,
          count: 1,
          arrivalMs: record.arrivalMs,
          records: record.bytes,
        });
      }
      const endOffset = records.length;
      return { slices, nextOffset: next, endOffset, trimOffset, nowMs: this.nowMs, sealed };
    },
    locate: async (shard: Shard, position: string, timestampMs: number | undefined) => {
      if (this.locateError !== undefined) throw this.locateError;
      const { records, trimOffset } = this.stored(shard.groupId);
      const endOffset = records.length;
      const since = records.findIndex((record) => record.arrivalMs >= (timestampMs ?? 0));
      const offsets: Record<string, number> = {
        TRIM_HORIZON: trimOffset,
        LATEST: endOffset,
        AT_TIMESTAMP: Math.max(trimOffset, since < 0 ? endOffset : since),
      };
      return { offset: offsets[position] ?? 0, trimOffset, endOffset };
    },
  };

  #stream({ account, streamName }: { account: string; streamName: string }): StreamRecord {
    const stream = this.view.stream(account, streamName);
    if (stream === undefined) throw new StreamError("not-found", `no stream ${streamName}`);
    return stream;
  }
}

function change(key: string, record: Parameters<typeof encodeMetadataRecord>[0]): MetadataChange {
  return { key, json: encodeMetadataRecord(record) };
}
