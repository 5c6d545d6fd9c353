/**
 * Work put off to the end of the current turn of the event loop, once per owner however often asked:
 * the puts of one turn become one entry per shard, the commits of one turn wake readers once.
 */
import type { Clock } from "@millrace/base";

export class TurnQueue {
  readonly #clock: Clock;
  #pending = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `work` once after the input of this turn was handed out. */
  add(work: () => void): void {
    if (this.#pending.size === 0) this.#clock.soon(() => this.#run());
    this.#pending.add(work);
  }

  #run(): void {
    const works = this.#pending;
    this.#pending = new Set();
    for (const work of works) work();
  }
}
