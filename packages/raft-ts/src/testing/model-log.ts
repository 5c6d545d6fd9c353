/**
 * The terms of a node's log as an observer outside of it sees them: from what it gives out to be
 * written. A node does not show what it holds in memory, and the disk lags behind.
 */
import type { MemoryStorage } from "../memory-storage.ts";
import type { Entry, Snapshot } from "../types.ts";

/** Terms by index, from the place of the newest snapshot or compaction on. */
export class ModelLog {
  /** Index of `#terms[0]`: the entry before the first. */
  #base = 0;
  #terms: number[] = [0];

  /** What a restart finds. */
  static ofDisk(storage: MemoryStorage): ModelLog {
    const log = new ModelLog();
    log.#base = storage.firstIndex() - 1;
    log.#terms = [];
    for (let index = log.#base; index <= storage.lastIndex(); index += 1) {
      const term = storage.term(index);
      log.#terms.push(typeof term === "number" ? term : 0);
    }
    return log;
  }

  get base(): number {
    return this.#base;
  }

  get last(): number {
    return this.#base + this.#terms.length - 1;
  }

  /** The term at `index`, or undefined outside of the log. */
  term(index: number): number | undefined {
    return this.#terms[index - this.#base];
  }

  /** Takes what one Ready gives out to be written. */
  take(entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (snapshot !== undefined) {
      this.#base = snapshot.index;
      this.#terms = [snapshot.term];
    }
    const first = entries[0];
    if (first === undefined) return;
    this.#terms.length = first.index - this.#base;
    for (const { term } of entries) this.#terms.push(term);
  }
}
