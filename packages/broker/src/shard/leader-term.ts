/**
 * What a leader knows beyond the applied log: the batches that it proposed in its present term.
 *
 * Offsets are given out at proposal and a retry can come while the first copy is still in flight, so
 * both must be counted before anything is applied. None of it outlives the term: the next leader starts
 * from its own applied log (S2, S11).
 */
import type { StreamError } from "@millrace/base";

import type { ProducerKey } from "./dedup-table.ts";

export interface AppendResult {
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
  readonly term: number;
  /** Stored before, under the same producer id and sequence. */
  readonly duplicate: boolean;
}
/** Called exactly once. */
export type AppendReply = (outcome: AppendResult | StreamError) => void;

/** One batch between its arrival and its answer. */
export interface PendingBatch {
  /** A view of the network buffer it came in; let go of once the batch is copied into its entry. */
  bytes: Uint8Array | undefined;
  readonly lengthBytes: number;
  readonly count: number;
  readonly payloadBytes: number;
  readonly producer: ProducerKey;
  readonly sequence: number;
  readonly arrivedAtMs: number;
  /** The sender, then retries that came while the batch was in flight. */
  readonly replies: AppendReply[];
}

export class LeaderTerm {
  readonly term: number;
  #nextOffset: number;
  #lastArrivalMs: number;
  /** Epoch of the seal that was proposed: nothing is proposed behind it in this term. */
  sealingEpoch: number | undefined;
  readonly #inFlight = new Map<ProducerKey, PendingBatch[]>();

  /** @param applied the shard when the leader became ready: everything before its term. */
  constructor(
    term: number,
    applied: { readonly nextOffset: number; readonly lastArrivalMs: number },
  ) {
    this.term = term;
    this.#nextOffset = applied.nextOffset;
    this.#lastArrivalMs = applied.lastArrivalMs;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  find(producer: ProducerKey, sequence: number): PendingBatch | undefined {
    return this.#inFlight.get(producer)?.find((batch) => batch.sequence === sequence);
  }

  /** Highest sequence in flight, -1 for none. */
  newest(producer: ProducerKey): number {
    let newest = -1;
    for (const batch of this.#inFlight.get(producer) ?? [])
      newest = Math.max(newest, batch.sequence);
    return newest;
  }

  begin(batch: PendingBatch): void {
    if (batch.producer === 0n) return;
    const batches = this.#inFlight.get(batch.producer);
    if (batches === undefined) this.#inFlight.set(batch.producer, [batch]);
    else batches.push(batch);
  }

  end(batch: PendingBatch): void {
    const batches = this.#inFlight.get(batch.producer);
    if (batches === undefined) return;
    const rest = batches.filter((other) => other !== batch);
    if (rest.length === 0) this.#inFlight.delete(batch.producer);
    else this.#inFlight.set(batch.producer, rest);
  }

  /** An entry was proposed: the next one follows it. */
  proposed(count: number, arrivalMs: number): void {
    this.#nextOffset += count;
    this.#lastArrivalMs = arrivalMs;
  }
}
