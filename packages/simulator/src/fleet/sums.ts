/** What all runs of one call did together. */
import type { FaultKind, FaultTally } from "../faults/fault.ts";
import type { Outcome } from "./job.ts";

export class Sums {
  runs = 0;
  failed = 0;
  /** Runs that say nothing. */
  gaveUp = 0;
  virtualMs = 0;
  events = 0;
  acknowledged = 0;
  readonly #faults = new Map<FaultKind, FaultTally>();

  add({ violations, gaveUp, virtualMs, events, acknowledged, faults }: Outcome): void {
    this.runs += 1;
    if (gaveUp !== undefined) this.gaveUp += 1;
    if (violations.length > 0) this.failed += 1;
    this.virtualMs += virtualMs;
    this.events += events;
    this.acknowledged += acknowledged;
    for (const [kind, { fired, effective }] of faults) {
      const sum = this.#faults.get(kind) ?? { fired: 0, effective: 0 };
      this.#faults.set(kind, { fired: sum.fired + fired, effective: sum.effective + effective });
    }
  }

  faultLines(): readonly string[] {
    return [...this.#faults]
      .map(([kind, { fired, effective }]) => `fault ${kind} fired ${fired}, effect ${effective}`)
      .toSorted();
  }
}
