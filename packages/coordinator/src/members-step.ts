/**
 * Which replica moves next, and where to.
 *
 * A pure function of committed state and of what the leader has heard, like every step: a later
 * leader decides the same again. A replica must leave when it is lost (its disk was replaced) or damaged, when its
 * broker is silent for `replaceAfterMs`, or when its node is to be emptied; that order, because a dead
 * replica is the only one that no restart brings back. It leaves together with the arrival of its
 * successor, never before, so the group has no fewer working replicas than it had.
 *
 * Source: reference G.12 (one step per shard, replacement after 15 minutes), G.13 (decommission).
 */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { GroupPlacement, NodeRecord, ReplicaPlacement } from "@millrace/model";
import { isDeadReplica, PLACEMENT_POLICY_DEFAULT, placementPolicy } from "@millrace/model";

import type { Hearing } from "./silence.ts";
import { silenceMs } from "./silence.ts";
import { planRebalance } from "./rebalance.ts";
import type { Command } from "./state/command.ts";
import type { MetadataState } from "./state/metadata-state.ts";

export interface MembersTiming {
  /** Silence of a broker after which its replicas are made again elsewhere. @default 900_000 */
  readonly replaceAfterMs: number;
  /** Groups that change their members at one time. @default 4 */
  readonly movesMax: number;
}

export const MEMBERS_TIMING_DEFAULT: MembersTiming = {
  replaceAfterMs: 15 * 60_000,
  movesMax: 4,
};

/** Voters of the metadata group that stay in any case. */
const METADATA_VOTERS_MIN = 3;
/** How long a move that only evens out waits for a silent node before it is taken back. */
const WISH_PATIENCE_MS = 60_000;
/** Records that one command drops at most. */
const RETIRED_PER_STEP_MAX = 1_000;
/** How soon silent nodes are looked at again. */
const LOOK_AGAIN_MS = 1_000;

export interface MembersInput extends Hearing {
  readonly state: MetadataState;
  readonly timing: MembersTiming;
  /** Age from which a retired replica that cannot report is forgotten. */
  readonly retiredGraceMs: number;
}

type Step = Command | { readonly kind: "wait"; readonly waitMs: number };

export function membersStep(input: MembersInput): Step {
  const cancel = uselessMove(input);
  if (cancel !== undefined) return cancel;
  const leaving = new Leaving(input);
  // A move whose group cannot decide waits for its nodes, and must not keep the others waiting with it.
  const moving = [...input.state.unsettledGroups.values()].filter(
    (placed) => placed.move !== undefined && hasMajority(input, placed),
  );
  if (moving.length < policyOf(input).movesMax) {
    const start = nextMove(input, leaving) ?? nextRebalanceStep(input, moving.length);
    if (start !== undefined) return start;
  }
  const removed = emptiedNode(input);
  if (removed !== undefined) return removed;
  const retired = retiredStep(input);
  if (retired.kind !== "wait") return retired;
  return { kind: "wait", waitMs: Math.min(retired.waitMs, leaving.lookAgainMs) };
}

/** A move to a disk that is gone meanwhile never ends by itself, and one that nobody needs any more need not. */
function uselessMove(input: MembersInput): Command | undefined {
  const { state } = input;
  const { replaceAfterMs } = policyOf(input);
  for (const { groupId, replicas, move } of state.unsettledGroups.values()) {
    if (move === undefined || move.cancelled || move.add === undefined) continue;
    const isWish = move.reason === "rebalance";
    const leaving = replicas.find(({ replicaId }) => replicaId === move.removeReplicaId);
    const mayEnd = !isWish || !isRebalancing(state);
    if (mayEnd && leaving !== undefined && mayStay(input, leaving)) {
      return { kind: "cancel-move", groupId };
    }
    const node = state.nodes.get(move.add.nodeId);
    const patienceMs = isWish ? Math.min(WISH_PATIENCE_MS, replaceAfterMs) : replaceAfterMs;
    const isGone =
      node?.incarnation !== move.add.incarnation || silenceMs(node, input) > patienceMs;
    if (isDeadReplica(move.add) || isGone) return { kind: "cancel-move", groupId };
  }
  return undefined;
}

/** Only what was heard counts: a leader that is new has heard of nobody, and must not end its predecessor's moves. */
function mayStay({ state, isAlive }: MembersInput, replica: ReplicaPlacement): boolean {
  const node = state.nodes.get(replica.nodeId);
  return (
    !isDeadReplica(replica) &&
    node?.incarnation === replica.incarnation &&
    node.goal !== "decommission" &&
    isAlive(replica.nodeId, replica.incarnation)
  );
}

/** Why a replica has to leave, the most urgent first; undefined when it stays. */
class Leaving {
  readonly #input: MembersInput;
  readonly #emptied = new Set<number>();
  readonly #silent = new Set<string>();
  lookAgainMs = Infinity;

