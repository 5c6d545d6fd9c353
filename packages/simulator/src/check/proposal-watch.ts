/**
 * Every proposal, held against what became of it.
 *
 *   O29 (S11)  a proposal is acknowledged when its own entry was applied, and not another one in its place
 *   O30 (S11)  what goes into a shard names the term whose offsets it was numbered by
 *
 * A client notices a false acknowledgement only if its process lives until the end, and if its broker
 * does not fail the call for a second reason. Here it is noticed whenever it is given.
 */
import { StreamError } from "@millrace/base";
import type { Group } from "@millrace/replica";

export interface ProposalWatchDeps {
  /** Term of an entry that any replica has applied. */
  readonly appliedTerm: (groupId: number, index: number) => number | undefined;
  readonly broken: (sentence: string) => void;
}

export class ProposalWatch {
  readonly #deps: ProposalWatchDeps;

  constructor(deps: ProposalWatchDeps) {
    this.#deps = deps;
  }

  /** Looks at each proposal to the group from now on. */
  watch(nodeId: number, group: Group): void {
    const propose = group.propose.bind(group);
    const { groupId, kind } = group;
    group.propose = (data, expectedTerm, done) => {
      const at = propose(data, expectedTerm, (error) => {
        if (error === undefined && !(at instanceof StreamError))
          this.#acknowledged(nodeId, group, at);
        done(error);
      });
      if (kind === "shard" && expectedTerm === undefined) {
        this.#deps.broken(
          `O30: node ${nodeId} proposes to group ${groupId} in whatever term it is`,
        );
      }
      return at;
    };
  }

  #acknowledged(
    nodeId: number,
    { groupId }: Group,
    { index, term }: { readonly index: number; readonly term: number },
  ): void {
    const applied = this.#deps.appliedTerm(groupId, index);
    if (applied === term) return;
    this.#deps.broken(
      `O29: node ${nodeId} acknowledges entry ${index} of term ${term} of group ${groupId}, ` +
        `where one of term ${applied ?? "none"} was applied`,
    );
  }
}
