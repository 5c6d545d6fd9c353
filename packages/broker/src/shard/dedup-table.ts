/**
 * What a shard remembers of idempotent producers, replicated as part of its state.
 *
 * A producer that lost an answer sends the same sequence again, maybe to another leader. Without this
 * table the second copy would be stored as new records. Per producer the batches whose sequences lie
 * within PRODUCER_WINDOW of its newest are kept: by sequence, not by order of arrival, since a
 * pipelining producer's late batch must not push a newer one out of the window.
 *
 * All replicas make the same changes in the same order, so eviction goes by order of application
 * and nothing else. Source: reference/raft-and-log G.6 (the window of five is Redpanda's).
 */
import { PRODUCER_WINDOW, PRODUCERS_MAX } from "../bounds.ts";

/** A stored batch, as its producer's retry is answered. */
export interface StoredBatch {
  readonly sequence: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
}

/** The 8 bytes of a producer id as one big-endian number; 0n takes no part in deduplication. */
export type ProducerKey = bigint;

export class DedupTable {
  /** In order of last application; each window ascending by sequence and never empty. */
  readonly #windows = new Map<ProducerKey, StoredBatch[]>();

  get size(): number {
    return this.#windows.size;
  }

  find(producer: ProducerKey, sequence: number): StoredBatch | undefined {
    return this.#windows.get(producer)?.find((batch) => batch.sequence === sequence);
  }

  /** Highest sequence stored for the producer, -1 for none. */
  newest(producer: ProducerKey): number {
    return this.#windows.get(producer)?.at(-1)?.sequence ?? -1;
  }

  record(producer: ProducerKey, batch: StoredBatch): void {
    const newest = Math.max(this.newest(producer), batch.sequence);
    const kept = (this.#windows.get(producer) ?? []).filter(
      (other) => other.sequence > newest - PRODUCER_WINDOW && other.sequence !== batch.sequence,
    );
    kept.push(batch);
    kept.sort((a, b) => a.sequence - b.sequence);
    this.#windows.delete(producer);
    this.#windows.set(producer, kept);
    if (this.#windows.size > PRODUCERS_MAX) this.#evictOldest();
  }

  /** Forgets batches below `offset`: a replica that starts at the trim point never saw them. */
  trim(offset: number): void {
    for (const [producer, window] of this.#windows) {
      const kept = window.filter((batch) => batch.baseOffset >= offset);
      if (kept.length === 0) this.#windows.delete(producer);
      else if (kept.length < window.length) this.#windows.set(producer, kept);
    }
  }

  /** Producers in order of last application. */
  entries(): Iterable<readonly [ProducerKey, readonly StoredBatch[]]> {
    return this.#windows;
  }

  /** Puts back a window as `entries` gave it; called in the same order. */
  restore(producer: ProducerKey, window: readonly StoredBatch[]): void {
    this.#windows.set(producer, [...window]);
  }

  clear(): void {
    this.#windows.clear();
  }

  #evictOldest(): void {
    for (const producer of this.#windows.keys()) {
      this.#windows.delete(producer);
      return;
    }
  }
}
