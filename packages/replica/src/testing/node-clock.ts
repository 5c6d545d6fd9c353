import type { Clock, Timer } from "@millrace/base";

/** The clock of one process: it ends with the process, and its wall clock can be wrong. */
export class NodeClock implements Clock {
  /** How far the wall clock of this process is ahead, milliseconds. */
  skewMs = 0;
  isAlive = true;
  readonly #world: Clock;

  constructor(world: Clock) {
    this.#world = world;
  }

  nowMs(): number {
    return this.#world.nowMs() + this.skewMs;
  }

  monotonicMs(): number {
    return this.#world.monotonicMs();
  }

  schedule(delayMs: number, run: () => void): Timer {
    return this.#world.schedule(delayMs, () => {
      if (this.isAlive) run();
    });
  }

  soon(run: () => void): void {
    this.#world.soon(() => {
      if (this.isAlive) run();
    });
  }
}
