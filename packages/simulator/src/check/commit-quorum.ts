/**
 * Who holds an entry when it is applied for the first time.
 *
 *   O11 (S6, S8)  an entry that any replica applies is durable on a majority of the voters, as that
 *                 replica knows them
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

  constructor(disks: DiskPromises, nodeIds: readonly number[], broken: (sentence: string) => void) {
    this.#disks = disks;
    this.#nodeIds = nodeIds;
    this.#broken = broken;
  }

  /** The entry is applied for the first time in the group. */
  applied(nodeId: number, group: Group, { index, term }: AppliedEntry): void {
    const { voters, isJoint } = group.membership;
    // Of the outgoing half a replica tells nothing.
    if (isJoint) return;
    const holders = this.#nodeIds.filter((id) => {
      const replica = this.#disks.replica(id, group.groupId);
      return (
        replica !== undefined && voters.includes(replica.replicaId) && replica.holds(index, term)
      );
    });
    if (holders.length * 2 > voters.length) return;
    this.#broken(
      `O11: node ${nodeId} applied entry ${index} of term ${term} of group ${group.groupId}, ` +
        `which only nodes ${holders.join(", ")} of ${voters.length} voters hold`,
    );
  }
}
