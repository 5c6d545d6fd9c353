/**
 * Where the replicas of new shards go.
 *
 * Two replicas of a shard never share a node nor a `host` label, or one power supply would take a
 * majority with it. Within that, every broker gets about as many replicas and as many preferred
 * leaders as any other. Greedy, shard by shard: with counts this small an optimum is not worth more,
 * and a pure function of its input can be replayed from a log.
 */
import { StreamError } from "@millrace/base";

/** A broker that may take replicas, with what it has already. */
export interface Candidate {
  readonly nodeId: number;
  readonly host: string;
  /** Heard of lately, and not draining. */
  readonly ready: boolean;
  readonly replicas: number;
  /** Replicas that are first in their shard's list. */
  readonly leaders: number;
}

export const REPLICATION_FACTOR_MAX = 7;
export const REPLICATION_FACTOR_DEFAULT = 3;

/** In practice two or three are enough. */
const EVENING_PASSES_MAX = 16;

interface Load {
  readonly candidate: Candidate;
  replicas: number;
  leaders: number;
}

/**
 * Node ids for each of `shardCount` shards; the first of each list is its preferred leader.
 *
 * @param requested Replicas per shard, 1..7; 0 takes 3, or as many as there are different hosts.
 * @throws StreamError `limit-exceeded` when there are fewer hosts than replicas, `unavailable` when
 * too few of them are ready for a majority of each shard.
 */
export function placeShards(
  candidates: readonly Candidate[],
  shardCount: number,
  requested: number,
): readonly (readonly number[])[] {
  const hosts = new Set(candidates.map(({ host }) => host)).size;
  if (hosts === 0) throw new StreamError("unavailable", "no broker is registered and in service");
  const wanted = requested === 0 ? Math.min(REPLICATION_FACTOR_DEFAULT, hosts) : requested;
  if (wanted > hosts) {
    throw new StreamError(
      "limit-exceeded",
      `replicationFactor is ${wanted}, but the brokers have ${hosts} different host labels`,
    );
  }
  const pools = choosePools(candidates, wanted);
  const placed = Array.from({ length: shardCount }, () => placeShard(pools, wanted));
  evenLeaders(placed);
  return placed.map((replicas) => replicas.map(({ candidate }) => candidate.nodeId));
}

/**
 * Brokers that are ready, and those that drain or are down as second choice: they are taken only where a
 * shard could not have all its replicas without them, since a shard made during an upgrade would have
 * too few for ever. A majority must still be ready.
 */
function choosePools(
  candidates: readonly Candidate[],
  wanted: number,
): readonly (readonly Load[])[] {
  const loads = [...candidates]
    .sort((a, b) => a.nodeId - b.nodeId)
    .map((candidate) => ({ candidate, replicas: candidate.replicas, leaders: candidate.leaders }));
  const ready = loads.filter(({ candidate }) => candidate.ready);
  const readyHosts = new Set(ready.map(({ candidate }) => candidate.host)).size;
  if (readyHosts * 2 <= wanted) {
    throw new StreamError(
      "unavailable",
      `${readyHosts} hosts have a broker that is up and not draining, but a majority of ${wanted} replicas must be`,
    );
  }
  return [ready, loads.filter(({ candidate }) => !candidate.ready)];
}

function placeShard(pools: readonly (readonly Load[])[], wanted: number): Load[] {
  const chosen: Load[] = [];
  const hosts = new Set<string>();
  for (const pool of pools) {
    for (const load of [...pool].sort(byLoad)) {
      if (chosen.length === wanted) break;
      if (hosts.has(load.candidate.host)) continue;
      hosts.add(load.candidate.host);
      chosen.push(load);
    }
  }
  // A leader that is down or drains would leave the shard to an election at once.
  const leader = chosen.reduce((best, load) => (isBetterLeader(load, best) ? load : best));
  for (const load of chosen) load.replicas++;
  leader.leaders++;
  const followers = chosen.filter((load) => load !== leader);
  return [leader, ...followers];
}

/**
 * Hands a shard to a follower that leads at least two fewer. Each change lowers the sum of squares of
 * what brokers lead, so this ends; the passes are bounded all the same.
 */
function evenLeaders(placed: readonly Load[][]): void {
  for (let pass = 0; pass < EVENING_PASSES_MAX; pass++) {
    let changed = false;
    for (const replicas of placed) changed = evenLeader(replicas) || changed;
    if (!changed) return;
  }
}

function evenLeader(replicas: Load[]): boolean {
  const [leader] = replicas as [Load, ...Load[]];
  const best = replicas.reduce((a, b) => (isBetterLeader(b, a) ? b : a));
  if (best.candidate.ready !== leader.candidate.ready || best.leaders + 2 > leader.leaders) {
    return false;
  }
  leader.leaders--;
  best.leaders++;
  replicas[replicas.indexOf(best)] = leader;
  replicas[0] = best;
  return true;
}

function byLoad(a: Load, b: Load): number {
  return a.replicas - b.replicas || a.leaders - b.leaders;
}

function isBetterLeader(load: Load, best: Load): boolean {
  if (load.candidate.ready !== best.candidate.ready) return load.candidate.ready;
  return load.leaders < best.leaders;
}
