/**
 * Changes of who is in a group: decided here, carried out by the group's leader, recorded when it says so.
 *
 *   start-move  ->  the new replica is made and reports `created`  ->  the group's leader changes the
 *   members by joint consensus  ->  report-members  ->  the old replica is retired, which is the order to delete it
 *
 * `replicas` is what a leader reported, never what was wished for: placement, routing and the next
 * decision go by it. Each group has one move at a time.
 *
 *   R1  no two replicas of a group on one node, nor under one host label
 *   R2  a replica id is given out once
 *   R3  a replica that leaves a group is retired in the same command (S13)
 */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { GroupPlacement, ReplicaPlacement } from "@millrace/model";

import type { CommandOf } from "./command.ts";
import type { Draft } from "./draft.ts";
import type { Outcome } from "./outcome.ts";
import { refuse } from "./outcome.ts";

export function startMove(draft: Draft, command: CommandOf<"start-move">): Outcome {
  const { groupId, add, removeReplicaId, reason: why } = command;
  const cluster = draft.view.cluster();
  const placed = draft.placement(groupId);
  if (cluster === undefined || placed === undefined) {
    return refuse("not-found", `group ${groupId} is not known`);
  }
  if (placed.move !== undefined) {
    return refuse("wrong-state", `group ${groupId} has a move under way`);
  }
  const staying = placed.replicas.filter(({ replicaId }) => replicaId !== removeReplicaId);
  const removes = staying.length < placed.replicas.length;
  if (removes !== (removeReplicaId !== undefined) || (staying.length === 0 && add === undefined)) {
    return refuse("wrong-state", `group ${groupId} has no replica ${removeReplicaId} to spare`);
  }
  const move = {
    ...(removeReplicaId === undefined ? {} : { removeReplicaId }),
    fromConfIndex: placed.confIndex ?? 0,
    cancelled: false,
    ...(why === undefined ? {} : { reason: why }),
  };
  const initialVoters = placed.initialVoters ?? placed.replicas.map(({ replicaId }) => replicaId);
  if (add === undefined) {
    draft.putPlacement({ ...placed, initialVoters, move });
    return undefined;
  }
  const reason = whyNotOn(draft, add, staying);
  if (reason !== undefined) return refuse("wrong-state", reason);
  const added = { ...add, replicaId: cluster.nextReplicaId, state: "creating" as const };
  draft.putCluster({ ...cluster, nextReplicaId: cluster.nextReplicaId + 1 }); // R2
  draft.putPlacement({ ...placed, initialVoters, move: { ...move, add: added } });
  return undefined;
}

/** R1, and that the disk is the one that was meant. */
function whyNotOn(
  draft: Draft,
  add: { readonly nodeId: number; readonly incarnation: string },
  staying: readonly ReplicaPlacement[],
): string | undefined {
  const node = draft.view.node(add.nodeId);
  if (node?.incarnation !== add.incarnation) {
    return `node ${add.nodeId} is not ${add.incarnation} any more`;
  }
  const clash = staying.find(
    ({ nodeId }) => nodeId === add.nodeId || draft.view.node(nodeId)?.host === node.host,
  );
  if (clash === undefined) return undefined;
  return `nodes ${add.nodeId} and ${clash.nodeId} share the host ${node.host}`;
}

export function cancelMove(draft: Draft, command: CommandOf<"cancel-move">): Outcome {
  const placed = draft.placement(command.groupId);
  if (placed?.move === undefined || placed.move.cancelled) return undefined;
  draft.putPlacement({ ...placed, move: { ...placed.move, cancelled: true } });
  return undefined;
}

/**
 * The group's leader says who its voters are, from which log index on. The index orders reports of
 * different leaders, so one that comes late says nothing.
 */
export function reportMembers(draft: Draft, command: CommandOf<"report-members">): Outcome {
  const { groupId, confIndex, voters, nowMs } = command;
  const placed = draft.placement(groupId);
  if (placed === undefined || confIndex <= (placed.confIndex ?? 0)) return undefined;
  const { add } = placed.move ?? {};
  const possible = add === undefined ? placed.replicas : [...placed.replicas, add];
  const replicas = possible.filter(({ replicaId }) => voters.includes(replicaId));
  if (replicas.length !== voters.length) {
    return refuse(
      "wrong-state",
      `group ${groupId} has voters ${voters.join()}, of which some are not known`,
    );
  }
  const left = possible.filter(({ replicaId }) => !voters.includes(replicaId));
  const deletedAtMs = draft.graceFrom(nowMs);
  for (const replica of left) draft.putRetired({ groupId, replica, deletedAtMs }); // R3
  const { move: _, ...rest } = placed;
  draft.putPlacement({ ...rest, replicas: inPlace(placed, replicas), confIndex });
  return undefined;
}

/** A new replica takes the old one's place in the order of preference. */
function inPlace(
  { replicas: before, move }: GroupPlacement,
  after: readonly ReplicaPlacement[],
): readonly ReplicaPlacement[] {
  const at = before.findIndex(({ replicaId }) => replicaId === move?.removeReplicaId);
  const added = after.find(({ replicaId }) => replicaId === move?.add?.replicaId);
  if (at < 0 || added === undefined) return after;
  const others = after.filter((replica) => replica !== added);
  return [...others.slice(0, at), added, ...others.slice(at)];
}

/** Records that are not there any more are passed over: another leader may have dropped them. */
export function dropRetired(draft: Draft, command: CommandOf<"drop-retired">): Outcome {
  for (const { groupId, replicaId } of command.replicas) {
    if (draft.retired(groupId, replicaId) !== undefined) draft.removeRetired(groupId, replicaId);
  }
  return undefined;
}

/** `removed` only when the node holds nothing: whoever asks for it looked at a state that may be old. */
export function setNodeGoal(draft: Draft, command: CommandOf<"set-node-goal">): Outcome {
  const { nodeId, goal } = command;
  const node = draft.view.node(nodeId);
  if (node === undefined) return refuse("not-found", `node ${nodeId} is not known`);
  if (goal === "removed" && holdsReplicas(draft, nodeId)) {
    return refuse("wrong-state", `node ${nodeId} still holds replicas`);
  }
  if ((node.goal ?? "serve") !== goal) draft.putNode({ ...node, goal });
  return undefined;
}

function holdsReplicas(draft: Draft, nodeId: number): boolean {
  const isThere = ({ replicas, move }: GroupPlacement): boolean =>
    move?.add?.nodeId === nodeId || replicas.some((replica) => replica.nodeId === nodeId);
  const metadata = draft.placement(METADATA_GROUP_ID);
  if (metadata !== undefined && isThere(metadata)) return true;
  return draft.view.list("shard").some(isThere);
}
