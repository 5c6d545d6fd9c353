/**
 * What must hold at every moment, checked where it happens: at each role change and each entry that
 * any replica applies.
 *
 *   O1 (S6)  a group has at most one leader per term, over all lives of all nodes
 *   O2 (S2)  whatever any replica applies at an index is what every other one applies there
 *   O3 (S6)  within one life, a replica applies its entries in order, each once
 *   O4 (S6)  within one life, term and commit index of a group never go back
 */
import { crc32 } from "node:zlib";

import type { AppliedEntry, Group, Lane, StateMachine } from "@millrace/replica";

interface GroupFacts {
  newest: number;
  readonly leaders: Map<number, string>;
  readonly entries: Map<number, string>;
  readonly terms: Map<number, number>;
}

export class Oracle {
  /** Sentences, each about one broken rule. */
  readonly violations: string[] = [];
  readonly counts = { leaders: 0, applied: 0 };
  /** Told of each group that a node begins to drive. */
  onGroup: ((nodeId: number, group: Group) => void) | undefined;
  /** Told of each entry when the first replica applies it. */
  onFirstApplied: ((nodeId: number, group: Group, entry: AppliedEntry) => void) | undefined;
  /** Told of each machine that has applied something, or begins from a state. */
  onApplied: ((nodeId: number, group: Group, machine: StateMachine) => void) | undefined;
  /** Told of each leadership when it begins. */
  onLeader: ((group: Group, term: number) => void) | undefined;
  readonly #groups = new Map<number, GroupFacts>();
  readonly #seen = new WeakMap<Group, { term: number; commit: number }>();

  /** The machine, watched. */
  watch(nodeId: number, group: Group, machine: StateMachine): StateMachine {
    const facts = this.#facts(group.groupId);
    this.onGroup?.(nodeId, group);
    let lastIndex = 0;
    const seeApplied = (entries: readonly AppliedEntry[]): void => {
      for (const entry of entries) {
        if (entry.index <= lastIndex) {
          this.#broken(
            `O3: node ${nodeId} applied ${entry.index} of group ${group.groupId} after ${lastIndex}`,
          );
        }
        lastIndex = entry.index;
        this.#applied(nodeId, group, facts, entry);
      }
    };
    const watched: StateMachine = {
      apply: (entries) => {
        seeApplied(entries);
        machine.apply(entries);
        this.onApplied?.(nodeId, group, machine);
      },
      snapshot: () => machine.snapshot(),
      restore: (state, index) => {
        lastIndex = index;
        machine.restore(state, index);
        this.onApplied?.(nodeId, group, machine);
      },
      roleChanged: (change) => {
        if (change.role === "leader") this.#led(nodeId, group, facts, change.term);
        machine.roleChanged?.(change);
      },
    };
    if (machine.advanced !== undefined) watched.advanced = (index) => machine.advanced?.(index);
    if (machine.trimSnapshot !== undefined) {
      watched.trimSnapshot = (index) => machine.trimSnapshot?.(index) ?? new Uint8Array(0);
    }
    return watched;
  }

  /** Highest index that any replica of the group has applied. */
  newestApplied(groupId: number): number {
    return this.#groups.get(groupId)?.newest ?? 0;
  }

  /** Term of an entry that some replica has applied. */
  appliedTerm(groupId: number, index: number): number | undefined {
    return this.#groups.get(groupId)?.terms.get(index);
  }

  get groupIds(): Iterable<number> {
    return this.#groups.keys();
  }

  /** Looks at every group of a node; cheap enough to do often. */
  look(nodeId: number, lane: Lane): void {
    for (const group of lane.groups()) {
      const { term, commitIndex, groupId } = group;
      const before = this.#seen.get(group);
      if (before !== undefined && (term < before.term || commitIndex < before.commit)) {
        this.#broken(
          `O4: node ${nodeId} group ${groupId} went from term ${before.term}, commit ${before.commit} ` +
            `to term ${term}, commit ${commitIndex}`,
        );
      }
      this.#seen.set(group, { term, commit: commitIndex });
      if (group.failed !== undefined) {
        this.#broken(`node ${nodeId} group ${groupId} has failed: ${group.failed.message}`);
      }
    }
  }

  #led(nodeId: number, group: Group, facts: GroupFacts, term: number): void {
    this.counts.leaders += 1;
    if (facts.leaders.get(term) === undefined) this.onLeader?.(group, term);
    const name = `node ${nodeId}`;
    const before = facts.leaders.get(term);
    if (before !== undefined && before !== name) {
      this.#broken(`O1: ${before} and ${name} lead group ${group.groupId} in term ${term}`);
    }
    facts.leaders.set(term, name);
  }

  #applied(nodeId: number, group: Group, facts: GroupFacts, entry: AppliedEntry): void {
    this.counts.applied += 1;
    const what = `${entry.term}/${entry.data.length}/${crc32(entry.data)}`;
    const before = facts.entries.get(entry.index);
    if (before === undefined) {
      facts.entries.set(entry.index, what);
      facts.terms.set(entry.index, entry.term);
      facts.newest = Math.max(facts.newest, entry.index);
      this.onFirstApplied?.(nodeId, group, entry);
    } else if (before !== what) {
      this.#broken(
        `O2: node ${nodeId} applied ${what} at ${entry.index} of group ${group.groupId}, others ${before}`,
      );
    }
  }

  #broken(sentence: string): void {
    if (this.violations.length < 20) this.violations.push(sentence);
  }

  #facts(groupId: number): GroupFacts {
    let facts = this.#groups.get(groupId);
    if (facts === undefined) {
      facts = { newest: 0, leaders: new Map(), entries: new Map(), terms: new Map() };
      this.#groups.set(groupId, facts);
    }
    return facts;
  }
}
