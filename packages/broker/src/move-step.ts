/**
 * What a group's leader makes of a move in its metadata.
 *
 * A leader's metadata may be old, and a move in it over or taken back. So a move begins only from the
 * members from which it was decided, told apart by the log index at which they became so; once its new
 * replica is in the group, it is under way and goes on. A move that is taken back before it began moves
 * that index, which voids the order for every leader that has not heard of it.
 */
import type { GroupPlacement } from "@millrace/model";
import type { GroupMember, GroupMembership } from "@millrace/replica";

export interface NextMove {
  readonly members: readonly GroupMember[];
  /** The members are these already, and only the index is to grow. */
  readonly anew: boolean;
}

/** The members to ask the group for; undefined when there is nothing to do now. */
export function nextMove(placed: GroupPlacement, now: GroupMembership): NextMove | undefined {
  const { replicas, move } = placed;
  if (move === undefined) return undefined;
  const { add, removeReplicaId, fromConfIndex, cancelled } = move;
  const staying = replicas.filter(({ replicaId }) => replicaId !== removeReplicaId);
  const isIn = add !== undefined && [...now.voters, ...now.learners].includes(add.replicaId);
  const isUnderWay = isIn || now.isJoint;
  if (!isUnderWay && now.confIndex !== fromConfIndex) return undefined;
  if (cancelled) {
    // Too late once the new replica votes: then the move ends as if it had not been taken back.
    const isDone = isIn && now.voters.includes(add.replicaId);
    if (!isDone) return { members: members(replicas), anew: !isUnderWay };
  } else if (!isUnderWay && add !== undefined && add.state !== "created") return undefined;
  return { members: members(add === undefined ? staying : [...staying, add]), anew: false };
}

function members(
  replicas: readonly { readonly replicaId: number; readonly nodeId: number }[],
): readonly GroupMember[] {
  return replicas.map(({ replicaId, nodeId }) => ({ replicaId, nodeId }));
}
