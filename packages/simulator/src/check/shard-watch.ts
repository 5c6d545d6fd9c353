/**
 * The state machines of shards, held against each other and against what a seal means.
 *
 *   O14 (S2, S9)  replicas of a group that have applied the same entries hold the same state, trim point
 *                 and memory of producers included
 *   O15 (S10)     a shard takes nothing behind its seal
 *   O16 (S10)     a child takes nothing before all its parents are sealed
 *
 * Entries that are equal everywhere do not prove that what became of them is: a state that looked at a
 * clock, or at who leads, differs while the logs agree.
 */
import { crc32 } from "node:zlib";

import type { Group, StateMachine } from "@millrace/replica";

/** What the oracle reads of a shard's machine; that of metadata has nothing of it. */
interface Watched {
  readonly state?: {
    readonly sealed?: boolean;
    readonly nextOffset?: number;
    readonly dedup?: { entries(): Iterable<readonly unknown[]> };
  };
}

interface Replica {
  readonly nodeId: number;
  readonly group: Group;
  readonly machine: StateMachine;
}

export interface ShardWatchDeps {
  readonly broken: (sentence: string) => void;
  /** Groups of a shard's parents, as far as metadata knows any. */
  readonly parentsOf: (groupId: number) => readonly number[];
}

export class ShardWatch {
  readonly #deps: ShardWatchDeps;
  /** End of each sealed shard, by group. */
  readonly #ends = new Map<number, number>();
  /** Groups whose first records were looked at. */
  readonly #begun = new Set<number>();
  /** The newest life of each replica, by group and node. */
  readonly #replicas = new Map<string, Replica>();

  constructor(deps: ShardWatchDeps) {
    this.#deps = deps;
  }

  /** A replica has applied something, or begins from a state. */
  applied(nodeId: number, group: Group, machine: StateMachine): void {
    const { groupId } = group;
    this.#replicas.set(`${groupId}/${nodeId}`, { nodeId, group, machine });
    const { sealed = false, nextOffset = 0 } = (machine as Watched).state ?? {};
    if (nextOffset > 0 && !this.#begun.has(groupId)) this.#begin(groupId);
    if (!sealed) return;
    const end = this.#ends.get(groupId);
    if (end === undefined) this.#ends.set(groupId, nextOffset);
    else if (end !== nextOffset) {
      this.#deps.broken(
        `O15: node ${nodeId} has group ${groupId} end at ${nextOffset}, but it was sealed at ${end}`,
      );
    }
  }

  /** @param running Nodes whose processes run: what a dead one held counts no more. */
  compare(running: ReadonlySet<Group>): void {
    const seen = new Map<string, { readonly nodeId: number; readonly crc: number }>();
    for (const [key, { nodeId, group, machine }] of this.#replicas) {
      if (!running.has(group)) {
        this.#replicas.delete(key);
        continue;
      }
      if (group.failed !== undefined) continue;
      const at = `${group.groupId}/${group.appliedIndex}`;
      const crc = crc32(memoryOf(machine), crc32(machine.snapshot()));
      const other = seen.get(at);
      if (other === undefined) seen.set(at, { nodeId, crc });
      else if (other.crc !== crc) {
        this.#deps.broken(
          `O14: nodes ${other.nodeId} and ${nodeId} hold different states of group ` +
            `${group.groupId} at ${group.appliedIndex}`,
        );
      }
    }
  }

  #begin(groupId: number): void {
    this.#begun.add(groupId);
    for (const parent of this.#deps.parentsOf(groupId)) {
      if (this.#ends.has(parent)) continue;
      this.#deps.broken(
        `O16: group ${groupId} took records before its parent, group ${parent}, was sealed`,
      );
    }
  }
}

/** What the machine remembers of producers, told by itself: its snapshot might leave it out. */
function memoryOf(machine: StateMachine): string {
  const { dedup } = (machine as Watched).state ?? {};
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? String(value) : value;
  return dedup === undefined ? "" : JSON.stringify([...dedup.entries()], plain);
}
