/**
 * The next step from the members that a group has to those that it should have.
 *
 *   a new replica comes in as a learner  ->  it has caught up  ->  one joint change makes it a voter
 *   and takes the old one out  ->  the leader leaves the joint configuration by itself
 *
 * A voter that still lacks the log would count in quorums without being able to help them, so a
 * swap before that could stop a group that worked. The function looks only at what the leader
 * has applied, so any later leader goes on from where the former was.
 *
 * Source: Ongaro thesis 4.2.1 (catching up new servers), 4.3 (joint consensus), 4.2.2 (removing the leader).
 */
import type { ConfChangeSingle } from "@millrace/raft-ts";
import type { ConfState } from "@millrace/storage";

import { isJoint } from "./membership.ts";

export type MembershipStep =
  /** The voters are the wanted ones, and nothing is left over. */
  | { readonly kind: "there" }
  | { readonly kind: "wait"; readonly why: string }
  | { readonly kind: "transfer"; readonly to: number }
  | { readonly kind: "change"; readonly changes: readonly ConfChangeSingle[] };

export interface MembershipInput {
  /** The leader's own replica id. */
  readonly self: number;
  /** Applied here. */
  readonly confState: ConfState;
  /** A change is in the log that is not applied. */
  readonly isPending: boolean;
  /** Replica ids of the voters that the group should have, at least one. */
  readonly wanted: readonly number[];
  /** The replica answers and has all but the newest entries. */
  readonly isCaughtUp: (replicaId: number) => boolean;
}

export function nextMembershipStep(input: MembershipInput): MembershipStep {
  const { self, confState, isPending, wanted, isCaughtUp } = input;
  if (isPending || isJoint(confState)) return wait("a change is under way");
  const { voters, learners } = confState;
  const leftOver = learners.filter((id) => !wanted.includes(id));
  if (leftOver.length > 0) return change("ConfChangeRemoveNode", leftOver);
  const missing = wanted.filter((id) => !voters.includes(id));
  const unknown = missing.filter((id) => !learners.includes(id));
  if (unknown.length > 0) return change("ConfChangeAddLearnerNode", unknown);
  const behind = missing.filter((id) => !isCaughtUp(id));
  if (behind.length > 0) return wait(`replica ${behind.join(", ")} catches up`);
  const leaving = voters.filter((id) => !wanted.includes(id));
  if (missing.length === 0 && leaving.length === 0) return { kind: "there" };
  if (leaving.includes(self)) {
    // A leader that removes itself ends every proposal that waits; one that hands over first ends none.
    const heir = voters.find((id) => wanted.includes(id) && isCaughtUp(id));
    if (heir !== undefined) return { kind: "transfer", to: heir };
    if (missing.length === 0) return wait("no other voter could lead");
    return change("ConfChangeAddNode", missing);
  }
  return {
    kind: "change",
    changes: [
      ...missing.map((nodeId) => ({ type: "ConfChangeAddNode", nodeId }) as const),
      ...leaving.map((nodeId) => ({ type: "ConfChangeRemoveNode", nodeId }) as const),
    ],
  };
}

function wait(why: string): MembershipStep {
  return { kind: "wait", why };
}

function change(type: ConfChangeSingle["type"], ids: readonly number[]): MembershipStep {
  return { kind: "change", changes: ids.map((nodeId) => ({ type, nodeId })) };
}
