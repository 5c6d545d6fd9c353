/**
 * A process's time: its own wall clock, which is off, drifts and jumps, over the world's.
 *
 * The monotonic clock runs at the process's rate too, so two nodes never agree how long a second
 * is. Timers fire by the process's time. A dead process's timers never fire (T3).
 */
import type { Clock, Timer } from "@millrace/base";

import type { FaultEffect } from "../faults/fault.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** Where simulated wall clocks start: 2026-01-01T00:00:00Z. */
export const START_MS = 1_767_225_600_000;

/** How one machine's clocks are off; it outlives the processes on the machine. */
export class ClockError {
  readonly #worldMs: () => number;
  #fromWorldMs = 0;
  #fromMonoMs = 0;
  #skewMs: number;
  #rate: number;
  #effect: FaultEffect | undefined;

  /** @param skewMs By which the wall clock is ahead. @param rate Its seconds per second of the world, near 1. */
  constructor(worldMs: () => number, skewMs = 0, rate = 1) {
    this.#worldMs = worldMs;
    this.#skewMs = skewMs;
    this.#rate = rate;
  }

  get rate(): number {
    return this.#rate;
  }

  monotonicMs(): number {
    return this.#fromMonoMs + (this.#worldMs() - this.#fromWorldMs) * this.#rate;
  }

  wallMs(): number {
    if (this.#effect !== undefined) this.#effect.happened = true;
    return START_MS + this.#skewMs + this.monotonicMs();
  }

  /** The wall clock jumps. @param effect Told when somebody looks at the clock. */
  jump(byMs: number, effect?: FaultEffect): void {
    this.#skewMs += byMs;
    this.#effect = effect;
  }

  /** From now on both clocks run at `rate`. */
  run(rate: number, effect?: FaultEffect): void {
    this.#fromMonoMs = this.monotonicMs();
    this.#fromWorldMs = this.#worldMs();
    this.#rate = rate;
    this.#effect = effect;
  }

  /** Both clocks have not moved for so long, as those of a machine that was frozen. */
  stoodStill(forMs: number): void {
    this.#fromMonoMs -= forMs * this.#rate;
  }

  /** The wall clock is set to the world's time, `aheadMs` in the future of where it began. */
  correct(): void {
    this.#effect = undefined;
    this.#skewMs = this.#worldMs() - this.monotonicMs();
  }
}

export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #owner: Owner;
  readonly #error: ClockError;
  readonly #timerLabel: string;
  readonly #soonLabel: string;

  constructor(scheduler: Scheduler, owner: Owner, error = new ClockError(() => scheduler.nowMs)) {
    this.#scheduler = scheduler;
    this.#owner = owner;
    this.#error = error;
    this.#timerLabel = `${owner.name} timer`;
    this.#soonLabel = `${owner.name} soon`;
  }

  nowMs(): number {
    return Math.floor(this.#error.wallMs());
  }

  monotonicMs(): number {
    return this.#error.monotonicMs();
  }

  schedule(delayMs: number, run: () => void): Timer {
    const worldMs = Math.max(0, delayMs) / this.#error.rate;
    return this.#scheduler.after(worldMs, this.#owner, this.#timerLabel, run);
  }

  soon(run: () => void): void {
    this.#scheduler.after(0, this.#owner, this.#soonLabel, run);
  }
}
