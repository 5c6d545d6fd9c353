/**
 * When a replica's data may go, and which replicas nobody knows.
 *
 * A wrong or hasty order to delete is the one mistake that replication does not undo: it reaches all
 * replicas at once. So the committed order is followed only after a grace, in which the data sits
 * unharmed. The grace is counted on the cluster's clock, which the coordinator commits: a broker whose
 * own clock leaps, or that was asleep for a day, deletes nothing early by it.
 *
 * Source: architecture S13; reference G.12 (tombstone and grace), D.1 (orphans deleted cluster-wide).
 */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { MetadataView, ReplicaPlacement } from "@millrace/model";
import { placementPolicy } from "@millrace/model";

/** Whether the grace of what was ordered to go at `deletedAtMs` is over. */
export function isGraceOver(
  view: MetadataView,
  { groupId, deletedAtMs }: { readonly groupId: number; readonly deletedAtMs: number },
): boolean {
  // The group's other voters have all of it, and who tails this one would be told of an old past.
  if (groupId === METADATA_GROUP_ID) return true;
  const cluster = view.cluster();
  if (cluster === undefined) return false;
  return cluster.trimClockMs >= deletedAtMs + placementPolicy(cluster).dropGraceMs;
}

/**
 * Replicas here that metadata neither places, nor moves, nor has ordered to go. They are kept: what
 * is missing from a list may be missing by mistake.
 */
export function unknownReplicas<
  Replica extends { readonly groupId: number; readonly replicaId: number },
>(view: MetadataView, here: Iterable<Replica>): readonly Replica[] {
  if (!view.ready) return [];
  const named = new Set<string>();
  const name = (groupId: number, replicas: readonly ReplicaPlacement[]): void => {
    for (const { replicaId } of replicas) named.add(`${groupId}/${replicaId}`);
  };
  for (const { groupId, replicas } of view.list("tombstone")) name(groupId, replicas);
  for (const { groupId, replica } of view.list("retired")) name(groupId, [replica]);
  return [...here].filter(({ groupId, replicaId }) => {
    const cluster = view.cluster();
    if (groupId === METADATA_GROUP_ID && cluster?.metadataGroup === undefined) return false;
    const placed =
      groupId === METADATA_GROUP_ID ? cluster?.metadataGroup : view.shardOfGroup(groupId);
    const added = placed?.move?.add;
    name(groupId, placed?.replicas ?? []);
    name(groupId, added === undefined ? [] : [added]);
    return !named.has(`${groupId}/${replicaId}`);
  });
}
