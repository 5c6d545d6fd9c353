/**
 * What a shard remembers of idempotent producers, replicated as part of its state.
 *
 * A producer that lost an answer sends the same sequence again, maybe to another leader. Without this
 * table the second copy would be stored as new records. Per producer the batches whose sequences lie
 * within PRODUCER_WINDOW of its newest are kept: by sequence, not by order of arrival, since a
 * pipelining producer's late batch must not push a newer one out of the window; and by distance, not by
 * number, since a replica that starts at the trim point knows fewer and must end with the same (T1).
 *
 *   D1  a sequence in the window that is not in the table was never stored: it is new. One below the
 *       window may have been: it is neither stored again nor called stored
 *   D2  a producer is forgotten PRODUCER_IDLE_MS after its newest batch, by the arrival times in the log, or
 *       when PRODUCERS_MAX others came after it: by the log alone, so all replicas forget alike (S2)
 *
 * A sealed shard keeps its table: nothing is added any more, so it says for ever what became of a
 * batch whose answer was lost at the seal. Its children begin with empty tables. They need not inherit one: a
 * batch of the parent is asked about at the parent, and a child's batches have sequences of their own.
 *
 * Source: reference/raft-and-log G.6 (the window of five is Redpanda's).
 */
import { PRODUCER_IDLE_MS, PRODUCER_WINDOW, PRODUCERS_MAX } from "../bounds.ts";

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

  /**
   * Others may have been forgotten to make room, so that what is not in the table may be stored all the same.
   * While it is not full, only what is older than any retry has been (D2).
   */
  get isFull(): boolean {
    return this.#windows.size >= PRODUCERS_MAX;
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
    while (this.#windows.size > PRODUCERS_MAX) this.#evictOldest();
  }

  /** Forgets producers of which nothing arrived for PRODUCER_IDLE_MS before `arrivalMs`, that of an entry (D2). */
  expire(arrivalMs: number): void {
    const since = arrivalMs - PRODUCER_IDLE_MS;
    // Arrivals never decrease along the log (E2), so whoever was applied earlier is also older.
    for (const [producer, window] of this.#windows) {
      if (window.some((batch) => batch.arrivalMs >= since)) return;
      this.#windows.delete(producer);
    }
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
