/**
 * Campaigns after the loss of a node, spread over time.
 *
 * A node that dies may have led hundreds of groups. If all of them campaigned at once on every
 * survivor, votes would split and the appends of healthy groups would wait behind them. So each
 * survivor draws a moment per group, at most `campaignsPerSecond`; pre-vote sees to it that only
 * a replica with all that is committed wins, and a lost try is repeated after a while.
 */
import type { Clock, Random, Timer } from "@millrace/base";

import type { LaneConfig } from "./config.ts";
import type { RaftHost } from "./raft-host.ts";

const RETRIES_MAX = 5;
const RETRY_MIN_MS = 300;
const RETRY_SPREAD_MS = 300;

interface Planned {
  readonly host: RaftHost;
  readonly atMs: number;
  readonly tries: number;
}

export interface ElectionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: LaneConfig;
  readonly campaign: (host: RaftHost) => void;
  /** The group still needs a leader, and this node may be it. */
  readonly isNeeded: (host: RaftHost) => boolean;
}

export class Elections {
  readonly #options: ElectionsOptions;
  readonly #planned = new Map<RaftHost, Planned>();
  #timer: Timer | undefined;
  #dueMs = Infinity;

  constructor(options: ElectionsOptions) {
    this.#options = options;
  }

  /** Plans one campaign for each of `hosts`, replacing earlier plans. */
  plan(hosts: readonly RaftHost[]): void {
    const { clock, config, random } = this.#options;
    const paceMs = (1_000 * hosts.length) / config.campaignsPerSecond;
    const spreadMs = Math.ceil(Math.max(config.campaignSpreadMs, paceMs));
    const nowMs = clock.monotonicMs();
    for (const host of hosts) {
      this.#add({ host, atMs: nowMs + random.uniform(spreadMs + 1), tries: 0 });
    }
    this.#arm();
  }

  /** Campaigns at once and, if that fails, again. */
  now(host: RaftHost): void {
    this.#add({ host, atMs: this.#options.clock.monotonicMs(), tries: 0 });
    this.#arm();
  }

  forget(host: RaftHost): void {
    this.#planned.delete(host);
  }

  stop(): void {
    this.#planned.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Infinity;
  }

  #add(planned: Planned): void {
    this.#planned.set(planned.host, planned);
  }

  #arm(): void {
    let next = Infinity;
    for (const { atMs } of this.#planned.values()) next = Math.min(next, atMs);
    if (next === Infinity || next >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = next;
    const delayMs = Math.max(0, next - this.#options.clock.monotonicMs());
    this.#timer = this.#options.clock.schedule(delayMs, () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    this.#dueMs = Infinity;
    const { clock, random, campaign, isNeeded } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const planned of this.#planned.values()) {
      if (planned.atMs > nowMs) continue;
      const { host, tries } = planned;
      this.#planned.delete(host);
      if (!isNeeded(host)) continue;
      campaign(host);
      if (tries === RETRIES_MAX) continue; // its own election timeout goes on
      const atMs = nowMs + RETRY_MIN_MS + random.uniform(RETRY_SPREAD_MS);
      this.#add({ host, atMs, tries: tries + 1 });
    }
    this.#arm();
  }
}
