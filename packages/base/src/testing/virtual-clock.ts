import type { Clock, Timer } from "../clock.ts";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that moves only when told. `advance` runs what falls due in order of time, then of scheduling;
 * `soon` calls run at the start of the next `advance` or in `runSoon`.
 */
export class VirtualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #timers: Pending[] = [];
  #soon: (() => void)[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#wallOffsetMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#wallOffsetMs + this.#monotonicMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  schedule(delayMs: number, run: () => void): Timer {
    const entry = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== entry);
      },
    };
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  jump(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  /** Runs pending `soon` calls, and those that they add, until none is left. */
  runSoon(): void {
    for (let run = this.#soon.shift(); run !== undefined; run = this.#soon.shift()) run();
  }

  /** Moves time forward by `ms`, running everything that falls due on the way. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms;
    this.runSoon();
    for (let next = this.#takeDue(untilMs); next !== undefined; next = this.#takeDue(untilMs)) {
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.run();
      this.runSoon();
    }
    this.#monotonicMs = untilMs;
  }

  #takeDue(untilMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      const earlier =
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order);
      if (earlier) first = timer;
    }
    if (first !== undefined) this.#timers.splice(this.#timers.indexOf(first), 1);
    return first;
  }
}
