/**
 * A shard's state as bytes: what a restart begins from and what a far-behind follower is sent.
 *
 *   byte 0         1       2          3   4           8            16              24           32
 *        | version | flags | children | 0 | producers | nextOffset | lastArrivalMs | trimOffset | trimIndex |
 *        | u8      | u8    | u8       |   | u32       | u64        | u64           | u64        | u64       |
 *        40               48      56          64        68
 *        | arrivalFloorMs | epoch | sealIndex | child 0 | child 1 | then per producer, in order of application:
 *        | u64            | u64   | u64       | u32     | u32     |
 *        | producer id | batches | 0   | then per batch | sequence | baseOffset | arrivalMs | count | 0   |
 *        | 8 bytes     | u32     | u32 |                | u64      | u64        | u64       | u32   | u32 |
 *
 * Little-endian but for the id. Flag 1: sealed. `children` counts those that are meant. The frame around it carries the checksum.
 * Equal states give equal bytes, so that replicas can be compared by their snapshots (S2).
 */
import { StreamError } from "@millrace/base";
import { safeU64, setSafeU64, viewOf } from "@millrace/model";

import type { DedupTable, StoredBatch } from "./dedup-table.ts";
import { CHILDREN_MAX } from "./shard-commands.ts";

const VERSION = 2;
/** Version 1 had no children. */
const HEADER_BYTES_1 = 64;
const FLAG_SEALED = 1;
const HEADER_BYTES = 72;
const CHILDREN_AT = 64;
const PRODUCER_BYTES = 16;
const BATCH_BYTES = 32;

/** A shard's state without its dedup table. */
export interface ShardFields {
  /** Offset that the next record gets: the number of records ever accepted. */
  readonly nextOffset: number;
  /** Arrival of the newest record, epoch milliseconds; arrivals never go back (E2). */
  readonly lastArrivalMs: number;
  /** Oldest readable record, and the log index up to which everything is dropped. */
  readonly trimOffset: number;
  readonly trimIndex: number;
  /** `lastArrivalMs` for a replica that starts at the trim point. */
  readonly arrivalFloorMs: number;
  /** Epoch that sealed the shard, 0 before. */
  readonly epoch: number;
  readonly sealed: boolean;
  /** Log index of the seal, 0 before. */
  readonly sealIndex: number;
  /** Shards that the seal named, none before. */
  readonly childShardIndexes: readonly number[];
}

export const EMPTY_FIELDS: ShardFields = {
  nextOffset: 0,
  lastArrivalMs: 0,
  trimOffset: 0,
  trimIndex: 0,
  arrivalFloorMs: 0,
  epoch: 0,
  sealed: false,
  sealIndex: 0,
  childShardIndexes: [],
};

const NUMBERS = [
  "nextOffset",
  "lastArrivalMs",
  "trimOffset",
  "trimIndex",
  "arrivalFloorMs",
  "epoch",
  "sealIndex",
] as const;

export function encodeShardSnapshot(
  fields: ShardFields,
  dedup: DedupTable | undefined,
): Uint8Array {
  const windows = dedup === undefined ? [] : [...dedup.entries()];
  const batches = windows.reduce((sum, [, window]) => sum + window.length, 0);
  const bytes = new Uint8Array(
    HEADER_BYTES + windows.length * PRODUCER_BYTES + batches * BATCH_BYTES,
  );
  const view = viewOf(bytes);
  bytes[0] = VERSION;
  bytes[1] = fields.sealed ? FLAG_SEALED : 0;
  bytes[2] = fields.childShardIndexes.length;
  fields.childShardIndexes.forEach((child, index) =>
    view.setUint32(CHILDREN_AT + index * 4, child, true),
  );
  view.setUint32(4, windows.length, true);
  NUMBERS.forEach((name, index) => setSafeU64(view, 8 + index * 8, fields[name]));
  let at = HEADER_BYTES;
  for (const [producer, window] of windows) {
    view.setBigUint64(at, producer);
    view.setUint32(at + 8, window.length, true);
    at += PRODUCER_BYTES;
    for (const batch of window) at = writeBatch(view, at, batch);
  }
  return bytes;
}

/**
 * Fills `dedup` and returns the rest; no bytes at all are the state of a new shard.
 *
 * @throws StreamError `unsupported` for a later version, `corrupt` for bytes that are no snapshot.
 */
export function decodeShardSnapshot(bytes: Uint8Array, dedup: DedupTable): ShardFields {
  dedup.clear();
  if (bytes.byteLength === 0) return EMPTY_FIELDS;
  const version = bytes[0] ?? 0;
  if (version < 1 || version > VERSION) {
    throw new StreamError("unsupported", `shard snapshot: version ${version}, known is ${VERSION}`);
  }
  const headerBytes = version === 1 ? HEADER_BYTES_1 : HEADER_BYTES;
  if (bytes.byteLength < headerBytes) throw cutOff(bytes, headerBytes);
  const view = viewOf(bytes);
  let at = headerBytes;
  for (let left = view.getUint32(4, true); left > 0; left--) {
    if (at + PRODUCER_BYTES > bytes.byteLength) throw cutOff(bytes, at + PRODUCER_BYTES);
    const count = view.getUint32(at + 8, true);
    const end = at + PRODUCER_BYTES + count * BATCH_BYTES;
    if (end > bytes.byteLength) throw cutOff(bytes, end);
    const first = at + PRODUCER_BYTES;
    dedup.restore(
      view.getBigUint64(at),
      Array.from({ length: count }, (_, index) => readBatch(view, first + index * BATCH_BYTES)),
    );
    at = end;
  }
  const number = (name: (typeof NUMBERS)[number]) =>
    safeU64(name, view, 8 + NUMBERS.indexOf(name) * 8);
  return {
    nextOffset: number("nextOffset"),
    lastArrivalMs: number("lastArrivalMs"),
    trimOffset: number("trimOffset"),
    trimIndex: number("trimIndex"),
    arrivalFloorMs: number("arrivalFloorMs"),
    epoch: number("epoch"),
    sealed: ((bytes[1] ?? 0) & FLAG_SEALED) !== 0,
    sealIndex: number("sealIndex"),
    childShardIndexes: Array.from({ length: Math.min(bytes[2] ?? 0, CHILDREN_MAX) }, (_, index) =>
      view.getUint32(CHILDREN_AT + index * 4, true),
    ),
  };
}

function writeBatch(view: DataView, at: number, batch: StoredBatch): number {
  setSafeU64(view, at, batch.sequence);
  setSafeU64(view, at + 8, batch.baseOffset);
  setSafeU64(view, at + 16, batch.arrivalMs);
  view.setUint32(at + 24, batch.count, true);
  return at + BATCH_BYTES;
}

function readBatch(view: DataView, at: number): StoredBatch {
  return {
    sequence: safeU64("sequence", view, at),
    baseOffset: safeU64("baseOffset", view, at + 8),
    count: view.getUint32(at + 24, true),
    arrivalMs: safeU64("arrivalMs", view, at + 16),
  };
}

function cutOff(bytes: Uint8Array, needed: number): StreamError {
  return new StreamError(
    "corrupt",
    `shard snapshot: ${bytes.byteLength} bytes, but at least ${needed} are named`,
  );
}
