/** What NodeService.Status tells of the groups on this node, for operators and tests. */
import type { MetadataView } from "@millrace/model";
import type { GroupStatus } from "@millrace/proto";

import type { GroupFacts } from "../ports.ts";
import { unknownReplicas } from "../reconcile-drops.ts";

export function groupStatuses(
  view: MetadataView,
  groups: readonly GroupFacts[],
): readonly GroupStatus[] {
  const unknown = new Set(unknownReplicas(view, groups));
  return groups.map((group) => ({
    groupId: group.groupId,
    replicaId: group.replicaId,
    kind: group.kind,
    role: group.role,
    term: group.term,
    leaderReplicaId: leaderReplicaId(group),
    leaderNodeId: group.leaderNodeId ?? 0,
    commitIndex: group.commitIndex,
    appliedIndex: group.appliedIndex,
    firstIndex: group.log.firstIndex(),
    lastIndex: group.lastIndex,
    asleep: group.asleep,
    unknown: unknown.has(group),
  }));
}

/** 0 when no leader is known. */
function leaderReplicaId({ members, leaderNodeId }: GroupFacts): number {
  return members.find(({ nodeId }) => nodeId === leaderNodeId)?.replicaId ?? 0;
}
