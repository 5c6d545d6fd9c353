/** How the cluster looks after its replicas: settings, silence of nodes, and who is wanted as leader. */
import { METADATA_GROUP_ID } from "@millrace/base";

import type { CommandOf } from "./command.ts";
import type { Draft } from "./draft.ts";
import type { Outcome } from "./outcome.ts";
import { refuse } from "./outcome.ts";

/** A process that came back with another disk, or registered meanwhile, is not the one that was silent. */
export function setNodeSilence(draft: Draft, command: CommandOf<"set-node-silence">): Outcome {
  const { nodeId, incarnation, silentSinceMs } = command;
  const known = draft.view.node(nodeId);
  if (known?.incarnation !== incarnation) {
    return refuse("not-found", `node ${nodeId} of ${incarnation} is not known`);
  }
  if (known.silentSinceMs === silentSinceMs) return undefined;
  const { silentSinceMs: _, ...node } = known;
  draft.putNode(silentSinceMs === undefined ? node : { ...node, silentSinceMs });
  return undefined;
}

export function updatePlacementPolicy(
  draft: Draft,
  { policy }: CommandOf<"update-placement-policy">,
): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return refuse("unavailable", "the cluster is not formed yet");
  draft.putCluster({ ...cluster, placementPolicy: { ...cluster.placementPolicy, ...policy } });
  return undefined;
}

export function setRebalancing(draft: Draft, { on, nowMs }: CommandOf<"set-rebalancing">): Outcome {
  const known = draft.view.cluster();
  if (known === undefined) return refuse("unavailable", "the cluster is not formed yet");
  if (on === (known.rebalancingSinceMs !== undefined)) return undefined;
  const { rebalancingSinceMs: _, ...cluster } = known;
  draft.putCluster(on ? { ...cluster, rebalancingSinceMs: nowMs } : cluster);
  return undefined;
}

/** Once: from then on the record is what a leader of the group reports. */
export function recordMetadataGroup(
  draft: Draft,
  { replicas }: CommandOf<"record-metadata-group">,
): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return refuse("unavailable", "the cluster is not formed yet");
  if (cluster.metadataGroup !== undefined) return undefined;
  const highest = Math.max(...replicas.map(({ replicaId }) => replicaId));
  draft.putCluster({
    ...cluster,
    nextReplicaId: Math.max(cluster.nextReplicaId, highest + 1),
    metadataGroup: { groupId: METADATA_GROUP_ID, replicas },
  });
  return undefined;
}

/** The first in the list is preferred as leader. Groups that changed meanwhile are passed over. */
export function preferLeaders(draft: Draft, { leaders }: CommandOf<"prefer-leaders">): Outcome {
  for (const { groupId, replicaId } of leaders) {
    const placed = draft.placement(groupId);
    const first = placed?.replicas.find((replica) => replica.replicaId === replicaId);
    if (placed === undefined || first === undefined || placed.replicas[0] === first) continue;
    const others = placed.replicas.filter((replica) => replica !== first);
    draft.putPlacement({ ...placed, replicas: [first, ...others] });
  }
  return undefined;
}
