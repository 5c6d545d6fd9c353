/**
 * Two majorities that must both agree.
 *
 * While a group moves from one configuration to another, neither may decide alone: that is all
 * of joint consensus. Outside of a move the second half is empty and agrees to everything.
 *
 * Source: Ongaro thesis 4.3.
 */
import {
  majorityCommittedIndex,
  majorityToString,
  majorityVoteResult,
  sortedIds,
  type AckedIndexer,
  type MajorityConfig,
  type VoteResult,
} from "./quorum-majority.ts";

/** Incoming voters, then outgoing voters (empty when the configuration is not joint). */
export type JointConfig = readonly [incoming: MajorityConfig, outgoing: MajorityConfig];

/** The index that both halves have acknowledged. */
export function jointCommittedIndex(voters: JointConfig, acked: AckedIndexer): number {
  return Math.min(
    majorityCommittedIndex(voters[0], acked),
    majorityCommittedIndex(voters[1], acked),
  );
}

/** Won if both halves won, lost as soon as one is lost. */
export function jointVoteResult(
  voters: JointConfig,
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  const incoming = majorityVoteResult(voters[0], votes);
  const outgoing = majorityVoteResult(voters[1], votes);
  if (incoming === outgoing) return incoming;
  if (incoming === "VoteLost" || outgoing === "VoteLost") return "VoteLost";
  return "VotePending";
}

/** True if `id` votes in either half. */
export function isJointVoter(voters: JointConfig, id: number): boolean {
  return voters[0].has(id) || voters[1].has(id);
}

/** Voters of both halves in ascending order, each once. */
export function jointIds(voters: JointConfig): number[] {
  return sortedIds(new Set([...voters[0], ...voters[1]]));
}

/** `(1 2 3)` or, in joint state, `(1 2 3)&&(1)`. */
export function jointToString(voters: JointConfig): string {
  const incoming = majorityToString(voters[0]);
  return voters[1].size === 0 ? incoming : `${incoming}&&${majorityToString(voters[1])}`;
}
