/**
 * Where a range of hash keys may be cut, and which two may be joined.
 *
 * Source: Kinesis API reference, SplitShard and MergeShards; reference/kinesis-api 2.7.
 */
import type { HashKey, HashKeyRange } from "./hash-key.ts";

/**
 * Whether the upper part of the range may start at `key`. Both parts keep more than one key, but for
 * that the lower one may end where AWS lets it: `key` is above the first key plus one, and below the last.
 */
export function mayStartAt({ startingHashKey, endingHashKey }: HashKeyRange, key: bigint): boolean {
  return key > startingHashKey + 1n && key < endingHashKey;
}

/** Start of the upper of two equal parts; not a place to cut in a range of fewer than four keys. */
export function middleOf({ startingHashKey, endingHashKey }: HashKeyRange): HashKey {
  return ((startingHashKey + endingHashKey + 1n) / 2n) as HashKey;
}

/** Whether `upper` begins where `lower` ends. */
export function areAdjacent(lower: HashKeyRange, upper: HashKeyRange): boolean {
  return lower.endingHashKey + 1n === upper.startingHashKey;
}
