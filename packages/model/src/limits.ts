/**
 * Limits of a shard, by default AWS's own, and the bucket that enforces one of them.
 *
 * Source: Kinesis quotas; reference/kinesis-api 3.1. Where AWS is silent on granularity, a bucket of
 * one second is what its documents describe.
 */

/** Per shard and second; `Infinity` is no limit. */
export interface ShardLimits {
  readonly writeRecordsPerSec: number;
  readonly writeBytesPerSec: number;
  readonly readBytesPerSec: number;
  readonly readCallsPerSec: number;
  readonly iteratorCallsPerSec: number;
}

export const AWS_SHARD_LIMITS: ShardLimits = {
  writeRecordsPerSec: 1000,
  writeBytesPerSec: 1024 * 1024,
  readBytesPerSec: 2 * 1024 * 1024,
  readCallsPerSec: 5,
  iteratorCallsPerSec: 5,
};

export const UNLIMITED_SHARD_LIMITS: ShardLimits = {
  writeRecordsPerSec: Infinity,
  writeBytesPerSec: Infinity,
  readBytesPerSec: Infinity,
  readCallsPerSec: Infinity,
  iteratorCallsPerSec: Infinity,
};

export type LimitsPolicy =
  | { readonly kind: "aws" }
  | { readonly kind: "unlimited" }
  | { readonly kind: "custom"; readonly perShard: Partial<ShardLimits> };

/** What a policy means for one shard; `custom` leaves AWS's number where it names none. */
export function shardLimits(policy: LimitsPolicy): ShardLimits {
  if (policy.kind === "aws") return AWS_SHARD_LIMITS;
  if (policy.kind === "unlimited") return UNLIMITED_SHARD_LIMITS;
  return { ...AWS_SHARD_LIMITS, ...policy.perShard };
}

export const RETENTION_HOURS_MIN = 24;
export const RETENTION_HOURS_MAX = 8760;
export const SHARDS_PER_STREAM_MAX = 10_000;
export const RECORD_SIZE_KIB_MIN = 1024;
export const RECORD_SIZE_KIB_MAX = 10_240;
export const TAGS_PER_STREAM_MAX = 50;
/** Largest answer of one read. */
export const READ_BYTES_MAX = 10 * 1024 * 1024;
export const READ_RECORDS_MAX = 10_000;

/**
 * One second's worth of tokens, refilled steadily. A single take larger than the bucket is let
 * through when the bucket is full and leaves a debt: a 10 MiB record passes a 1 MiB/s shard, which
 * is then shut for ten seconds.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /** Tokens that can be taken now, 0 or more; `Infinity` without a limit. */
  free(nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Whether `amount` may be taken now. */
  admits(amount: number, nowMs: number): boolean {
    this.#refill(nowMs);
    return amount <= this.#tokens || this.#tokens >= this.#perSecond;
  }

  take(amount: number): void {
    this.#tokens -= amount;
  }

  /** Milliseconds until `amount` (or a full bucket) is there. */
  waitMs(amount: number, nowMs: number): number {
    this.#refill(nowMs);
    const missing = Math.min(amount, this.#perSecond) - this.#tokens;
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.#perSecond);
  }

  #refill(nowMs: number): void {
    if (this.#perSecond === Infinity) return;
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (elapsedMs * this.#perSecond) / 1000);
  }
}
