/**
 * When a group may stop ticking.
 *
 * A process has thousands of groups, and most of them are quiet; a heartbeat for each would be the
 * largest cost of an idle cluster. So a leader whose live followers have all it has tells
 * them so and stops; a follower in exactly that state stops too. From then on the liveness of the
 * leader's node stands for its heartbeats, and any message wakes the group.
 *
 *   Z1  a group sleeps only while a quorum, the leader included, holds and has committed all
 *   Z2  a follower sleeps only with the leader, term and log that the marker names
 *   Z3  a node that missed something wakes the groups that it is in: see Peers.back
 *   Z4  a leader that was woken does not sleep again before its heartbeats had time to be answered: a follower that
 *       has started anew learns of its leader by them, and of what it has lost
 *
 * Source: reference G.3, C.2, C.4.
 */
import type { SleepMarker } from "./frame.ts";
import type { RaftHost } from "./raft-host.ts";

/** True if the leader may send markers and stop. Costs nothing before the group is idle. */
export function mayLeaderSleep(
  host: RaftHost,
  nowMs: number,
  sleepAfterMs: number,
  isLive: (nodeId: number) => boolean,
): boolean {
  const { node } = host;
  if (nowMs - host.lastActivityMs < sleepAfterMs) return false;
  if (!host.isReadyLeader || !host.reads.isIdle || host.hasUnwrittenCommit) return false;
  const last = node.lastIndex;
  if (node.commitIndex !== last || host.appliedIndex !== last) return false;
  const { progress, leadTransferee } = node.status();
  const { voters, isJoint } = host.membershipNow;
  if (leadTransferee !== 0 || isJoint) return false;
  let caughtUp = 0;
  for (const [id, one] of progress) {
    const nodeId = host.nodeOf(id);
    const isHere = id === host.replicaId || (nodeId !== undefined && isLive(nodeId));
    // A replica that is damaged says nothing, whatever it held when it was heard last.
    const isWell = id === host.replicaId || one.recentActive;
    if (one.matchIndex === last && isHere && isWell) caughtUp += one.isLearner ? 0 : 1;
    else if (isHere) return false;
  }
  return caughtUp * 2 > voters.length; // Z1
}

/** What a leader that goes to sleep tells each other member. */
export function sleepMarkers(
  host: RaftHost,
): readonly { readonly nodeId: number; readonly marker: SleepMarker }[] {
  const { groupId, replicaId: from, node, members } = host;
  const { term, commitIndex: commit } = node;
  return members
    .filter(({ replicaId }) => replicaId !== from)
    .map(({ replicaId: to, nodeId }) => ({ nodeId, marker: { groupId, to, from, term, commit } }));
}

/** True if the follower is in the state that the marker names (Z2). */
export function mayFollowerSleep(host: RaftHost, marker: SleepMarker): boolean {
  const { node } = host;
  return (
    node.state === "StateFollower" &&
    node.term === marker.term &&
    node.lead === marker.from &&
    node.lastIndex === marker.commit &&
    node.commitIndex === marker.commit &&
    host.appliedIndex === marker.commit &&
    !node.hasReady() &&
    host.reads.isIdle
  );
}
