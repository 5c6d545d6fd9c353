/**
 * RecordBatch: what producers send, what the Raft log stores and what readers get, byte for byte.
 *
 *   byte 0       2         3       4       8        12      16           24                 32
 *        | magic | version | flags | crc   | length | count | producerId | producerSequence | records
 *        | u16   | u8      | u8    | u32   | u32    | u32   | 8 bytes    | u64              |
 *
 * One record, `count` of them back to back:
 *
 *   byte 0        4           20                22
 *        | length | hash key  | partitionKeyLen | partition key (UTF-8) | data
 *        | u32    | 16 bytes  | u16             |                       | (the rest)
 *
 * Little-endian, but for the hash key, which is big-endian like the number it is. `crc` is CRC-32 of
 * everything from byte 8 on. `length` is that of the whole batch, a record's that of what follows
 * its length field. A `producerId` of zero takes no part in deduplication.
 *
 *   B1  length equals the bytes given, and the records fill it exactly
 *   B2  crc matches
 *   B3  count is 1..RECORDS_PER_BATCH_MAX and equals the records found
 *   B4  every record's data plus partition key is within the stream's maximum, its key 1..1024 bytes
 *   B5  every hash key lies in the shard's range
 */
import { StreamError } from "@millrace/base";

import type { HashKeyBounds } from "./hash-key.ts";
import { HASH_KEY_BYTES } from "./hash-key.ts";

export const BATCH_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 4 + HASH_KEY_BYTES + 2;
export const RECORDS_PER_BATCH_MAX = 100_000;
/** 256 characters of a partition key are at most 1024 bytes of UTF-8. */
export const PARTITION_KEY_BYTES_MAX = 1024;
/** Largest data plus partition key that any stream can allow. */
export const RECORD_BYTES_MAX = 10 * 1024 * 1024 + PARTITION_KEY_BYTES_MAX;
/** One batch: a single record of the largest kind still fits. */
export const BATCH_BYTES_MAX = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + RECORD_BYTES_MAX;
export const PRODUCER_ID_BYTES = 8;

const MAGIC = 0x424d;
const VERSION = 1;
const KEY_LENGTH_AT = 4 + HASH_KEY_BYTES;

/** CRC-32 (ISO-HDLC) of `bytes`, continuing from `seed` (0 to begin). */
export type Crc32 = (bytes: Uint8Array, seed?: number) => number;

export interface BatchHeader {
  readonly lengthBytes: number;
  readonly count: number;
  /** Hexadecimal, 16 digits; all zeros when the producer takes no part in deduplication. */
  readonly producerId: string;
  readonly producerSequence: number;
  /** Data plus partition keys of all records: what limits and metrics count. */
  readonly payloadBytes: number;
}

export interface BatchRules {
  readonly bounds: HashKeyBounds;
  /** Largest data plus partition key of one record, bytes. */
  readonly recordBytesMax: number;
  readonly crc32: Crc32;
}

export const NO_PRODUCER = "0000000000000000";

/** Fills the header in front of records that already stand at `BATCH_HEADER_BYTES`. `batch` is the whole batch. */
export function sealBatch(
  batch: Uint8Array,
  count: number,
  producer: { readonly id: Uint8Array; readonly sequence: number } | undefined,
  crc32: Crc32,
): void {
  const view = viewOf(batch);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, VERSION);
  view.setUint8(3, 0);
  view.setUint32(8, batch.byteLength, true);
  view.setUint32(12, count, true);
  batch.fill(0, 16, BATCH_HEADER_BYTES);
  if (producer !== undefined) {
    batch.set(producer.id.subarray(0, PRODUCER_ID_BYTES), 16);
    setSafeU64(view, 24, producer.sequence);
  }
  view.setUint32(4, crc32(batch.subarray(8)), true);
}

/**
 * Checks a whole batch in one pass without allocating per record.
 *
 * @throws StreamError `invalid-argument` for B1 to B4, `stale-epoch` for B5:
 *   the sender's shard map is older than ours.
 */
