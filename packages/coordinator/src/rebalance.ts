/**
 * Which replicas and leaderships would have to change places so that all brokers carry about the same.
 *
 * Nothing of a plan is kept: it is made on a copy of the placements, shown to a person or used for its
 * first step, and made again from what is then committed. So it holds after any crash, and there is
 * nothing to take back when it is cancelled.
 *
 * A replica moves from the broker with more to one with at least two fewer, so each move lowers the sum
 * of squares of what brokers hold; before that, replicas of one group that share a zone are drawn apart
 * where another zone has room, which no later move undoes. Both can happen only so often: the plan ends.
 *
 *   B1  no two replicas of a group on one node or host (R1)
 *   B2  no move puts more replicas of a group into one zone than there were
 *   B3  a group that lacks a replica, or is being moved, is left alone
 *
 * Source: reference G.13 (greedy, simulated on a copy, only if it improves; anti-affinity is hard).
 */
import type { ShardRecord } from "@millrace/model";
import { isDeadReplica } from "@millrace/model";

import type { MetadataState } from "./state/metadata-state.ts";

/** Steps that a plan shows at most; the rest is planned when these are done. */
export const PLAN_MOVES_MAX = 1_000;
/** In practice two or three are enough. */
const LEADER_PASSES_MAX = 16;

export interface RebalanceMove {
  readonly groupId: number;
  readonly streamName: string;
  readonly shardIndex: number;
  readonly removeReplicaId: number;
  readonly fromNodeId: number;
  readonly add: { readonly nodeId: number; readonly incarnation: string };
}

export interface RebalancePlan {
  readonly moves: readonly RebalanceMove[];
  /** Leaders to be preferred once the replicas are where they should be. */
  readonly leaders: readonly { readonly groupId: number; readonly replicaId: number }[];
}

interface Broker {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly host: string;
  readonly zone: string;
  readonly isAlive: boolean;
  /** Takes replicas and leaderships. */
  readonly serves: boolean;
  /** Groups with a replica here. */
  readonly groups: Set<Placed>;
  leaders: number;
}

interface Seat {
  readonly replicaId: number;
  broker: Broker;
}

interface Placed {
  readonly shard: ShardRecord;
  /** The first is preferred as leader. */
  readonly seats: Seat[];
  readonly mayMove: boolean;
}

/** @param movesMax Moves after which the plan ends, 1..PLAN_MOVES_MAX. */
export function planRebalance(
  state: MetadataState,
  isAlive: (nodeId: number, incarnation: string) => boolean,
  movesMax: number,
): RebalancePlan {
  const { brokers, groups } = layout(state, isAlive);
  const moves: RebalanceMove[] = [];
  while (moves.length < movesMax) {
    const move = apart(brokers, groups) ?? evener(brokers);
    if (move === undefined) break;
    moves.push(carryOut(move));
  }
  // Leaders follow when the replicas are where they should be.
  return { moves, leaders: moves.length === movesMax ? [] : evenLeaders(groups) };
}

interface Layout {
  readonly brokers: readonly Broker[];
  readonly groups: readonly Placed[];
}

function layout(
  state: MetadataState,
  isAlive: (nodeId: number, incarnation: string) => boolean,
): Layout {
  const brokers = new Map<number, Broker>();
  for (const node of state.nodes.values()) {
    if (!node.roles.includes("broker")) continue;
    const { nodeId, incarnation, host, zone, goal = "serve" } = node;
    const alive = isAlive(nodeId, incarnation);
    brokers.set(nodeId, {
      nodeId,
      incarnation,
      host,
      zone,
      isAlive: alive,
      serves: alive && node.state === "active" && goal === "serve",
      groups: new Set(),
      leaders: 0,
    });
  }
  const groups: Placed[] = [];
  for (const shard of state.view.list("shard")) {
    const placed = placedIn(shard, brokers);
    for (const { broker } of placed.seats) broker.groups.add(placed);
    const [leader] = placed.seats;
    if (leader !== undefined) leader.broker.leaders += 1;
    groups.push(placed);
  }
  const sorted = [...brokers.values()].sort((a, b) => a.nodeId - b.nodeId);
  return { brokers: sorted, groups };
}

/** With its move done, if it has one: what is on its way counts where it goes. */
function placedIn(shard: ShardRecord, brokers: ReadonlyMap<number, Broker>): Placed {
  const { replicas, move, state } = shard;
  const after = move === undefined ? replicas : afterMove(shard);
  const seats = after.flatMap(({ replicaId, nodeId }): readonly Seat[] => {
    const broker = brokers.get(nodeId);
    return broker === undefined ? [] : [{ replicaId, broker }];
  });
  const isWhole =
    !replicas.some(isDeadReplica) &&
    seats.length === replicas.length &&
    seats.every(({ broker }) => broker.isAlive);
  const isServing = state === "open" || state === "closed";
  return { shard, seats, mayMove: isServing && isWhole && move === undefined }; // B3
}

