/**
 * Looks at every file now and then, so that damage is found while other replicas still have what it
 * took. A damaged range that nobody reads for a year would otherwise meet a second one.
 *
 * Source: reference D.1 (Jepsen on silent corruption), G.4.6.
 */
import { asStreamError, StreamError, type Clock, type Logger, type Timer } from "@millrace/base";
import type { LaneStorage, ScrubReport } from "@millrace/storage";

import type { LaneConfig } from "./config.ts";

/** The first pass comes so long after the start at the latest, or a node that restarts often is never looked at. */
const FIRST_MS_MAX = 3_600_000;

export interface ScrubberOptions {
  readonly clock: Clock;
  readonly config: LaneConfig;
  readonly logger: Logger;
  readonly storage: LaneStorage;
}

export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #abort = new AbortController();
  #running: Promise<ScrubReport> | undefined;
  #timer: Timer | undefined;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  /** Begins the passes by time. */
  start(): void {
    const { scrubIntervalMs } = this.#options.config;
    if (scrubIntervalMs > 0) this.#schedule(Math.min(scrubIntervalMs, FIRST_MS_MAX));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#abort.abort();
  }

  /** One pass from now on, or the rest of the one that runs. */
  run(): Promise<ScrubReport> {
    if (this.#abort.signal.aborted) {
      return Promise.reject(new StreamError("unavailable", "this node is stopping"));
    }
    this.#running ??= this.#pass().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #pass(): Promise<ScrubReport> {
    const { config, logger, storage } = this.#options;
    const { signal } = this.#abort;
    const report = await storage.scrub({ bytesPerSecond: config.scrubBytesPerSecond, signal });
    const { damagedExtents, damagedStateFiles, damagedWalFiles } = report;
    const level = damagedExtents + damagedStateFiles + damagedWalFiles > 0 ? "error" : "info";
    logger[level]("a pass over the files of this node has ended", { ...report });
    return report;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.run()
        .catch((error: unknown) => {
          const { message } = asStreamError(error);
          this.#options.logger.warn("a pass over the files of this node has failed", {
            error: message,
          });
        })
        .finally(() => {
          if (!this.#abort.signal.aborted) this.#schedule(this.#options.config.scrubIntervalMs);
        });
    });
  }
}
