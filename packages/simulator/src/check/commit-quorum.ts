/**
 * Who holds an entry when it is applied for the first time.
 *
 *   O11 (S6, S8)  an entry that any replica applies is durable on a majority of the voters, as that
 *                 replica knows them, or as a leader does that may have committed it
 *
 * A leader whose own disk is slow tells others of a commit before it has applied a change of members
 * itself, and counts by the members before the change until then.
 *
 * A quorum that is counted wrong, of learners, of who was removed, of answers to another question, loses
 * nothing until the nodes that were not asked elect a leader among themselves. The count itself shows
 * it at once.
 */
import type { AppliedEntry, Group } from "@millrace/replica";

import type { DiskPromises } from "./disk-promises.ts";

export class CommitQuorum {
  readonly #disks: DiskPromises;
  readonly #nodeIds: readonly number[];
  readonly #broken: (sentence: string) => void;
  /** Of each group, in the order of their leaderships. */
  readonly #leaders = new Map<number, { readonly group: Group; readonly term: number }[]>();

  constructor(disks: DiskPromises, nodeIds: readonly number[], broken: (sentence: string) => void) {
    this.#disks = disks;
    this.#nodeIds = nodeIds;
    this.#broken = broken;
  }

  /** A leadership begins. */
  leads(group: Group, term: number): void {
    const leaders = this.#leaders.get(group.groupId) ?? [];
    leaders.push({ group, term });
    this.#leaders.set(group.groupId, leaders);
  }

  /** The entry is applied for the first time in the group. */
  applied(nodeId: number, group: Group, entry: AppliedEntry): void {
    const { index, term } = entry;
    const { groupId } = group;
    const holders = this.#holders(group, entry);
    if (isQuorum(group, holders)) return;
    const leaders = this.#leaders.get(groupId) ?? [];
    const isCommitted = leaders.some(({ group: leader, term: of }) => {
      return of >= term && isQuorum(leader, this.#holders(leader, entry));
    });
    if (isCommitted) return;
    this.#broken(
      `O11: node ${nodeId} applied entry ${index} of term ${term} of group ${groupId}, ` +
        `which only nodes ${holders.join(", ")} of ${group.membership.voters.length} voters hold`,
    );
  }

  /** Nodes of the voters, as `group` knows them, that hold the entry. */
  #holders(group: Group, { index, term }: AppliedEntry): readonly number[] {
    const { voters } = group.membership;
    return this.#nodeIds.filter((id) => {
      const replica = this.#disks.replica(id, group.groupId);
      return (
        replica !== undefined && voters.includes(replica.replicaId) && replica.holds(index, term)
      );
    });
  }
}

/** Of the outgoing half of a joint configuration a replica tells nothing. */
function isQuorum({ membership }: Group, holders: readonly number[]): boolean {
  return membership.isJoint || holders.length * 2 > membership.voters.length;
}
