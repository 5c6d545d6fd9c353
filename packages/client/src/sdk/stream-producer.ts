/**
 * Puts by stream name and partition key: routes each record, gathers those of one turn per shard, and
 * tries again what a limit refused or a reshard moved.
 *
 * Only what is certainly not stored is put again, so a record is stored once or its put rejects.
 *
 * Puts of one partition key that are under way together keep their order over a split or merge: while a
 * closed shard still owes an outcome, records for its descendants are held back, and then go in the
 * order of their puts.
 */
import type { ErrorCode, Timer } from "@millrace/base";
import { asStreamError, StreamError } from "@millrace/base";
import type { MetadataView, Shard, StreamRecord } from "@millrace/model";
import {
  hashKeyFromBytes,
  PARTITION_KEY_BYTES_MAX,
  RECORD_HEADER_BYTES,
  RECORDS_PER_BATCH_MAX,
  RecordsBuilder,
  SequenceNumbers,
  shardId,
} from "@millrace/model";

import { md5 as nodeMd5 } from "../node-ports.ts";
import type { ClientPorts } from "../options.ts";
import { Backoff } from "../routing/backoff.ts";
import type { EncodedRecords, PutOutcome } from "../types.ts";

/** What the producer needs of a client; `MillraceClient` is one. */
export interface ProducingClient {
  readonly view: MetadataView;
  readonly ports: ClientPorts;
  readonly producer: {
    put(shard: Shard, records: EncodedRecords, deadlineMs: number): Promise<PutOutcome>;
  };
  barrier(deadlineMs?: number): Promise<void>;
}

export interface StreamProducerOptions {
  /** Twelve digits. */
  readonly account: string;
  /** Milliseconds that a put may take, waiting for a write limit included. @default 30,000 */
  readonly deadlineMs?: number;
  /** Records of one shard are handed over as one put at this size, or at the end of the turn. @default 1 MiB */
  readonly batchBytesMax?: number;
  /** Data of all puts that are not settled; beyond, `put` rejects with `overloaded`. @default 64 MiB */
  readonly pendingBytesMax?: number;
  /** 16 bytes of MD5. @default that of node:crypto */
  readonly md5?: (bytes: Uint8Array) => Uint8Array;
}

export interface StoredRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export interface StreamPut {
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

interface PendingRecord {
  /** Counts the puts of this producer. */
  readonly ordinal: number;
  readonly streamName: string;
  readonly key: Uint8Array;
  readonly hash: Uint8Array;
  readonly data: Uint8Array;
  readonly endsAtMs: number;
  readonly backoff: Backoff;
  readonly resolve: (stored: StoredRecord) => void;
  readonly reject: (error: StreamError) => void;
}

interface Gathering {
  readonly shard: Shard;
  readonly records: PendingRecord[];
  bytes: number;
}

const BACKOFF = { backoffMsMin: 50, backoffMsMax: 1000 };
const KEY_CHARACTERS_MAX = 256;
/** Nothing was stored, and a moment later it could be. */
const RETRIED: ReadonlySet<ErrorCode> = new Set(["stale-epoch", "unavailable", "overloaded"]);

export class StreamProducer {
  readonly #client: ProducingClient;
  readonly #options: Required<StreamProducerOptions>;
  readonly #gathering = new Map<number, Gathering>();
  readonly #retries = new Map<PendingRecord, Timer>();
  /** Records handed over and without an outcome, by group. */
  readonly #handedOver = new Map<number, number>();
  /** Groups of closed shards among them. */
  #leaving: ReadonlySet<number> = new Set();
  /** Records for descendants of shards that are being left. Bounded like all that are pending. */
  #held: PendingRecord[] = [];
  readonly #stopFollowing: () => void;
  #ordinal = 0;
  #flushPlanned = false;
  #pendingBytes = 0;
  #closed = false;

