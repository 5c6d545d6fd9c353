/**
 * Which record goes to which shard, and the bytes that each shard gets.
 *
 * Two passes over the records and nothing kept per record but its group and its hash: the first
 * pass hashes, routes and adds up sizes, so that the second writes straight into one buffer per
 * shard that is exactly large enough.
 */
import { hash } from "node:crypto";

import { StreamError } from "@millrace/base";
import type { HashKey, Shard, StreamRecord } from "@millrace/model";
import {
  BATCH_BYTES_MAX,
  BATCH_HEADER_BYTES,
  HASH_KEY_BYTES,
  HASH_KEY_MAX,
  hashKeyBytes,
  hashKeyFromBytes,
  RECORD_HEADER_BYTES,
  RecordsBuilder,
  shardId,
} from "@millrace/model";

import { asAwsError, invalidArgument } from "../protocol/aws-error.ts";
import { writeBlob } from "../protocol/types.ts";
import { blobBytes } from "../protocol/values.ts";
import type { Call } from "./call.ts";

export interface PutEntry {
  readonly Data: string | Uint8Array;
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
}

export const REQUEST_BYTES_MAX = 10 * 1024 * 1024;
const KEY_SCRATCH = Buffer.allocUnsafeSlow(1024);

export class ShardGroup {
  readonly shard: Shard;
  count = 0;
  bytes = 0;
  #builder: RecordsBuilder | undefined;

  constructor(shard: Shard) {
    this.shard = shard;
  }

  add(hashKey: Uint8Array, key: Uint8Array, data: string | Uint8Array): void {
    const builder = (this.#builder ??= new RecordsBuilder(ownBuffer, this.bytes));
    const dataBytes = blobBytes(data);
    const at = builder.add(hashKey, key, dataBytes);
    writeBlob(data, builder.buffer as Buffer, at, dataBytes);
  }

  encoded(): { readonly batch: Uint8Array; readonly count: number } {
    return { batch: this.#builder?.batch() ?? ownBuffer(BATCH_HEADER_BYTES), count: this.count };
  }
}

export class PutPlan {
  /** In order of their first records; a shard whose records fill more than one batch has several. */
  readonly groups: readonly ShardGroup[];
  /** Index into `groups` for each record, in order of input. */
  readonly groupOf: Int32Array;

  /**
   * @throws AwsError for a record or request beyond its size, an ExplicitHashKey beyond the ring, data
   *   that is no base64; 503 while no open shard owns a key.
   */
  constructor(call: Call, stream: StreamRecord, entries: readonly PutEntry[]) {
    this.groupOf = new Int32Array(entries.length);
    const hashes = Buffer.allocUnsafe(entries.length * HASH_KEY_BYTES);
    this.groups = this.#route(call, stream, entries, hashes);
    for (const [index, entry] of entries.entries()) {
      const group = this.groups[this.groupOf[index] as number] as ShardGroup;
      const hashKey = hashes.subarray(index * HASH_KEY_BYTES, (index + 1) * HASH_KEY_BYTES);
      const keyBytes = KEY_SCRATCH.write(entry.PartitionKey, 0, "utf8");
      group.add(hashKey, KEY_SCRATCH.subarray(0, keyBytes), entry.Data);
    }
  }

  #route(
    call: Call,
    stream: StreamRecord,
    entries: readonly PutEntry[],
    hashes: Buffer,
  ): readonly ShardGroup[] {
    const groups: ShardGroup[] = [];
    const byShard = new Map<number, number>();
    let total = 0;
    for (const [index, entry] of entries.entries()) {
      const keyBytes = Buffer.byteLength(entry.PartitionKey);
      const bytes = blobBytes(entry.Data) + keyBytes;
      checkRecordBytes(stream, bytes, entries.length > 1 ? index : undefined);
      total += bytes;
      const shard = owner(call, stream, writeHash(entry, hashes, index * HASH_KEY_BYTES));
      const encodedBytes = bytes + RECORD_HEADER_BYTES;
      let place = byShard.get(shard.shardIndex);
      if (place === undefined || !hasRoom(groups[place], encodedBytes)) {
        place = groups.push(new ShardGroup(shard)) - 1;
        byShard.set(shard.shardIndex, place);
      }
      this.groupOf[index] = place;
      const group = groups[place] as ShardGroup;
      group.count++;
      group.bytes += encodedBytes;
    }
    if (total > REQUEST_BYTES_MAX && entries.length > 1) {
      throw invalidArgument("Records size exceeds 10 MB limit");
    }
    return groups;
  }
}

/** Ten MiB of data in many records have more headers than one batch has room for: the rest is a second one. */
function hasRoom(group: ShardGroup | undefined, encodedBytes: number): boolean {
  return group !== undefined && group.bytes + encodedBytes <= BATCH_BYTES_MAX - BATCH_HEADER_BYTES;
}

/** Writes the record's place on the ring, 16 bytes, and returns it. */
function writeHash(entry: PutEntry, hashes: Buffer, at: number): HashKey {
  if (entry.ExplicitHashKey === undefined) {
    hashes.write(hash("md5", entry.PartitionKey, "binary"), at, HASH_KEY_BYTES, "latin1");
    return hashKeyFromBytes(hashes, at);
  }
  const explicit = BigInt(entry.ExplicitHashKey);
  if (explicit > HASH_KEY_MAX) {
    throw invalidArgument(
      "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
        `Specified value was ${entry.ExplicitHashKey}`,
    );
  }
  hashes.set(hashKeyBytes(explicit as HashKey), at);
  return explicit as HashKey;
}

function owner(call: Call, stream: StreamRecord, key: HashKey): Shard {
  const shard = call.backend.view.route(stream.streamId, key);
  if (shard !== undefined) return shard;
  throw asAwsError(
    new StreamError(
      "unavailable",
      `No open shard of stream ${stream.streamName} owns hash key ${key} at this moment.`,
    ),
  );
}

function checkRecordBytes(stream: StreamRecord, bytes: number, index: number | undefined): void {
  const max = stream.maxRecordSizeKib * 1024;
  if (bytes <= max) return;
  const which = index === undefined ? "The record" : `Record ${index + 1} of the request`;
  throw invalidArgument(
    `${which} has ${bytes} bytes of data and partition key, but stream ${stream.streamName} ` +
      `takes records of at most ${max} bytes (MaxRecordSizeInKiB ${stream.maxRecordSizeKib}).`,
  );
}

/** AWS's text for a record that met its shard's limits. */
export function rateExceeded(shard: Shard, streamName: string, account: string): string {
  return `Rate exceeded for shard ${shardId(shard.shardIndex)} in stream ${streamName} under account ${account}.`;
}

/** Never a slice of a pool: the producer keeps the buffer for its retries. */
const ownBuffer = (bytes: number) => Buffer.allocUnsafeSlow(bytes);
