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

  /** Voters of each group outside of joint configurations, by the index from which on they counted. */
  readonly #voters = new Map<number, Map<number, readonly number[]>>();

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
    this.#note(group);
    const holders = this.#holders(group, entry);
    if (this.#isQuorum(group, entry)) return;
    const leaders = this.#leaders.get(groupId) ?? [];
    const isCommitted = leaders.some(({ group: leader, term: of }) => {
      return of >= term && (this.#isQuorum(leader, entry) || this.#wasQuorum(leader, entry));
    });
    if (isCommitted) return;
    this.#broken(
      `O11: node ${nodeId} applied entry ${index} of term ${term} of group ${groupId}, ` +
        `which only nodes ${holders.join(", ")} of ${group.membership.voters.length} voters hold`,
    );
  }

  /** Whoever applies in a joint configuration, some replica has applied in the one before it. */
  #note({ groupId, membership }: Group): void {
    if (membership.isJoint) return;
    const known = this.#voters.get(groupId) ?? new Map<number, readonly number[]>();
    known.set(membership.confIndex, membership.voters);
    this.#voters.set(groupId, known);
  }

  /**
   * A leader that has committed an entry behind a change of members and the change itself may apply both at
   * once: it has counted by the members before it, and only now says that others count.
   */
  #wasQuorum(leader: Group, entry: AppliedEntry): boolean {
    const { confIndex } = leader.membership;
    if (entry.index <= confIndex) return false;
    const before = this.#votersBefore(leader);
    return before !== undefined && this.#holders(leader, entry, before).length * 2 > before.length;
  }

  /** The newest voters outside of a joint configuration that counted before those of now. */
  #votersBefore({ groupId, membership }: Group): readonly number[] | undefined {
    const known = [...(this.#voters.get(groupId) ?? [])];
    const earlier = known.filter(([at]) => at < membership.confIndex);
    return earlier.toSorted(([a], [b]) => b - a)[0]?.[1];
  }

  /** In a joint configuration both halves decide: the voters that come, and those before it. */
  #isQuorum(group: Group, entry: AppliedEntry): boolean {
    const { voters, isJoint } = group.membership;
    const isMajority = (of: readonly number[]): boolean =>
      this.#holders(group, entry, of).length * 2 > of.length;
    if (!isMajority(voters)) return false;
    if (!isJoint) return true;
    const outgoing = this.#votersBefore(group);
    return outgoing === undefined || isMajority(outgoing);
  }

  /** Nodes of the voters, as `group` knows them unless told, that hold the entry. */
  #holders(
    group: Group,
    { index, term }: AppliedEntry,
    voters = group.membership.voters,
  ): readonly number[] {
    return this.#nodeIds.filter((id) => {
      const replica = this.#disks.replica(id, group.groupId);
      return (
        replica !== undefined && voters.includes(replica.replicaId) && replica.holds(index, term)
      );
    });
  }
}
