/** What NodeService.Status tells of the groups on this node, for operators and tests. */
import type { MetadataView } from "@millrace/model";
import type { GroupStatus } from "@millrace/proto";

import type { GroupFacts } from "../ports.ts";

export function groupStatuses(
  groups: Iterable<GroupFacts>,
  view: MetadataView,
): readonly GroupStatus[] {
  return [...groups].map((group) => ({
    groupId: group.groupId,
    replicaId: group.replicaId,
    kind: group.kind,
    role: group.role,
    term: group.term,
    leaderReplicaId: leaderReplicaId(group, view),
    leaderNodeId: group.leaderNodeId ?? 0,
    commitIndex: group.commitIndex,
    appliedIndex: group.appliedIndex,
    firstIndex: group.log.firstIndex(),
    lastIndex: group.lastIndex,
    asleep: group.asleep,
  }));
}

/** 0 when no leader is known, or its replica is not in this node's metadata. */
function leaderReplicaId(group: GroupFacts, view: MetadataView): number {
  if (group.role === "leader") return group.replicaId;
  const replicas = view.shardOfGroup(group.groupId)?.replicas ?? [];
  return replicas.find(({ nodeId }) => nodeId === group.leaderNodeId)?.replicaId ?? 0;
}
