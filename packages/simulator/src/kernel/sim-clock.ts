/**
 * A process's time: its own wall clock, which is off, drifts and jumps, over the world's.
 *
 * The monotonic clock runs at the process's rate too, so two nodes never agree how long a second
 * is. Timers fire by the process's time. A dead process's timers never fire (T3).
 */
import type { Clock, Timer } from "@millrace/base";

import type { Owner, Scheduler } from "./scheduler.ts";

/** Where simulated wall clocks start: 2026-01-01T00:00:00Z. */
export const START_MS = 1_767_225_600_000;

export interface ClockError {
  /** Milliseconds by which the wall clock is ahead. */
  skewMs: number;
  /** Seconds of this process per second of the world, near 1. */
  readonly rate: number;
}

export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #owner: Owner;
  readonly #error: ClockError;
  readonly #timerLabel: string;
  readonly #soonLabel: string;

  constructor(scheduler: Scheduler, owner: Owner, error: ClockError = { skewMs: 0, rate: 1 }) {
    this.#scheduler = scheduler;
    this.#owner = owner;
    this.#error = error;
    this.#timerLabel = `${owner.name} timer`;
    this.#soonLabel = `${owner.name} soon`;
  }

  nowMs(): number {
    return Math.floor(START_MS + this.#error.skewMs + this.monotonicMs());
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs * this.#error.rate;
  }

  schedule(delayMs: number, run: () => void): Timer {
    const worldMs = Math.max(0, delayMs) / this.#error.rate;
    return this.#scheduler.after(worldMs, this.#owner, this.#timerLabel, run);
  }

  soon(run: () => void): void {
    this.#scheduler.after(0, this.#owner, this.#soonLabel, run);
  }
}
