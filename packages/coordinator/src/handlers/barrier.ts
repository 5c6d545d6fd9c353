/**
 * Barrier: an index that covers every change acknowledged before the call (S12).
 *
 * The host asks the leader once for all callers of one turn. Whoever waited too long gets
 * `unavailable`, never an old index: the caller may be about to say "not found".
 */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { BarrierResponse } from "@millrace/proto";

import type { MetadataGroup } from "../group-port.ts";

export const BARRIER_WAIT_MS_DEFAULT = 5_000;
export const BARRIERS_WAITING_MAX = 10_000;

export class Barriers {
  readonly #clock: Clock;
  readonly #group: () => MetadataGroup | undefined;
  readonly #waitMs: number;
  #waiting = 0;

  constructor(
    clock: Clock,
    group: () => MetadataGroup | undefined,
    waitMs: number = BARRIER_WAIT_MS_DEFAULT,
  ) {
    this.#clock = clock;
    this.#group = group;
    this.#waitMs = waitMs;
  }

  /** @throws StreamError `unavailable` without a leader in time, `overloaded`. */
  ask(): Promise<BarrierResponse> {
    return new Promise((resolve, reject) => {
      const group = this.#group();
      if (group === undefined) {
        throw new StreamError("unavailable", "this node holds no metadata replica");
      }
      if (this.#waiting >= BARRIERS_WAITING_MAX) {
        const message = `barriers waiting are ${this.#waiting}, at most ${BARRIERS_WAITING_MAX}`;
        throw new StreamError("overloaded", message);
      }
      this.#waiting++;
      let settled = false;
      const settle = (answer: number | StreamError): void => {
        if (settled) return;
        settled = true;
        this.#waiting--;
        timer.cancel();
        if (answer instanceof StreamError) reject(answer);
        else resolve({ index: answer });
      };
      const timer = this.#clock.schedule(this.#waitMs, () => {
        const message = `the metadata group confirmed no leader within ${this.#waitMs} ms`;
        settle(new StreamError("unavailable", message));
      });
      group.readIndex(settle);
    });
  }
}