  constructor(client: ProducingClient, options: StreamProducerOptions) {
    this.#client = client;
    this.#options = {
      deadlineMs: 30_000,
      batchBytesMax: 1024 * 1024,
      pendingBytesMax: 64 * 1024 * 1024,
      md5: nodeMd5,
      ...options,
    };
    this.#stopFollowing = client.view.onChange((keys) => {
      if (keys.some((key) => key.startsWith("shard/"))) this.#findLeaving();
    });
  }

  /**
   * Stores one record.
   *
   * @param partitionKey 1..256 characters.
   * @throws StreamError `invalid-argument`, `not-found`, `wrong-state`, `throttled` (the limit let
   *   nothing through until the deadline), `overloaded`, `unavailable`; `deadline` or `indeterminate`
   *   when the record may be stored.
   */
  async put(streamName: string, partitionKey: string, data: Uint8Array): Promise<StoredRecord> {
    if (this.#closed) throw closedError();
    const stream = this.#stream(streamName) ?? (await this.#streamAfterBarrier(streamName));
    const key = Buffer.from(partitionKey, "utf8");
    checkRecord(stream, partitionKey, key, data);
    const { pendingBytesMax, md5, deadlineMs } = this.#options;
    if (this.#pendingBytes > 0 && this.#pendingBytes + data.byteLength > pendingBytesMax) {
      throw new StreamError(
        "overloaded",
        `${this.#pendingBytes} bytes of records wait; the bound is ${pendingBytesMax}`,
      );
    }
    this.#pendingBytes += data.byteLength;
    const { clock, random } = this.#client.ports;
    const placed = new Promise<StoredRecord>((resolve, reject) => {
      this.#place({
        ordinal: this.#ordinal++,
        streamName,
        key,
        hash: md5(key),
        data,
        endsAtMs: clock.monotonicMs() + deadlineMs,
        backoff: new Backoff(BACKOFF, random),
        resolve,
        reject,
      });
    });
    return placed.finally(() => (this.#pendingBytes -= data.byteLength));
  }

  /** Stores many records; the answers come in their order, each a stored record or its own error. */
  async putAll(
    streamName: string,
    records: readonly StreamPut[],
  ): Promise<readonly (StoredRecord | StreamError)[]> {
    return Promise.all(
      records.map(({ partitionKey, data }) =>
        this.put(streamName, partitionKey, data).catch((error: unknown) => asStreamError(error)),
      ),
    );
  }

  /** Rejects what waits for another try; puts that were handed over end by themselves. */
  close(): void {
    this.#closed = true;
    this.#stopFollowing();
    for (const record of this.#held.splice(0)) record.reject(closedError());
    for (const [record, timer] of this.#retries) {
      timer.cancel();
      record.reject(closedError());
    }
    this.#retries.clear();
  }

  #stream(streamName: string): StreamRecord | undefined {
    return this.#client.view.stream(this.#options.account, streamName);
  }

  /** The own metadata may be behind: a stream is only missing when a barrier says so. */
  async #streamAfterBarrier(streamName: string): Promise<StreamRecord> {
    await this.#client.barrier();
    const stream = this.#stream(streamName);
    if (stream !== undefined) return stream;
    throw new StreamError("not-found", `stream ${streamName} does not exist`);
  }

  /** Adds a record to what its shard gets at the end of this turn. */
  #place(record: PendingRecord): void {
    const stream = this.#stream(record.streamName);
    if (stream === undefined) {
      record.reject(new StreamError("not-found", `stream ${record.streamName} was deleted`));
      return;
    }
    const shard = this.#client.view.route(stream.streamId, hashKeyFromBytes(record.hash));
    if (shard === undefined) {
      const why = `stream ${record.streamName} is ${stream.status} and has no open shard for the key`;
      this.#again(record, new StreamError("wrong-state", why));
      return;
    }
    if (this.#waitsForAncestors(shard)) {
      this.#held.push(record);
      return;
    }
    const bytes = RECORD_HEADER_BYTES + record.key.byteLength + record.data.byteLength;
    let gathering = this.#gathering.get(shard.groupId);
    if (gathering !== undefined && !this.#fits(gathering, bytes)) {
      this.#handOver(gathering);
      gathering = undefined;
    }
    if (gathering === undefined) {
      gathering = { shard, records: [], bytes: 0 };
      this.#gathering.set(shard.groupId, gathering);
    }
    gathering.records.push(record);
    gathering.bytes += bytes;
    this.#planFlush();
  }

  #fits(gathering: Gathering, bytes: number): boolean {
    const { records, bytes: gathered } = gathering;
    return (
      records.length < RECORDS_PER_BATCH_MAX && gathered + bytes <= this.#options.batchBytesMax
    );
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#client.ports.clock.soon(() => {
      this.#flushPlanned = false;
      for (const gathering of this.#gathering.values()) this.#handOver(gathering);
    });
  }

  #handOver({ shard, records, bytes }: Gathering): void {
    this.#gathering.delete(shard.groupId);
    const { allocate, clock } = this.#client.ports;
    const builder = new RecordsBuilder(allocate, bytes);
    for (const { hash, key, data } of records) {
      const at = builder.add(hash, key, data.byteLength);
      builder.buffer.set(data, at);
    }
    const endsAtMs = Math.min(...records.map((record) => record.endsAtMs));
    const deadlineMs = Math.max(0, endsAtMs - clock.monotonicMs());
    const encoded = { batch: builder.batch(), count: builder.count };
    const { groupId } = shard;
    this.#handedOver.set(groupId, (this.#handedOver.get(groupId) ?? 0) + records.length);
    this.#client.producer
      .put(shard, encoded, deadlineMs)
      .then(
        (outcome) => this.#settle(shard, records, outcome),
        (error: unknown) => this.#failed(shard, records, asStreamError(error)),
      )
      .finally(() => this.#hasOutcome(groupId, records.length));
  }

  /** The last outcome of a closed shard lets its descendants begin. */
  #hasOutcome(groupId: number, count: number): void {
    const left = (this.#handedOver.get(groupId) ?? 0) - count;
    if (left > 0) {
      this.#handedOver.set(groupId, left);
      return;
    }
    this.#handedOver.delete(groupId);
    if (!this.#leaving.has(groupId) && this.#held.length === 0) return;
    this.#findLeaving();
  }

  #findLeaving(): void {
    const { view } = this.#client;
    const groups = [...this.#handedOver.keys()];
    this.#leaving = new Set(
      groups.filter((groupId) => view.shardOfGroup(groupId)?.state === "closed"),
    );
    const held = this.#held.splice(0).sort((a, b) => a.ordinal - b.ordinal);
    for (const record of held) this.#place(record);
  }

  #waitsForAncestors(shard: Shard): boolean {
    if (this.#leaving.size === 0) return false;
    const { view } = this.#client;
    return [shard.parentShardIndex, shard.adjacentParentShardIndex].some((index) => {
      const parent = index === undefined ? undefined : view.shard(shard.streamId, index);
      if (parent === undefined) return false;
      return this.#leaving.has(parent.groupId) || this.#waitsForAncestors(parent);
    });
  }

  #settle(shard: Shard, records: readonly PendingRecord[], outcome: PutOutcome): void {
    const { accepted, baseOffset, arrivalMs } = outcome;
    const numbers = new SequenceNumbers(shard.createdAtSec, shard.shardIndex);
    const id = shardId(shard.shardIndex);
    records.forEach((record, index) => {
      if (index < accepted) {
        const sequenceNumber = numbers.at(baseOffset + index, arrivalMs);
        record.resolve({ shardId: id, sequenceNumber });
        return;
      }
      const why = `${id} of ${shard.streamName} took ${accepted} of ${records.length} records`;
      this.#again(record, new StreamError("throttled", why));
    });
  }

  #failed(shard: Shard, records: readonly PendingRecord[], error: StreamError): void {
    for (const record of records) {
      // Another shard takes them by now: no reason to wait, and their order to keep.
      if (error.code === "stale-epoch" && this.#isMoved(record, shard)) this.#held.push(record);
      // A batch has the deadline of its oldest record; the others may have time left.
      else if (RETRIED.has(error.code)) this.#again(record, error);
      else record.reject(error);
    }
  }

  #isMoved({ streamName, hash, endsAtMs }: PendingRecord, from: Shard): boolean {
    const { view, ports } = this.#client;
    if (this.#closed || ports.clock.monotonicMs() >= endsAtMs) return false;
    const stream = this.#stream(streamName);
    const owner = stream && view.route(stream.streamId, hashKeyFromBytes(hash));
    return owner !== undefined && owner.groupId !== from.groupId;
  }

  /** Another try after a while; nothing of the record is stored. */
  #again(record: PendingRecord, error: StreamError): void {
    const { clock } = this.#client.ports;
    const delayMs = record.backoff.wait(error.hint.retryAfterMs);
    if (this.#closed || clock.monotonicMs() + delayMs >= record.endsAtMs) {
      record.reject(error);
      return;
    }
    const timer = clock.schedule(delayMs, () => {
      this.#retries.delete(record);
      this.#place(record);
    });
    this.#retries.set(record, timer);
  }
}

function checkRecord(
  stream: StreamRecord,
  partitionKey: string,
  key: Uint8Array,
  data: Uint8Array,
): void {
  const tooLong = partitionKey.length > KEY_CHARACTERS_MAX;
  if (partitionKey === "" || tooLong || key.byteLength > PARTITION_KEY_BYTES_MAX) {
    throw new StreamError(
      "invalid-argument",
      `partitionKey has ${partitionKey.length} characters, but must have 1..${KEY_CHARACTERS_MAX}`,
    );
  }
  const bytes = key.byteLength + data.byteLength;
  const bytesMax = stream.maxRecordSizeKib * 1024;
  if (bytes <= bytesMax) return;
  throw new StreamError(
    "invalid-argument",
    `data and partitionKey have ${bytes} bytes, but ${stream.streamName} takes ${bytesMax} at most`,
  );
}

function closedError(): StreamError {
  return new StreamError("cancelled", "the producer is closed");
}
