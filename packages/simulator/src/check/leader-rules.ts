/**
 * What a leader may do, and what may become of a log, held against every message and every write.
 *
 *   O20 (S6)  a node that was told of a later term says nothing as the leader of an earlier one
 *   O21 (S6)  a leader counts only entries of its own term (thesis 5.4.2): what it commits ends in one
 *   O22 (S6)  logs that have one entry in common are equal up to there (log matching)
 *   O23 (S6)  an entry that was applied anywhere is cut from no log that has it
 */
import type { Group } from "@millrace/replica";

import type { DiskPromises, DurableReplica } from "./disk-promises.ts";
import type { Message } from "./message-promises.ts";

/** What makes its receiver take over a later term, whatever it is. */
const TELLS_TERM: ReadonlySet<string> = new Set([
  "MsgApp",
  "MsgAppResp",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
]);
const OF_LEADER: ReadonlySet<string> = new Set(["MsgApp", "MsgHeartbeat"]);

/** In which a process acts on what it was told; what it had to say before is still on its way. */
const TURN_MS = 5;

/** The latest term that a process was told of, when first, and the one before. */
interface Told {
  readonly atMs: number;
  readonly term: number;
  readonly termBefore: number;
}

export interface LeaderRulesDeps {
  readonly nowMs: () => number;
  readonly disks: DiskPromises;
  readonly nodeIds: readonly number[];
  readonly broken: (sentence: string) => void;
}

export class LeaderRules {
  readonly #deps: LeaderRulesDeps;
  /** Of each node's present process, by node and group. */
  readonly #told = new Map<string, Told>();
  /** Commit index and term of the beginning of each leadership. */
  readonly #began = new WeakMap<Group, { readonly term: number; readonly commitIndex: number }>();

  constructor(deps: LeaderRulesDeps) {
    this.#deps = deps;
  }

  /** A new process knows only what its disk knows. */
  opened(nodeId: number): void {
    for (const key of this.#told.keys()) if (key.startsWith(`${nodeId}/`)) this.#told.delete(key);
  }

  received(nodeId: number, groupId: number, { type, term, to }: Message): void {
    if (!TELLS_TERM.has(type)) return;
    if (this.#deps.disks.replica(nodeId, groupId)?.replicaId !== to) return;
    const key = `${nodeId}/${groupId}`;
    if (term <= (this.#told.get(key)?.term ?? 0)) return;
    const termBefore = this.#termBefore(key);
    this.#told.set(key, { atMs: this.#deps.nowMs(), term, termBefore });
  }

  said(nodeId: number, groupId: number, { type, term }: Message): void {
    const told = this.#termBefore(`${nodeId}/${groupId}`);
    if (!OF_LEADER.has(type) || term >= told) return;
    this.#deps.broken(
      `O20: node ${nodeId} group ${groupId} says ${type} in term ${term}, after it was told of ${told}`,
    );
  }

  /** The latest term that the process was told of before this turn. */
  #termBefore(key: string): number {
    const told = this.#told.get(key);
    if (told === undefined) return 0;
    return told.atMs + TURN_MS < this.#deps.nowMs() ? told.term : told.termBefore;
  }

  leads(group: Group, term: number): void {
    this.#began.set(group, { term, commitIndex: group.commitIndex });
  }

  /** A replica has applied something. */
  applied(nodeId: number, group: Group): void {
    const began = this.#began.get(group);
    const { role, term, commitIndex, groupId } = group;
    if (role !== "leader" || began?.term !== term || commitIndex <= began.commitIndex) return;
    const termOfNewest = this.#deps.disks.replica(nodeId, groupId)?.termOf(commitIndex);
    if (termOfNewest === undefined || termOfNewest === term) return;
    this.#deps.broken(
      `O21: node ${nodeId} leads group ${groupId} in term ${term} and has committed ${commitIndex}, ` +
        `which is of term ${termOfNewest}`,
    );
  }

  /** Compares all logs of a group with one another. */
  compareLogs(groupIds: Iterable<number>): void {
    for (const groupId of groupIds) {
      const logs = this.#deps.nodeIds.flatMap((nodeId) => {
        const log = this.#deps.disks.replica(nodeId, groupId);
        return log === undefined ? [] : [{ nodeId, log }];
      });
      for (const [at, one] of logs.entries()) {
        for (const other of logs.slice(at + 1)) {
          const index = firstDifference(one.log, other.log);
          if (index === undefined) continue;
          this.#deps.broken(
            `O22: nodes ${one.nodeId} and ${other.nodeId} differ at ${index} of group ${groupId}, ` +
              "below an entry that they have in common",
          );
        }
      }
    }
  }
}

/** Below the last entry that both have. */
function firstDifference(one: DurableReplica, other: DurableReplica): number | undefined {
  const least = Math.max(one.base, other.base) + 1;
  let index = Math.min(one.last, other.last);
  while (index >= least && one.termOf(index) !== other.termOf(index)) index -= 1;
  while (index >= least && one.termOf(index) === other.termOf(index)) index -= 1;
  return index >= least ? index : undefined;
}
