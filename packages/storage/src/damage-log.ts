/**
 * What was found damaged while the lane runs: told once per extent to whoever can fetch it from a peer,
 * to the person who reads the log, and to the metrics. Kept apart from the readers, because a read, an
 * export and a scrub find the same damage and must not report it three times.
 */
import type { Counter, Logger, Metrics } from "@millrace/base";

import type { Extent } from "./segment-format.ts";

export class DamageLog {
  readonly #logger: Logger;
  readonly #extents: Counter;
  readonly #callbacks: ((groupId: number) => void)[] = [];
  /** Extents since `open`. */
  count = 0;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#extents = metrics.counter(
      "millrace_storage_damaged_extents_total",
      "Runs of entries that a read or a scrub found damaged on disk",
    );
  }

  listen(callback: (groupId: number) => void): void {
    this.#callbacks.push(callback);
  }

  extent(groupId: number, { segmentId, firstIndex, lastIndex }: Extent, reason: string): void {
    this.count++;
    this.#extents.add();
    this.#logger.error("entries on disk are damaged; they are to be fetched from a peer", {
      groupId,
      segmentId,
      firstIndex,
      lastIndex,
      reason,
    });
    for (const callback of this.#callbacks) callback(groupId);
  }
}
