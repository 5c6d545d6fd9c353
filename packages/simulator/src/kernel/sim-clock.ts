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

/** No timer is finer: one that was would wait for a moment that numbers cannot tell from now. */
const TIMER_MS_MIN = 0.001;

/** What day it is for everybody; days can pass between two events. */
export interface Calendar {
  startMs: number;
}

/** How one machine's clocks are off; it outlives the processes on the machine. */
export class ClockError {
  readonly #worldMs: () => number;
  readonly #calendar: Calendar;
  #fromWorldMs = 0;
  #fromMonoMs = 0;
  #skewMs: number;
  readonly #usualRate: number;
  #rate: number;
  #effect: FaultEffect | undefined;

  /** @param skewMs By which the wall clock is ahead. @param rate Its seconds per second of the world, near 1. */
  constructor(
    worldMs: () => number,
    skewMs = 0,
    rate = 1,
    calendar: Calendar = { startMs: START_MS },
  ) {
    this.#worldMs = worldMs;
    this.#calendar = calendar;
    this.#skewMs = skewMs;
    this.#usualRate = rate;
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
    return this.#calendar.startMs + this.#skewMs + this.monotonicMs();
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

  /** Both clocks run at their usual rate, and the wall clock is set to the world's time. */
  correct(): void {
    this.run(this.#usualRate);
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
    const worldMs = Math.max(TIMER_MS_MIN, delayMs / this.#error.rate);
    return this.#scheduler.after(worldMs, this.#owner, this.#timerLabel, run);
  }

  soon(run: () => void): void {
    this.#scheduler.after(0, this.#owner, this.#soonLabel, run);
  }
}
