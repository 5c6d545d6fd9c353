/**
 * Which flushed entries stay in memory: those of the groups used last, up to the lane's budget.
 * One budget per lane and not per group, because most groups sleep and a few are read at the tail.
 */
import type { MemoryLog, MemoryTotals } from "./memory-log.ts";

export class TailCache {
  readonly #budgetBytes: number;
  readonly #totals: MemoryTotals;
  /** In order of use, oldest first. */
  readonly #used = new Set<MemoryLog>();
  #newest: MemoryLog | undefined;

  constructor(budgetBytes: number, totals: MemoryTotals) {
    this.#budgetBytes = budgetBytes;
    this.#totals = totals;
  }

  touch(log: MemoryLog): void {
    if (log === this.#newest) return;
    this.#used.delete(log);
    this.#used.add(log);
    this.#newest = log;
  }

  forget(log: MemoryLog): void {
    this.#used.delete(log);
    if (this.#newest === log) this.#newest = undefined;
  }

  /** Frees memory above the budget. */
  evict(): void {
    for (const log of this.#used) {
      const excess = this.#totals.cachedBytes - this.#budgetBytes;
      if (excess <= 0) return;
      log.evict(excess);
    }
  }
}
