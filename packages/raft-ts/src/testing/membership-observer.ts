/**
 * The memberships of a cluster, looked at from outside.
 *
 *   S7  all nodes have the same membership at the same index, and a quorum of one shares a node
 *       with every quorum of the next
 *
 * A violation throws: two quorums without a common node can elect two leaders.
 */
import { isSameConfState } from "../conf-change.ts";
import { describeConfState } from "../describe.ts";
import type { ConfState, Snapshot } from "../types.ts";

/** The memberships that were applied, by the index of the entry that made them. */
export class MembershipObserver {
  readonly #made: { readonly index: number; readonly confState: ConfState }[] = [];

  get count(): number {
    return this.#made.length;
  }

  /** The membership that the cluster starts with, or one that a node has applied. */
  note(id: number, index: number, confState: ConfState): void {
    const last = this.#made.at(-1);
    if (last !== undefined && index <= last.index) {
      this.#check(id, index, confState);
      return;
    }
    if (last !== undefined && !doQuorumsMeet(last.confState, confState)) {
      throw new Error(
        `S7: quorums of ${describeConfState(last.confState)} and of the next, ` +
          `${describeConfState(confState)} at ${index}, need not meet`,
      );
    }
    this.#made.push({ index, confState });
  }

  /** A snapshot is installed. */
  noteSnapshot(id: number, { index, confState }: Snapshot): void {
    this.#check(id, index, confState);
  }

  #check(id: number, index: number, confState: ConfState): void {
    const known = this.#made.findLast((one) => one.index <= index)?.confState;
    if (known !== undefined && isSameConfState(known, confState)) return;
    throw new Error(
      `S7: node ${id} has ${describeConfState(confState)} at ${index}, ` +
        `others ${known === undefined ? "none" : describeConfState(known)}`,
    );
  }
}

/** True if no quorum of one is without a node of every quorum of the other. By trying them all. */
export function doQuorumsMeet(a: ConfState, b: ConfState): boolean {
  const ids = [
    ...new Set([a, b].flatMap(({ voters, votersOutgoing }) => [...voters, ...votersOutgoing])),
  ];
  for (let bits = 0; bits < 2 ** ids.length; bits += 1) {
    const some = new Set(ids.filter((_, i) => (bits >> i) % 2 === 1));
    const others = new Set(ids.filter((id) => !some.has(id)));
    if (isQuorum(a, some) && isQuorum(b, others)) return false;
  }
  return true;
}

function isQuorum({ voters, votersOutgoing }: ConfState, ids: ReadonlySet<number>): boolean {
  return [voters, votersOutgoing].every(
    (half) => half.length === 0 || half.filter((id) => ids.has(id)).length * 2 > half.length,
  );
}
