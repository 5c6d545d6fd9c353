/**
 * Campaigns after the loss of a node, spread over time.
 *
 * A node that dies may have led hundreds of groups. If all of them campaigned at once on every
 * survivor, votes would split and the appends of healthy groups would wait behind them. So each
 * survivor draws a moment per group, at most `campaignsPerSecond`, and the survivors of one group
 * draw from different parts of the time, or every fiftieth group would split its votes. Pre-vote
 * sees to it that only a replica with all that is committed wins; a lost try is repeated.
 *
 * Repeated tries come on top of what was planned, so the rate is also held where campaigns begin: those
 * that find no room wait, groups that have not been tried yet and were busy last go first.
 */
import type { Clock, Random, Timer } from "@millrace/base";

import type { LaneConfig } from "./config.ts";
import type { RaftHost } from "./raft-host.ts";

const RETRIES_MAX = 5;
const RETRY_MIN_MS = 300;
const RETRY_SPREAD_MS = 300;
/** Each retry waits so much longer, in case it is the disk that makes elections slow. */
const RETRY_STEP_MS = 200;
/** Campaigns that may begin at once: what a second allows, over so long. */
const BURST_MS = 20;

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
  /** When the next campaign would begin if each took its share of the time. */
  #paceMs = 0;

  constructor(options: ElectionsOptions) {
    this.#options = options;
  }

  /** Plans one campaign for each of `hosts`, whose leader was on `lostNodeId`. */
  plan(hosts: readonly RaftHost[], lostNodeId: number): void {
    const { clock, config, random } = this.#options;
    const paceMs = (1_000 * hosts.length) / config.campaignsPerSecond;
    const spreadMs = Math.ceil(Math.max(config.campaignSpreadMs, paceMs));
    const nowMs = clock.monotonicMs();
    for (const host of hosts) {
      const { rank, of } = placeAmongSurvivors(host, lostNodeId);
      const drawnMs = random.uniform(Math.ceil(spreadMs / of));
      this.#add({ host, atMs: nowMs + (spreadMs * rank) / of + drawnMs, tries: 0 });
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
    for (const planned of this.#due(nowMs)) {
      const { host, tries } = planned;
      this.#planned.delete(host);
      if (!isNeeded(host)) continue;
      const roomMs = this.#roomMs(nowMs);
      if (roomMs > nowMs) {
        this.#add({ ...planned, atMs: roomMs });
        continue;
      }
      campaign(host);
      if (tries === RETRIES_MAX) continue; // its own election timeout goes on
      const waitMs = RETRY_MIN_MS + tries * RETRY_STEP_MS + random.uniform(RETRY_SPREAD_MS);
      const atMs = nowMs + waitMs;
      this.#add({ host, atMs, tries: tries + 1 });
    }
    this.#arm();
  }

  #due(nowMs: number): readonly Planned[] {
    const due = [...this.#planned.values()].filter(({ atMs }) => atMs <= nowMs);
    return due.sort(
      (a, b) =>
        a.tries - b.tries || b.host.lastActivityMs - a.host.lastActivityMs || a.atMs - b.atMs,
    );
  }

  /** When there is room for one more campaign; takes it if that is now. */
  #roomMs(nowMs: number): number {
    const eachMs = 1_000 / this.#options.config.campaignsPerSecond;
    const paceMs = Math.max(this.#paceMs, nowMs - BURST_MS);
    if (paceMs + eachMs > nowMs) return Math.ceil(paceMs + eachMs);
    this.#paceMs = paceMs + eachMs;
    return nowMs;
  }
}

/** Which of the survivors this replica is; another one is first in each group. */
function placeAmongSurvivors(
  host: RaftHost,
  lostNodeId: number,
): { readonly rank: number; readonly of: number } {
  const survivors = host.members.filter(({ nodeId }) => nodeId !== lostNodeId);
  const of = Math.max(1, survivors.length);
  // A replica that was taken out of its group, or not let in yet, is not among them.
  const own = Math.max(
    0,
    survivors.findIndex(({ replicaId }) => replicaId === host.replicaId),
  );
  return { rank: (own + host.groupId) % of, of };
}

export function isMember(host: RaftHost, nodeId: number): boolean {
  return host.members.some((member) => member.nodeId === nodeId);
}

/** Needs another leader, now that `nodeId` is lost. */
export function isOrphan(host: RaftHost, nodeId: number): boolean {
  if (host.isLeader) return false;
  if (host.leaderNodeId === nodeId) return true;
  // Without a leader: its own timeouts were sooner, and a vote that they split is to be had again.
  return host.leaderNodeId === undefined && isMember(host, nodeId);
}
