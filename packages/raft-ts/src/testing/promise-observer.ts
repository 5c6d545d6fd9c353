/**
 * The promises of nodes, looked at from outside through all crashes.
 *
 *   S6  the term on a disk never falls, and a node votes for one candidate in a term
 *   S9  what a node acknowledges is on its disk
 *
 * A violation throws: a promise that a crash takes back has already been counted by others.
 */
import type { MemoryStorage } from "../memory-storage.ts";
import type { HardState, Message } from "../types.ts";
import { NO_NODE } from "../types.ts";

/** The memory of the observer; it survives every crash. */
export class PromiseObserver {
  /** Whom a node has voted for, by node and term. */
  readonly #votes = new Map<string, number>();

  /** A hard state is about to be written over another. */
  noteWrite(id: number, before: HardState, next: HardState): void {
    if (next.term < before.term) {
      throw new Error(`S6: node ${id} writes term ${next.term} over ${before.term}`);
    }
    if (next.vote !== NO_NODE) this.#noteVote(id, next.term, next.vote);
    else if (next.term === before.term && before.vote !== NO_NODE) {
      throw new Error(`S6: node ${id} takes back its vote of term ${next.term}`);
    }
  }

  /** A message leaves its node, after all that was to be written before it. */
  noteSent(m: Message, disk: MemoryStorage): void {
    if (m.reject) return;
    if (m.type === "MsgVoteResp") this.#noteVote(m.from, m.term, m.to);
    if (m.type !== "MsgAppResp" || m.term !== disk.hardState.term) return;
    if (m.index > disk.lastIndex()) {
      throw new Error(
        `S9: node ${m.from} acknowledges ${m.index}, its disk ends at ${disk.lastIndex()}`,
      );
    }
  }

  #noteVote(id: number, term: number, candidate: number): void {
    const key = `${id} ${term}`;
    const known = this.#votes.get(key) ?? candidate;
    if (known !== candidate) {
      throw new Error(`S6: node ${id} votes for ${candidate} and ${known} in term ${term}`);
    }
    this.#votes.set(key, candidate);
  }
}
