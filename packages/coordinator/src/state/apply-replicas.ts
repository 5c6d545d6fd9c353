/** Brokers' words on the replicas that metadata places on them, and what is left of deleted ones. */
import type { GroupPlacement, ReplicaPlacement, ReplicaState } from "@millrace/model";
import { isDeadReplica, isUnopenedShard } from "@millrace/model";

import type { CommandOf, ReportedReplica } from "./command.ts";
import type { Draft } from "./draft.ts";
import type { Outcome } from "./outcome.ts";
import { refuse } from "./outcome.ts";

/**
 * A replica goes creating, created, damaged, lost and never back: a broker that lacks a replica it once
 * confirmed has lost its votes, and making it again under its old id would break S7; of one that is
 * damaged, nobody knows which votes it still has. Reports of
 * groups that are not known, or of replicas that are not the sender's, say nothing.
 */
export function reportReplicas(draft: Draft, command: CommandOf<"report-replicas">): Outcome {
  const node = draft.view.node(command.nodeId);
  if (node?.incarnation !== command.incarnation) {
    return refuse(
      "wrong-state",
      `node ${command.nodeId} reports as ${command.incarnation}, but registered is ` +
        `${node?.incarnation ?? "nothing"}: register again`,
    );
  }
  for (const report of command.replicas) {
    if (report.state === "removed") reportRemoved(draft, report, command);
    else reportState(draft, report, command);
  }
  return undefined;
}

/** Orders the states that a replica goes through. */
const AGE: Readonly<Record<ReplicaState, number>> = {
  creating: 0,
  created: 1,
  damaged: 2,
  lost: 3,
};

type Sender = CommandOf<"report-replicas">;

function reportState(draft: Draft, report: ReportedReplica, sender: Sender): void {
  const shard = draft.placement(report.groupId);
  const added = shard?.move?.add;
  const known = added === undefined ? (shard?.replicas ?? []) : [...(shard?.replicas ?? []), added];
  const replica = known.find((other) => isSenders(other, report, sender));
  if (shard === undefined || replica === undefined || report.state === "removed") return;
  const { state } = report;
  if (state === "lost" && replica.state === "creating") return; // it never was: the order stands
  if (AGE[state] > AGE[replica.state]) draft.putPlacement(withState(shard, replica, state));
  const isUnopened = isUnopenedShard(draft.shardOfGroup(report.groupId) ?? { state: "open" });
  if (report.leading && state === "created" && isUnopened && !isDeadReplica(replica)) {
    draft.setLed(report.groupId, true);
  }
}

export function withState(
  placed: GroupPlacement,
  replica: ReplicaPlacement,
  state: ReplicaState,
): GroupPlacement {
  const { replicas, move } = placed;
  const set = (other: ReplicaPlacement) => (other === replica ? { ...other, state } : other);
  return {
    ...placed,
    replicas: replicas.map(set),
    ...(move?.add === undefined ? {} : { move: { ...move, add: set(move.add) } }),
  };
}

function reportRemoved(draft: Draft, report: ReportedReplica, sender: Sender): void {
  const retired = draft.retired(report.groupId, report.replicaId);
  if (retired !== undefined && isSenders(retired.replica, report, sender)) {
    draft.removeRetired(report.groupId, report.replicaId);
  }
  const tombstone = draft.tombstone(report.groupId);
  if (tombstone === undefined) return;
  const replicas = tombstone.replicas.filter((other) => !isSenders(other, report, sender));
  if (replicas.length === tombstone.replicas.length) return;
  draft.putTombstone({ ...tombstone, replicas });
}

function isSenders(replica: ReplicaPlacement, report: ReportedReplica, sender: Sender): boolean {
  return (
    replica.replicaId === report.replicaId &&
    replica.nodeId === sender.nodeId &&
    replica.incarnation === sender.incarnation
  );
}

/** Tombstones that are not there any more are passed over: another leader may have dropped them. */
export function dropTombstones(draft: Draft, command: CommandOf<"drop-tombstones">): Outcome {
  for (const groupId of command.groupIds) {
    if (draft.tombstone(groupId) !== undefined) draft.removeTombstone(groupId);
  }
  return undefined;
}
