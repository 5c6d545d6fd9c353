/**
 * Readers that wait at the end of a shard. One commit wakes all of them in one turn, and a reader that
 * waits costs no timer tick and no poll of the log.
 */
import type { Clock, Timer } from "@millrace/base";
import { StreamError } from "@millrace/base";

import { TAIL_WAITERS_MAX } from "../bounds.ts";

interface Waiter {
  readonly offset: number;
  readonly woken: () => void;
  timer: Timer | undefined;
}

export class TailNotifier {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Calls `woken` once: when the record at `offset` is there, when `waitMs` are over, or at
   * `wakeAll`. Returns the way to give up, after which it is not called.
   *
   * @throws StreamError `overloaded` beyond TAIL_WAITERS_MAX waiting readers.
   */
  wait(offset: number, waitMs: number, woken: () => void): () => void {
    if (this.#waiters.size >= TAIL_WAITERS_MAX) {
      throw new StreamError(
        "overloaded",
        `${this.#waiters.size} readers wait at the end of this shard, maximum ${TAIL_WAITERS_MAX}`,
      );
    }
    const waiter: Waiter = { offset, woken, timer: undefined };
    waiter.timer = this.#clock.schedule(waitMs, () => this.#wake(waiter));
    this.#waiters.add(waiter);
    return () => this.#remove(waiter);
  }

  /** Records below `nextOffset` can be read. */
  advanced(nextOffset: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.offset < nextOffset) this.#wake(waiter);
    }
  }

  /** Something other than data changed: who leads, whether the shard is sealed or still here. */
  wakeAll(): void {
    for (const waiter of this.#waiters) this.#wake(waiter);
  }

  #wake(waiter: Waiter): void {
    this.#remove(waiter);
    waiter.woken();
  }

  #remove(waiter: Waiter): void {
    waiter.timer?.cancel();
    this.#waiters.delete(waiter);
  }
}
