/**
 * One batch of a lane: the puts joined in it, under one producer sequence, from its first attempt to
 * its outcome.
 *
 *   P1  whatever is sent under one sequence is a prefix of the same records, so that an answer's
 *       `count` says for each put how much of it is stored, whichever attempt it was
 *   P2  `unknown` is set by the first attempt that may have been stored: from then on the batch can be
 *       stored or its outcome not be known, but never be called refused, unless the sealed shard says
 *       that no attempt ever will be
 */
import { ERROR_TRAITS, invariant, StreamError } from "@millrace/base";
import type { Allocate, Crc32 } from "@millrace/model";
import { BATCH_HEADER_BYTES, prefixWithin, sealBatch, viewOf } from "@millrace/model";

import type { Target } from "../routing/leader-cache.ts";
import type { PutOutcome } from "../types.ts";
import type { PendingAppend } from "./append-port.ts";

/** A put from its call until its promise is settled. */
export interface QueuedPut {
  /** Header room, then the records. */
  batch: Uint8Array;
  readonly count: number;
  /** By the monotonic clock. */
  readonly deadlineAtMs: number;
  /** Was refused as part of a batch that held something invalid: it goes alone, to be judged by itself. */
  alone: boolean;
  settled: boolean;
  readonly resolve: (outcome: PutOutcome) => void;
  readonly reject: (error: StreamError) => void;
}

export interface Producer {
  readonly id: Uint8Array;
  readonly crc32: Crc32;
  readonly allocate: Allocate;
}

export class LaneBatch {
  readonly puts: readonly QueuedPut[];
  readonly sequence: number;
  readonly #producer: Producer;
  readonly #bytes: Uint8Array;
  readonly #countMax: number;
  #batch: Uint8Array;
  /** P2 */
  unknown = false;
  /** Under way; `undefined` while it waits for `dueAtMs`. */
  pending: PendingAppend | undefined;
  /** Where the newest attempt went. */
  target: Target | undefined;
  sentAtMs = 0;
  sentEpoch = 0;
  /** The next attempt goes no earlier; `Infinity` while only a newer shard map can help. */
  dueAtMs = 0;
  /** Resends that the write limit asked for. */
  throttles = 0;
  attempts = 0;
  lastError: StreamError | undefined;
  /** Why the shard, closed by now, has nothing of it and never will. */
  left: StreamError | undefined;
  count: number;

  constructor(puts: readonly QueuedPut[], sequence: number, producer: Producer) {
    this.puts = puts;
    this.sequence = sequence;
    this.#producer = producer;
    this.#bytes = joined(puts, producer.allocate);
    this.count = puts.reduce((sum, put) => sum + put.count, 0);
    this.#countMax = this.count;
    this.#batch = this.#bytes;
    this.#seal();
  }

  /** The sealed batch as the next attempt sends it. */
  get batch(): Uint8Array {
    return this.#batch;
  }

  /** Cuts down to the longest prefix that fits; false when that is nothing or no less than now (P1). */
  shrink(recordsFree: number, bytesFree: number): boolean {
    if (recordsFree < 1 || bytesFree < 1) return false;
    const fits = prefixWithin(
      viewOf(this.#bytes),
      BATCH_HEADER_BYTES,
      this.count,
      recordsFree,
      bytesFree,
    );
    if (fits.count < 1 || fits.count >= this.count) return false;
    this.count = fits.count;
    const prefix = this.#bytes.subarray(0, fits.endAt);
    this.#batch = this.unknown ? this.#copied(prefix) : prefix;
    this.#seal();
    return true;
  }

  /** The first `stored` records are stored from `baseOffset` on, the rest was refused by the limit. */
  settle(baseOffset: number, stored: number, arrivalMs: number): void {
    invariant(
      stored <= this.#countMax && (stored === this.#countMax || this.throttles > 0),
      () => `an append of ${this.#countMax} records was answered with ${stored}`,
    );
    let before = 0;
    for (const put of this.puts) {
      const accepted = Math.min(put.count, Math.max(0, stored - before));
      if (!put.settled) {
        put.settled = true;
        const throttled = put.count - accepted;
        put.resolve({ baseOffset: baseOffset + before, accepted, arrivalMs, throttled });
      }
      before += put.count;
    }
  }

  /** Ends every put that is still waiting with `error`. */
  fail(error: StreamError): void {
    for (const put of this.puts) {
      if (put.settled) continue;
      put.settled = true;
      put.reject(error);
    }
  }

  /** `error` as it must be told: what may have been stored is never called refused (P2). */
  verdict(error: StreamError): StreamError {
    if (!this.unknown || !ERROR_TRAITS[error.code].definite) return error;
    return new StreamError(
      "indeterminate",
      `an earlier attempt may have been stored; the last one failed: ${error.message}`,
      { cause: error },
    );
  }

  /** An earlier attempt may still wait to be written, and must not change under way. */
  #copied(prefix: Uint8Array): Uint8Array {
    const copy = this.#producer.allocate(prefix.byteLength).subarray(0, prefix.byteLength);
    copy.set(prefix);
    return copy;
  }

  #seal(): void {
    const { id, crc32 } = this.#producer;
    sealBatch(this.#batch, this.count, { id, sequence: this.sequence }, crc32);
  }
}

/** One put travels in the buffer it came in; several are copied behind one header, and point into it from then on. */
function joined(puts: readonly QueuedPut[], allocate: Allocate): Uint8Array {
  const [first] = puts;
  invariant(first !== undefined, "a batch has puts");
  if (puts.length === 1) return first.batch;
  const records = puts.reduce((sum, put) => sum + put.batch.byteLength - BATCH_HEADER_BYTES, 0);
  const bytes = allocate(BATCH_HEADER_BYTES + records).subarray(0, BATCH_HEADER_BYTES + records);
  let at = BATCH_HEADER_BYTES;
  for (const put of puts) {
    bytes.set(put.batch.subarray(BATCH_HEADER_BYTES), at);
    at += put.batch.byteLength - BATCH_HEADER_BYTES;
  }
  return bytes;
}
