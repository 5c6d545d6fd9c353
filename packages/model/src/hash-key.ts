/**
 * The ring of hash keys: MD5 of a partition key as an unsigned 128-bit big-endian number.
 *
 * Two forms: `HashKey` (bigint) where people and metadata see it, 16 big-endian bytes inside record
 * batches, where a bigint per record would cost more than the rest of the scan.
 *
 * Source: Kinesis developer guide, "Partition key"; reference/kinesis-api 2.2.
 */
import { invariant, StreamError } from "@millrace/base";
import type { Brand } from "@millrace/base";

/** 0n..2n ** 128n - 1n on the MD5 ring. */
export type HashKey = Brand<bigint, "HashKey">;

export const HASH_KEY_MAX = ((1n << 128n) - 1n) as HashKey;
export const HASH_KEY_BYTES = 16;

/** Both ends belong to the range. */
export interface HashKeyRange {
  readonly startingHashKey: HashKey;
  readonly endingHashKey: HashKey;
}

/** @throws StreamError `invalid-argument` unless `value` is in 0..2^128 - 1. */
export function hashKey(value: bigint): HashKey {
  if (value >= 0n && value <= HASH_KEY_MAX) return value as HashKey;
  throw new StreamError("invalid-argument", `hashKey is ${value}, but must be in 0..2^128-1`);
}

/** The big-endian bytes of a key, as they stand in record batches. */
export function hashKeyBytes(key: HashKey): Uint8Array {
  const bytes = new Uint8Array(HASH_KEY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, key >> 64n);
  view.setBigUint64(8, key & 0xffff_ffff_ffff_ffffn);
  return bytes;
}

/** The key whose big-endian bytes start at `at`. */
export function hashKeyFromBytes(bytes: Uint8Array, at = 0): HashKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HASH_KEY_BYTES);
  return ((view.getBigUint64(0) << 64n) | view.getBigUint64(8)) as HashKey;
}

/**
 * The ranges of `count` new shards: equal parts, the rest goes to the last one, as AWS cuts them.
 *
 * @param count 1..10000.
 */
export function evenHashKeyRanges(count: number): readonly HashKeyRange[] {
  invariant(count >= 1, "a stream has at least one shard");
  const part = (HASH_KEY_MAX + 1n) / BigInt(count);
  return Array.from({ length: count }, (_, index) => ({
    startingHashKey: (part * BigInt(index)) as HashKey,
    endingHashKey: (index === count - 1 ? HASH_KEY_MAX : part * BigInt(index + 1) - 1n) as HashKey,
  }));
}

/** A range as eight 32-bit words, so that membership of 16 bytes is decided without allocating. */
export class HashKeyBounds {
  readonly #start: DataView;
  readonly #end: DataView;

  constructor(range: HashKeyRange) {
    this.#start = new DataView(hashKeyBytes(range.startingHashKey).buffer);
    this.#end = new DataView(hashKeyBytes(range.endingHashKey).buffer);
  }

  /** Whether the key whose bytes start at `at` of `view` lies in the range. */
  contains(view: DataView, at: number): boolean {
    return compare(view, at, this.#start) >= 0 && compare(view, at, this.#end) <= 0;
  }
}

function compare(view: DataView, at: number, bound: DataView): number {
  for (let word = 0; word < HASH_KEY_BYTES; word += 4) {
    const difference = view.getUint32(at + word) - bound.getUint32(word);
    if (difference !== 0) return difference;
  }
  return 0;
}
