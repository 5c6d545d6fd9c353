/**
 * Sequence numbers in AWS's own decimal form: one integer of 47 hexadecimal digits.
 *
 *   digits  1         9                 1                16            2     9            8           1
 *          | 2 | shardCreatedSec | shardIndex & 15 | sequenceIndex | 00 | arrivalSec | shardIndex | 2 |
 *
 * Clients compare them as integers and store them as checkpoints, so they must grow within a shard
 * and a child's must be above its parents'. `sequenceIndex` alone orders the records of one shard:
 * it is offset + 1, because 0 is the shard's StartingSequenceNumber and the first record lies above.
 *
 * Source: reference/kinesis-api 2.1 (layout read off AWS's samples and pinned by kinesalite's tests).
 */
import { invariant } from "@millrace/base";

const VERSION = 2n;
const TOP = 2n << 184n;
/** `sequenceIndex` of the end of a closed shard: no record reaches it. */
const END_INDEX = 0x7fff_ffff_ffff_ffffn;
/** Kinesis refuses larger seconds as no date at all. */
export const SECONDS_MAX = 16_025_175_000;

export interface SequenceNumberParts {
  /** Second in which the shard was created. */
  readonly shardCreatedSec: number;
  readonly shardIndex: number;
  /** Offset of the record, -1 for the start of the shard, `Infinity` for the end of a closed one. */
  readonly offset: number;
  /** Second in which the record arrived. */
  readonly arrivalSec: number;
}

/** What does not change from record to record of one shard; made once per shard and call. */
export class SequenceNumbers {
  readonly #base: bigint;

  constructor(shardCreatedSec: number, shardIndex: number) {
    invariant(shardCreatedSec >= 0 && shardCreatedSec < 2 ** 36, "creation second fits 9 digits");
    invariant(shardIndex >= 0 && shardIndex < 2 ** 31, "shard index fits 31 bits");
    this.#base =
      TOP |
      (BigInt(shardCreatedSec) << 148n) |
      (BigInt(shardIndex & 15) << 144n) |
      (BigInt(shardIndex) << 4n) |
      VERSION;
  }

  /** The number of the record at `offset` (0 or more) that arrived at `arrivalMs`. */
  at(offset: number, arrivalMs: number): string {
    const second = BigInt(Math.floor(arrivalMs / 1000));
    return (this.#base | (BigInt(offset + 1) << 80n) | (second << 36n)).toString();
  }

  /** StartingSequenceNumber of the shard. */
  start(shardCreatedSec: number): string {
    return (this.#base | (BigInt(shardCreatedSec) << 36n)).toString();
  }

  /** EndingSequenceNumber of a shard closed at `closedMs`. */
  end(closedMs: number): string {
    const second = BigInt(Math.floor(closedMs / 1000));
    return (this.#base | (END_INDEX << 80n) | (second << 36n)).toString();
  }
}

/** The parts of a number in today's form, or `undefined` for what Kinesis would call invalid. */
export function parseSequenceNumber(text: string): SequenceNumberParts | undefined {
  if (!/^(0|[1-9]\d{0,128})$/.test(text)) return undefined;
  const value = BigInt(text);
  if (value >> 184n !== 2n || (value & 15n) !== VERSION) return undefined;
  const sequenceIndex = (value >> 80n) & 0xffff_ffff_ffff_ffffn;
  const shardCreatedSec = Number((value >> 148n) & 0xf_ffff_ffffn);
  const arrivalSec = Number((value >> 36n) & 0xf_ffff_ffffn);
  const shardIndex = Number((value >> 4n) & 0xffff_ffffn);
  if (sequenceIndex > END_INDEX || shardIndex >= 2 ** 31) return undefined;
  if (shardCreatedSec >= SECONDS_MAX || arrivalSec >= SECONDS_MAX) return undefined;
  const offset = sequenceIndex === END_INDEX ? Infinity : Number(sequenceIndex) - 1;
  return { shardCreatedSec, shardIndex, offset, arrivalSec };
}