export function checkBatch(batch: Uint8Array, rules: BatchRules): BatchHeader {
  const header = readBatchHeader(batch);
  const view = viewOf(batch);
  const crc = rules.crc32(batch.subarray(8));
  if (crc !== view.getUint32(4, true)) {
    throw new StreamError(
      "invalid-argument",
      `record batch: crc is ${view.getUint32(4, true)}, not ${crc}`,
    ); // B2
  }
  let at = BATCH_HEADER_BYTES;
  for (let index = 0; index < header.count; index++) {
    if (at + RECORD_HEADER_BYTES > batch.byteLength) throw broken(index, at, "is cut off"); // B1
    const end = at + 4 + view.getUint32(at, true);
    const keyBytes = view.getUint16(at + KEY_LENGTH_AT, true);
    if (end > batch.byteLength) throw broken(index, at, "is longer than the batch"); // B1
    const payloadBytes = end - at - RECORD_HEADER_BYTES;
    if (keyBytes < 1 || keyBytes > PARTITION_KEY_BYTES_MAX || keyBytes > payloadBytes) {
      throw broken(index, at, `has a partition key of ${keyBytes} bytes`); // B4
    }
    if (payloadBytes > rules.recordBytesMax) {
      throw broken(index, at, `has ${payloadBytes} bytes, maximum ${rules.recordBytesMax}`); // B4
    }
    if (!rules.bounds.contains(view, at + 4)) {
      throw new StreamError("stale-epoch", `record ${index} of the batch hashes to another shard`); // B5
    }
    at = end;
  }
  if (at !== batch.byteLength) throw broken(header.count, at, "is not expected: bytes left over"); // B1, B3
  return header;
}

/** The header, checked against the bytes at hand, records unread. @throws StreamError `invalid-argument`. */
export function readBatchHeader(batch: Uint8Array, at = 0): BatchHeader {
  const available = batch.byteLength - at;
  if (available < BATCH_HEADER_BYTES) {
    throw new StreamError("invalid-argument", `record batch: ${available} bytes are no header`);
  }
  const view = viewOf(batch);
  const magic = view.getUint16(at, true);
  const version = view.getUint8(at + 2);
  if (magic !== MAGIC) throw new StreamError("invalid-argument", `record batch: magic is ${magic}`);
  if (version !== VERSION) {
    throw new StreamError("unsupported", `record batch: version ${version}, known is ${VERSION}`);
  }
  const lengthBytes = view.getUint32(at + 8, true);
  const count = view.getUint32(at + 12, true);
  if (lengthBytes > available || (at === 0 && lengthBytes !== available)) {
    throw new StreamError(
      "invalid-argument",
      `record batch: length is ${lengthBytes}, but ${available} bytes came`,
    );
  }
  if (count < 1 || count > RECORDS_PER_BATCH_MAX) {
    throw new StreamError(
      "invalid-argument",
      `record batch: count is ${count}, but must be in 1..${RECORDS_PER_BATCH_MAX}`,
    );
  }
  return {
    lengthBytes,
    count,
    producerId: hex(batch, at + 16, PRODUCER_ID_BYTES),
    producerSequence: safeU64("producerSequence", view, at + 24),
    payloadBytes: lengthBytes - BATCH_HEADER_BYTES - count * RECORD_HEADER_BYTES,
  };
}

/** Where one record's parts lie; filled anew for each record, so that reading allocates nothing. */
export interface RecordPlace {
  /** First byte of the record, and the first byte after it. */
  start: number;
  end: number;
  keyStart: number;
  keyEnd: number;
}

/**
 * Fills `place` for the record that starts at `at` of encoded records and returns where the next starts.
 *
 * @throws StreamError `corrupt` when the record leaves the bytes given.
 */
export function readRecord(view: DataView, at: number, place: RecordPlace): number {
  const end =
    at + RECORD_HEADER_BYTES <= view.byteLength ? at + 4 + view.getUint32(at, true) : Infinity;
  if (end > view.byteLength) throw new StreamError("corrupt", `record at byte ${at} is cut off`);
  place.start = at;
  place.end = end;
  place.keyStart = at + RECORD_HEADER_BYTES;
  place.keyEnd = place.keyStart + view.getUint16(at + KEY_LENGTH_AT, true);
  return end;
}

/** The longest prefix of `count` records at `at` within both budgets; a single first record is never cut by bytes. */
export function prefixWithin(
  view: DataView,
  at: number,
  count: number,
  recordsMax: number,
  payloadBytesMax: number,
): { readonly count: number; readonly endAt: number; readonly payloadBytes: number } {
  let taken = 0;
  let position = at;
  let payloadBytes = 0;
  while (taken < count && taken < recordsMax) {
    const length = view.getUint32(position, true);
    const bytes = length + 4 - RECORD_HEADER_BYTES;
    if (taken > 0 && payloadBytes + bytes > payloadBytesMax) break;
    payloadBytes += bytes;
    position += 4 + length;
    taken++;
  }
  return { count: taken, endAt: position, payloadBytes };
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes a whole number up to 2^53 - 1 as u64, little-endian. */
export function setSafeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Reads a u64, little-endian. @throws StreamError `invalid-argument` above 2^53 - 1. */
export function safeU64(field: string, view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  throw new StreamError("invalid-argument", `${field} is ${value}, but must be at most 2^53-1`);
}

function broken(index: number, at: number, what: string): StreamError {
  return new StreamError("invalid-argument", `record batch: record ${index} at byte ${at} ${what}`);
}

function hex(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let index = at; index < at + length; index++) {
    text += (bytes[index] ?? 0).toString(16).padStart(2, "0");
  }
  return text;
}
