/**
 * What the logs of a cluster promise each other, looked at from outside after every step.
 *
 *   S3  a leader has every entry that was committed before its term
 *   S4  entries of one index and term are the same, and so is all before them
 *   S8  what a node has committed it never replaces, and its commit index never falls
 *   S10 an append is a piece of its leader's log
 *
 * A violation throws, with what was seen and what was expected.
 */
import type { RaftNode } from "../node.ts";
import type { Entry, Message } from "../types.ts";
import { asciiText } from "./ascii.ts";
import { faultOfAppend } from "./log-slice.ts";
import type { ModelLog } from "./model-log.ts";

/** Terms in one log and indexes in one key: more than any run has. */
const TERMS_MAX = 2 ** 20;

interface Committed {
  readonly term: number;
  /** The term of the node that was first seen to have it committed. */
  readonly seenIn: number;
}

/** The memory of the observer; it survives every crash. */
export class LogObserver {
  readonly #committed = new Map<number, Committed>();
  #lastCommitted = 0;
  /** By index and term: the term before, and the payload. */
  readonly #entries = new Map<number, { readonly before: number; readonly data: string }>();

  /** A node has given out all that it has; `before` is its commit index when it last did. */
  noteLog(node: RaftNode, log: ModelLog, before: number, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first !== undefined && first.index <= before) {
      throw new Error(`S8: node ${node.id} replaces ${first.index}, committed is ${before}`);
    }
    if (log.last !== node.lastIndex) {
      throw new Error(`node ${node.id} ends at ${node.lastIndex}, has given out ${log.last}`);
    }
    this.#noteEntries(entries, (first && log.term(first.index - 1)) ?? 0);
    for (let i = before + 1; i <= node.commitIndex; i += 1) this.#noteCommitted(node, log, i);
    if (node.isLeader) this.#checkComplete(node, log);
  }

  #noteCommitted(node: RaftNode, log: ModelLog, index: number): void {
    const term = log.term(index);
    if (term === undefined) return; // below a snapshot
    const known = this.#committed.get(index);
    if (known === undefined) {
      this.#committed.set(index, { term, seenIn: node.term });
      this.#lastCommitted = Math.max(this.#lastCommitted, index);
    } else if (known.term !== term) {
      throw new Error(
        `S2: node ${node.id} commits term ${term} at ${index}, another ${known.term}`,
      );
    }
  }

  #checkComplete(node: RaftNode, log: ModelLog): void {
    for (let index = log.base + 1; index <= this.#lastCommitted; index += 1) {
      const known = this.#committed.get(index);
      // A leader that was replaced does not know of it yet, and need not have what came later.
      if (known === undefined || known.seenIn > node.term) continue;
      if (log.term(index) === known.term) continue;
      throw new Error(
        `S3: leader ${node.id} of term ${node.term} has term ${log.term(index)} at ${index}, ` +
          `committed was ${known.term}`,
      );
    }
  }

  /** A message leaves its node. */
  noteSent(m: Message): void {
    if (m.type !== "MsgApp") return;
    const fault = faultOfAppend(m);
    if (fault !== undefined) throw new Error(`S10: node ${m.from} sends an append: ${fault}`);
    this.#noteEntries(m.entries, m.logTerm);
  }

  #noteEntries(entries: readonly Entry[], termBefore: number): void {
    let before = termBefore;
    for (const { index, term, data } of entries) {
      const key = index * TERMS_MAX + term;
      const known = this.#entries.get(key);
      const text = asciiText(data);
      if (known === undefined) this.#entries.set(key, { before, data: text });
      else if (known.before !== before || known.data !== text) {
        throw new Error(
          `S4: entry ${index} of term ${term} is "${text}" after term ${before}, ` +
            `elsewhere "${known.data}" after ${known.before}`,
        );
      }
      before = term;
    }
  }
}
