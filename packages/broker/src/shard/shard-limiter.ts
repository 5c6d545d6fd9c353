/**
 * The limits of one shard, held by its leader: writes, shared reads and iterator calls.
 *
 * The buckets outlive a change of leader on this node and begin full on another, so a change of
 * leadership can let through one second's worth more, never block.
 * Source: reference/kinesis-api 3.1 and 2.5.
 */
import { StreamError } from "@millrace/base";
import type { LimitsPolicy, ShardLimits } from "@millrace/model";
import { shardLimits, TokenBucket, UNLIMITED_SHARD_LIMITS } from "@millrace/model";

/** Hints travel as uint32; an unlimited shard has infinitely much free. */
const HINT_MAX = 0xffff_ffff;

export class ShardLimiter {
  #policy: LimitsPolicy | undefined;
  #limits: ShardLimits = UNLIMITED_SHARD_LIMITS;
  #buckets: Record<keyof ShardLimits, TokenBucket>;

  constructor(nowMs: number) {
    this.#buckets = fullBuckets(this.#limits, nowMs);
  }

  /** Follows the cluster's policy; buckets begin full when a number changes. */
  follow(policy: LimitsPolicy | undefined, nowMs: number): void {
    if (policy === this.#policy || policy === undefined) return;
    this.#policy = policy;
    const limits = shardLimits(policy);
    if (JSON.stringify(Object.values(limits)) === JSON.stringify(Object.values(this.#limits)))
      return;
    this.#limits = limits;
    this.#buckets = fullBuckets(limits, nowMs);
  }

  /**
   * Takes the whole batch or nothing: a batch of several records must fit in what is free; a single
   * record larger than the second's worth passes a full bucket and leaves a debt.
   *
   * @throws StreamError `throttled` with what would fit now and when the batch could.
   */
  takeWrite(records: number, bytes: number, nowMs: number): void {
    const { writeRecordsPerSec: perRecord, writeBytesPerSec: perByte } = this.#buckets;
    const recordsFree = perRecord.free(nowMs);
    const bytesFree = perByte.free(nowMs);
    const single = records === 1 && perRecord.admits(1, nowMs) && perByte.admits(bytes, nowMs);
    if (single || (records <= recordsFree && bytes <= bytesFree)) {
      perRecord.take(records);
      perByte.take(bytes);
      return;
    }
    const retryAfterMs = Math.max(perRecord.waitMs(records, nowMs), perByte.waitMs(bytes, nowMs));
    throw new StreamError(
      "throttled",
      `the shard takes ${recordsFree} more records and ${bytesFree} more bytes now, not ${records} and ${bytes}`,
      {
        hint: {
          recordsFree: Math.min(recordsFree, HINT_MAX),
          bytesFree: Math.min(bytesFree, HINT_MAX),
          retryAfterMs: Math.min(Math.max(1, retryAfterMs), HINT_MAX),
        },
      },
    );
  }

  /** Gives back what a batch took that was not stored after all. */
  returnWrite(records: number, bytes: number): void {
    this.#buckets.writeRecordsPerSec.take(-records);
    this.#buckets.writeBytesPerSec.take(-bytes);
  }

  /** Admits one read call; its bytes are taken by `tookRead` when they are known. @throws StreamError `throttled`. */
  takeReadCall(nowMs: number): void {
    const { readCallsPerSec: calls, readBytesPerSec: bytes } = this.#buckets;
    const waitMs = Math.max(calls.waitMs(1, nowMs), bytes.waitMs(1, nowMs));
    if (waitMs > 0) throw throttled("read", waitMs);
    calls.take(1);
  }

  /** A large page leaves a debt that blocks the calls after it. */
  tookRead(bytes: number): void {
    this.#buckets.readBytesPerSec.take(bytes);
  }

  /** @throws StreamError `throttled`. */
  takeIteratorCall(nowMs: number): void {
    const waitMs = this.#buckets.iteratorCallsPerSec.waitMs(1, nowMs);
    if (waitMs > 0) throw throttled("iterator", waitMs);
    this.#buckets.iteratorCallsPerSec.take(1);
  }
}

function throttled(what: string, waitMs: number): StreamError {
  return new StreamError(
    "throttled",
    `the shard's limit of ${what} calls and bytes is used up for ${waitMs} ms`,
    { hint: { retryAfterMs: Math.min(waitMs, HINT_MAX) } },
  );
}

function fullBuckets(limits: ShardLimits, nowMs: number): Record<keyof ShardLimits, TokenBucket> {
  return {
    writeRecordsPerSec: new TokenBucket(limits.writeRecordsPerSec, nowMs),
    writeBytesPerSec: new TokenBucket(limits.writeBytesPerSec, nowMs),
    readBytesPerSec: new TokenBucket(limits.readBytesPerSec, nowMs),
    readCallsPerSec: new TokenBucket(limits.readCallsPerSec, nowMs),
    iteratorCallsPerSec: new TokenBucket(limits.iteratorCallsPerSec, nowMs),
  };
}
