/** The cluster as a whole: its forming, its processes, keys and limits. */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { GroupPlacement, NodeRecord } from "@millrace/model";

import type { CommandOf } from "./command.ts";
import type { Draft } from "./draft.ts";
import { withState } from "./apply-replicas.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import { refuse } from "./outcome.ts";

/** Group 1 is the metadata group itself. */
const FIRST_SHARD_GROUP_ID = 2;

export function formCluster(draft: Draft, command: CommandOf<"form-cluster">): Outcome {
  const formed = draft.view.cluster();
  if (formed !== undefined) {
    if (formed.clusterId === command.clusterId) return undefined;
    return refuse("already-exists", `this is cluster ${formed.clusterId} already`);
  }
  const { clusterId, account, region, createdAtMs, limits, sealedTokenKey } = command;
  draft.putCluster({
    clusterId,
    account,
    region,
    createdAtMs,
    limits,
    nextGroupId: FIRST_SHARD_GROUP_ID,
    nextReplicaId: command.nextReplicaId,
    sealedTokenKey,
    trimClockMs: createdAtMs,
    ...(command.voters === undefined
      ? {}
      : { metadataGroup: { groupId: METADATA_GROUP_ID, replicas: command.voters } }),
  });
  for (const node of command.nodes) draft.putNode(node);
  const { accessKeyId, sealedSecret } = command;
  draft.putAccessKey({ accessKeyId, account, sealedSecret, createdAtMs });
  return undefined;
}

/**
 * Another incarnation under a known node id is an empty disk: what metadata placed on the former one
 * is lost, and is recorded so at once, because nobody is left who could report it (S8).
 */
export function registerNode(draft: Draft, command: CommandOf<"register-node">): Outcome {
  if (draft.view.cluster() === undefined) return notFormed();
  const known = draft.view.node(command.node.nodeId);
  const node = withGoal(command.node, known);
  if (known?.incarnation === node.incarnation && node.bootEpoch < known.bootEpoch) {
    return refuse(
      "wrong-state",
      `node ${node.nodeId} registers with bootEpoch ${node.bootEpoch}, but known is ` +
        `${known.bootEpoch}: a later start of it is running`,
    );
  }
  if (known !== undefined && sameNode(known, node)) return undefined;
  draft.putNode(node);
  if (known !== undefined && known.incarnation !== node.incarnation) loseReplicas(draft, known);
  return undefined;
}

/** What a person asked for outlives a restart; a node that was removed and comes back is a new one. */
function withGoal(node: NodeRecord, known: NodeRecord | undefined): NodeRecord {
  const isBack = known?.goal === "removed" && known.incarnation !== node.incarnation;
  return known?.goal === undefined || isBack ? node : { ...node, goal: known.goal };
}

function loseReplicas(draft: Draft, former: NodeRecord): void {
  const metadata = draft.placement(METADATA_GROUP_ID);
  if (metadata !== undefined) loseReplicasOf(draft, former, metadata);
  for (const shard of draft.view.list("shard")) loseReplicasOf(draft, former, shard);
}

function loseReplicasOf(draft: Draft, former: NodeRecord, placed: GroupPlacement): void {
  const added = placed.move?.add;
  for (const replica of added === undefined ? placed.replicas : [...placed.replicas, added]) {
    const isOn = replica.nodeId === former.nodeId && replica.incarnation === former.incarnation;
    if (!isOn || replica.state === "lost") continue;
    draft.putPlacement(withState(placed, replica, "lost")); // at most one replica of a group per node
  }
}

export function setNodeState(draft: Draft, command: CommandOf<"set-node-state">): Outcome {
  const node = draft.view.node(command.nodeId);
  if (node?.incarnation !== command.incarnation) {
    return refuse("not-found", `node ${command.nodeId} of ${command.incarnation} is not known`);
  }
  if (node.state !== command.state) draft.putNode({ ...node, state: command.state });
  return undefined;
}

export function createAccessKey(draft: Draft, command: CommandOf<"create-access-key">): Outcome {
  if (draft.view.cluster() === undefined) return notFormed();
  const { accessKeyId, account, sealedSecret, nowMs } = command;
  if (draft.view.accessKey(accessKeyId) !== undefined) {
    return refuse("already-exists", `access key ${accessKeyId} already exists`);
  }
  draft.putAccessKey({ accessKeyId, account, sealedSecret, createdAtMs: nowMs });
  return undefined;
}

export function updateLimits(draft: Draft, command: CommandOf<"update-limits">): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return notFormed();
  draft.putCluster({ ...cluster, limits: command.limits });
  return undefined;
}

/** Only forwards: a leader with a slow clock must not take back what brokers may have trimmed by (S9). */
export function advanceTrimClock(draft: Draft, command: CommandOf<"advance-trim-clock">): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return notFormed();
  if (command.nowMs <= cluster.trimClockMs) return undefined;
  draft.putCluster({ ...cluster, trimClockMs: command.nowMs });
  return undefined;
}

/** Compares as text with sorted members: a record that came through the log has them in any order. */
function sameNode(a: NodeRecord, b: NodeRecord): boolean {
  return sortedText(a) === sortedText(b);
}

function sortedText({ addresses, ...rest }: NodeRecord): string {
  const members = [...Object.entries(rest), ...Object.entries(addresses)];
  return JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function notFormed(): Refusal {
  return refuse("unavailable", "the cluster is not formed yet");
}