  constructor(input: MembersInput) {
    this.#input = input;
    const { state } = input;
    const { replaceAfterMs } = policyOf(input);
    for (const node of state.nodes.values()) {
      const { nodeId, incarnation, goal } = node;
      if (goal === "decommission") this.#emptied.add(nodeId);
      const silent = silenceMs(node, input);
      if (silent > replaceAfterMs) this.#silent.add(`${nodeId}/${incarnation}`);
      else if (silent > LOOK_AGAIN_MS) this.lookAgainMs = LOOK_AGAIN_MS;
    }
    // Moves wait for nodes to come and go, which no change of metadata tells of.
    if (state.unsettledGroups.size > 0 || this.#isAny || isRebalancing(state))
      this.lookAgainMs = LOOK_AGAIN_MS;
  }

  get #isAny(): boolean {
    return this.#emptied.size > 0 || this.#silent.size > 0;
  }

  /** Groups that may have a replica that must leave. */
  groups(): readonly GroupPlacement[] {
    const { state } = this.#input;
    if (!this.#isAny) return [...state.unsettledGroups.values()];
    const metadata = state.view.cluster()?.metadataGroup;
    return [...(metadata === undefined ? [] : [metadata]), ...state.view.list("shard")];
  }

  rank(replica: ReplicaPlacement): number | undefined {
    if (isDeadReplica(replica)) return 0;
    const { nodeId, incarnation } = replica;
    if (this.#silent.has(`${nodeId}/${incarnation}`)) return 1;
    return this.#emptied.has(nodeId) ? 2 : undefined;
  }
}

/** Evens out, once nothing more urgent is to be moved; the plan is made anew from what each step left. */
function nextRebalanceStep(input: MembersInput, moving: number): Command | undefined {
  if (!isRebalancing(input.state) || !hasHeardAll(input)) return undefined;
  const { moves, leaders } = planRebalance(input.state, input.isAlive, 1);
  const [move] = moves;
  if (move !== undefined) {
    const { groupId, removeReplicaId, add } = move;
    return { kind: "start-move", groupId, removeReplicaId, add, reason: "rebalance" };
  }
  if (moving > 0) return undefined; // leaders are counted when replicas are at rest
  if (leaders.length > 0) return { kind: "prefer-leaders", leaders };
  return { kind: "set-rebalancing", on: false, nowMs: input.nowMs };
}

/** A leader that is new would find nobody to move anything to, and call it even. */
function hasHeardAll(input: MembersInput): boolean {
  for (const node of input.state.nodes.values()) {
    const isAwaited = node.silentSinceMs === undefined && (node.goal ?? "serve") === "serve";
    if (isAwaited && !input.isAlive(node.nodeId, node.incarnation)) return false;
  }
  return true;
}

function isRebalancing(state: MetadataState): boolean {
  return state.view.cluster()?.rebalancingSinceMs !== undefined;
}

function policyOf({ state, timing }: Pick<MembersInput, "state" | "timing">): MembersTiming {
  return placementPolicy(state.view.cluster(), { ...PLACEMENT_POLICY_DEFAULT, ...timing });
}

function nextMove(input: MembersInput, leaving: Leaving): Command | undefined {
  let best: { readonly rank: number; readonly command: Command } | undefined;
  const groups = leaving.groups();
  if (groups.length === 0) return undefined;
  const loads = countReplicas(input.state);
  for (const placed of groups) {
    if (placed.move !== undefined || !mayMove(input, placed)) continue;
    for (const replica of placed.replicas) {
      const rank = leaving.rank(replica);
      if (rank === undefined || (best !== undefined && best.rank <= rank)) continue;
      const add = successor(input, placed, replica, loads);
      if (add === undefined && !maySpare(placed, replica)) continue;
      const { groupId } = placed;
      const out = { kind: "start-move", groupId, removeReplicaId: replica.replicaId } as const;
      const command = add === undefined ? out : { ...out, add };
      best = { rank, command };
      if (rank === 0) return command;
    }
  }
  return best?.command;
}

/**
 * The metadata group has a voter on every coordinator that formed the cluster, so a large cluster has
 * no place for a successor; three voters are enough. A dead one stays: its node may come back.
 */
export function maySpare(
  { groupId, replicas }: GroupPlacement,
  leaving: ReplicaPlacement,
): boolean {
  return (
    groupId === METADATA_GROUP_ID &&
    !isDeadReplica(leaving) &&
    replicas.length > METADATA_VOTERS_MIN
  );
}

/**
 * A shard in creation opens with a majority first; one that is being deleted needs no replicas. A group
 * without a majority can change nothing, and what its damaged replicas hold may be all there is.
 */
function mayMove(input: MembersInput, placed: GroupPlacement): boolean {
  if (!hasMajority(input, placed)) return false;
  const { groupId } = placed;
  if (groupId === METADATA_GROUP_ID) return true;
  const shard = input.state.view.shardOfGroup(groupId);
  return shard?.state === "open" || shard?.state === "closed";
}

/** Whether most of the group's replicas are there now, as far as this leader has heard. */
export function hasMajority(
  { state, isAlive }: Pick<MembersInput, "state" | "isAlive">,
  { replicas }: Pick<GroupPlacement, "replicas">,
): boolean {
  const working = replicas.filter(
    ({ nodeId, incarnation, state: replica }) =>
      replica === "created" &&
      state.nodes.get(nodeId)?.incarnation === incarnation &&
      isAlive(nodeId, incarnation),
  );
  return working.length * 2 > replicas.length;
}

/**
 * The broker that gets the replica's successor: the same node, if it came back with an empty disk, or
 * the one with the fewest replicas. Never one that shares node or host with a replica that stays.
 */
function successor(
  { state, isAlive }: MembersInput,
  { groupId, replicas }: GroupPlacement,
  leaving: ReplicaPlacement,
  loads: ReadonlyMap<number, number>,
): { readonly nodeId: number; readonly incarnation: string } | undefined {
  const staying = replicas.filter((replica) => replica !== leaving);
  const taken = new Set(staying.map(({ nodeId }) => nodeId));
  const hosts = new Set(staying.map(({ nodeId }) => state.nodes.get(nodeId)?.host));
  const zones = new Set(staying.map(({ nodeId }) => state.nodes.get(nodeId)?.zone));
  const role = groupId === METADATA_GROUP_ID ? "coordinator" : "broker";
  const mayTake = (node: NodeRecord): boolean =>
    node.roles.includes(role) &&
    node.state === "active" &&
    (node.goal ?? "serve") === "serve" &&
    !taken.has(node.nodeId) &&
    !hosts.has(node.host) &&
    // On its own disk only when it is dead: otherwise it would be in the way.
    (node.nodeId !== leaving.nodeId ||
      node.incarnation !== leaving.incarnation ||
      isDeadReplica(leaving)) &&
    isAlive(node.nodeId, node.incarnation);
  const score = ({ nodeId, zone }: NodeRecord): readonly number[] => [
    nodeId === leaving.nodeId ? 0 : 1,
    zones.has(zone) ? 1 : 0,
    loads.get(nodeId) ?? 0,
    nodeId,
  ];
  const [best] = [...state.nodes.values()].filter(mayTake).sort((a, b) => {
    const [left, right] = [score(a), score(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
  });
  return best && { nodeId: best.nodeId, incarnation: best.incarnation };
}

function countReplicas(state: MetadataState): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { replicas, move } of state.view.list("shard")) {
    for (const { nodeId } of move?.add === undefined ? replicas : [...replicas, move.add]) {
      counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
    }
  }
  return counts;
}

/** A node that was to be emptied, and is. */
function emptiedNode({ state }: MembersInput): Command | undefined {
  for (const { nodeId, goal } of state.nodes.values()) {
    if (goal !== "decommission" || replicasLeft(state, nodeId) > 0) continue;
    return { kind: "set-node-goal", nodeId, goal: "removed" };
  }
  return undefined;
}

/** Replicas on the node, and those that are on their way to it. */
export function replicasLeft(state: MetadataState, nodeId: number): number {
  const metadata = state.view.cluster()?.metadataGroup;
  let count = 0;
  for (const { replicas, move } of [
    ...(metadata === undefined ? [] : [metadata]),
    ...state.view.list("shard"),
  ]) {
    count += replicas.filter((replica) => replica.nodeId === nodeId).length;
    if (move?.add?.nodeId === nodeId) count += 1;
  }
  return count;
}

/** The record is the only order to delete (S13): it stays until the owner has followed it, or has no disk to do so. */
function retiredStep({ state, nowMs, retiredGraceMs }: MembersInput): Step {
  const replicas: { readonly groupId: number; readonly replicaId: number }[] = [];
  let waitMs = Infinity;
  for (const { groupId, replica, deletedAtMs } of state.retired.values()) {
    const owner = state.nodes.get(replica.nodeId);
    const isOwnerHere = owner?.incarnation === replica.incarnation && owner.goal !== "removed";
    if (isOwnerHere && replica.state !== "lost") continue;
    const leftMs = deletedAtMs + retiredGraceMs - nowMs;
    if (leftMs > 0) waitMs = Math.min(waitMs, leftMs);
    else replicas.push({ groupId, replicaId: replica.replicaId });
    if (replicas.length === RETIRED_PER_STEP_MAX) break;
  }
  return replicas.length > 0 ? { kind: "drop-retired", replicas } : { kind: "wait", waitMs };
}
