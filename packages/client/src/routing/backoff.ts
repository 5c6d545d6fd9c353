/**
 * How long to wait before the next attempt.
 *
 * Moving on to another replica is free as long as there are replicas not yet asked: a refused
 * connection or a redirect costs a round trip, no wait. Once round all of them, attempts back off, or
 * a shard without a leader would be asked thousands of times per second by every producer.
 */
import type { Random } from "@millrace/base";

export interface BackoffBounds {
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
}

export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: Random;
  #waits = 0;
  #moves = 0;

  constructor(bounds: BackoffBounds, random: Random) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** After an attempt that worked. */
  reset(): void {
    this.#waits = 0;
    this.#moves = 0;
  }

  /** Milliseconds before another place is tried; 0 for the first `places` moves in a row. */
  move(places: number): number {
    if (this.#moves < places) {
      this.#moves++;
      return 0;
    }
    return this.wait();
  }

  /** Milliseconds before the same thing is tried again: doubling, with up to half taken off by chance. */
  wait(atLeastMs = 0): number {
    const { backoffMsMin, backoffMsMax } = this.#bounds;
    const fullMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(this.#waits, 20));
    this.#waits++;
    this.#moves = 0;
    const halfMs = Math.ceil(fullMs / 2);
    return Math.max(atLeastMs, fullMs - this.#random.uniform(halfMs));
  }
}
