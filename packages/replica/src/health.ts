/**
 * Reasons for which a node must not lead, although it runs.
 *
 * A leader with a stalled disk still sends heartbeats, so nobody would replace it while nothing
 * commits; one with a wrong clock would stamp records with it. Both give their groups away.
 */
import type { Clock, Logger, StreamError } from "@millrace/base";
import type { LaneStorage } from "@millrace/storage";

import { clockAheadOfMedian } from "./clock-check.ts";
import type { LaneConfig } from "./config.ts";

export interface HealthOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: LaneStorage;
  readonly config: LaneConfig;
}

export class Health {
  readonly #options: HealthOptions;
  #isWalHealthy = true;
  #isWalStalled = false;
  #isClockGood = true;
  isDraining = false;
  /** Why nothing is promised any more. */
  failure: StreamError | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Storage finishes its writes in time. Told to the peers. */
  get isWalHealthy(): boolean {
    return this.#isWalHealthy && this.failure === undefined;
  }

  /** This node may become and stay a leader. */
  get mayLead(): boolean {
    return !this.isDraining && this.isWalHealthy && this.#isClockGood;
  }

  /** The groups led here should go elsewhere now. */
  get mustHandAway(): boolean {
    const hasFailed = this.failure !== undefined;
    return this.isDraining || hasFailed || this.#isWalStalled || !this.#isClockGood;
  }

  /** `clockOffsets`: how far the clocks of the live peers are ahead of ours, milliseconds. */
  check(clockOffsets: readonly number[]): void {
    const { clock, config, storage, logger } = this.#options;
    const since = storage.stats().inFlightSinceMs;
    const stalledMs = since === undefined ? 0 : clock.monotonicMs() - since;
    const isWalHealthy = stalledMs <= config.walStallMs;
    if (isWalHealthy !== this.#isWalHealthy) {
      logger.warn("storage has changed between keeping up and stalling", { stalledMs });
    }
    this.#isWalHealthy = isWalHealthy;
    this.#isWalStalled = stalledMs > config.walHandAwayMs;
    this.#checkClock(clockOffsets);
  }

  #checkClock(offsets: readonly number[]): void {
    const aheadMs = clockAheadOfMedian(offsets);
    const boundMs = this.#options.config.clockSkewMaxMs;
    const isGood = aheadMs === undefined || Math.abs(aheadMs) <= boundMs;
    if (isGood === this.#isClockGood) return;
    this.#isClockGood = isGood;
    const message = isGood
      ? "the wall clock agrees with the other nodes again"
      : "the wall clock differs from the other nodes, so this node leads no group";
    this.#options.logger.warn(message, { aheadMs, boundMs, nodes: offsets.length + 1 });
  }
}