function afterMove({ replicas, move }: ShardRecord) {
  const { add, removeReplicaId, cancelled } = move ?? {};
  if (cancelled === true) return replicas;
  const staying = replicas.filter(({ replicaId }) => replicaId !== removeReplicaId);
  return add === undefined ? staying : [...staying, add];
}

interface Step {
  readonly placed: Placed;
  readonly seat: Seat;
  readonly to: Broker;
}

/** Draws replicas of one group that share a zone apart. */
function apart(brokers: readonly Broker[], groups: readonly Placed[]): Step | undefined {
  const zones = new Set(brokers.filter(({ serves }) => serves).map(({ zone }) => zone));
  if (zones.size < 2) return undefined;
  const byLoad = [...brokers].sort((a, b) => a.groups.size - b.groups.size);
  for (const placed of groups) {
    if (!placed.mayMove) continue;
    for (const seat of placed.seats) {
      const others = zonesBeside(placed, seat);
      if (!others.includes(seat.broker.zone)) continue;
      const to = byLoad.find(
        (broker) => mayHold(broker, placed, seat) && !others.includes(broker.zone),
      );
      if (to !== undefined) return { placed, seat, to };
    }
  }
  return undefined;
}

/** From the broker with the most replicas to the one with the fewest, if that is two fewer at least. */
function evener(brokers: readonly Broker[]): Step | undefined {
  const byLoad = [...brokers].sort((a, b) => a.groups.size - b.groups.size);
  for (const from of byLoad.toReversed()) {
    for (const to of byLoad) {
      if (from.groups.size - to.groups.size < 2) break;
      const step = stepBetween(from, to);
      if (step !== undefined) return step;
    }
  }
  return undefined;
}

/** The group whose stream is the least on the broker that it goes to, so that streams are spread too. */
function stepBetween(from: Broker, to: Broker): Step | undefined {
  if (!to.serves) return undefined;
  const there = new Map<string, number>();
  for (const { shard } of to.groups) {
    there.set(shard.streamId, (there.get(shard.streamId) ?? 0) + 1);
  }
  let best: Step | undefined;
  let fewest = Infinity;
  for (const placed of from.groups) {
    const seat = placed.seats.find(({ broker }) => broker === from);
    const count = there.get(placed.shard.streamId) ?? 0;
    if (seat === undefined || count >= fewest || !placed.mayMove) continue;
    if (!mayHold(to, placed, seat)) continue;
    const others = zonesBeside(placed, seat);
    if (others.includes(to.zone) && !others.includes(from.zone)) continue; // B2
    best = { placed, seat, to };
    fewest = count;
    if (count === 0) break;
  }
  return best;
}

/** B1. */
function mayHold(broker: Broker, { seats }: Placed, leaving: Seat): boolean {
  if (!broker.serves || broker === leaving.broker) return false;
  return seats.every((seat) => seat === leaving || seat.broker.host !== broker.host);
}

function zonesBeside({ seats }: Placed, leaving: Seat): readonly string[] {
  return seats.filter((seat) => seat !== leaving).map(({ broker }) => broker.zone);
}

function carryOut({ placed, seat, to }: Step): RebalanceMove {
  const from = seat.broker;
  const { groupId, streamName, shardIndex } = placed.shard;
  from.groups.delete(placed);
  to.groups.add(placed);
  if (placed.seats[0] === seat) {
    from.leaders -= 1;
    to.leaders += 1;
  }
  seat.broker = to;
  return {
    groupId,
    streamName,
    shardIndex,
    removeReplicaId: seat.replicaId,
    fromNodeId: from.nodeId,
    add: { nodeId: to.nodeId, incarnation: to.incarnation },
  };
}

/** Hands a leadership to a broker that has at least two fewer; each change lowers the sum of squares. */
function evenLeaders(groups: readonly Placed[]): RebalancePlan["leaders"] {
  const preferred = new Map<Placed, Seat>();
  for (let pass = 0; pass < LEADER_PASSES_MAX; pass += 1) {
    let isEven = true;
    for (const placed of groups) {
      const now = preferred.get(placed) ?? placed.seats[0];
      if (now === undefined || !placed.mayMove) continue;
      const best = placed.seats.reduce((a, b) => (leadsBetter(b, a) ? b : a));
      const isBetter = !now.broker.serves || best.broker.leaders + 2 <= now.broker.leaders;
      if (!isBetter || best === now || !best.broker.serves) continue;
      now.broker.leaders -= 1;
      best.broker.leaders += 1;
      preferred.set(placed, best);
      isEven = false;
    }
    if (isEven) break;
  }
  return [...preferred]
    .filter(([{ seats }, seat]) => seats[0] !== seat)
    .map(([{ shard }, { replicaId }]) => ({ groupId: shard.groupId, replicaId }))
    .slice(0, PLAN_MOVES_MAX);
}

function leadsBetter({ broker: a }: Seat, { broker: b }: Seat): boolean {
  if (a.serves !== b.serves) return a.serves;
  return a.leaders < b.leaders;
}
