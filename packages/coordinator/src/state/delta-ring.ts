/**
 * The newest changes, kept so that a tail that was away for a moment resumes with deltas.
 *
 * Bounded by changes and by bytes; without the bound a cluster that makes and deletes streams all
 * day would keep every record it ever had. The newest delta stays however large it is: tails that
 * are up to date read it from here.
 */
import type { MetadataChange } from "@millrace/model";

export const RING_CHANGES_MAX = 10_000;
export const RING_BYTES_MAX = 8 * 1024 * 1024;

export interface Delta {
  /** Log index of the entry that made the changes. */
  readonly index: number;
  readonly changes: readonly MetadataChange[];
  /** Characters of keys and records, which are nearly all ASCII. */
  readonly bytes: number;
}

export class DeltaRing {
  readonly #changesMax: number;
  readonly #bytesMax: number;
  #deltas: Delta[] = [];
  #head = 0;
  #changes = 0;
  #bytes = 0;
  #completeFrom = 0;

  constructor(changesMax = RING_CHANGES_MAX, bytesMax = RING_BYTES_MAX) {
    this.#changesMax = changesMax;
    this.#bytesMax = bytesMax;
  }

  /** Forgets all deltas: what follows continues a snapshot at `index`. */
  reset(index: number): void {
    this.#deltas = [];
    this.#head = 0;
    this.#changes = 0;
    this.#bytes = 0;
    this.#completeFrom = index;
  }

  push(index: number, changes: readonly MetadataChange[]): void {
    if (changes.length === 0) return;
    const bytes = changes.reduce((sum, { key, json }) => sum + key.length + (json?.length ?? 0), 0);
    this.#deltas.push({ index, changes, bytes });
    this.#changes += changes.length;
    this.#bytes += bytes;
    while (this.#overfull()) this.#dropOldest();
    // Moved down only when half is dead, so that dropping stays cheap.
    if (this.#head * 2 > this.#deltas.length) {
      this.#deltas = this.#deltas.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Whether every change after `index` is here. */
  covers(index: number): boolean {
    return index >= this.#completeFrom;
  }

  /** The first delta above `index`. */
  after(index: number): Delta | undefined {
    let low = this.#head;
    let high = this.#deltas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#deltas[middle] as Delta).index <= index) low = middle + 1;
      else high = middle;
    }
    return this.#deltas[low];
  }

  #overfull(): boolean {
    const over = this.#changes > this.#changesMax || this.#bytes > this.#bytesMax;
    return over && this.#deltas.length - this.#head > 1;
  }

  #dropOldest(): void {
    const oldest = this.#deltas[this.#head++] as Delta;
    this.#changes -= oldest.changes.length;
    this.#bytes -= oldest.bytes;
    this.#completeFrom = oldest.index;
  }
}
