/**
 * The proposals of one leadership that wait for their commit.
 *
 * A proposal is answered once: with success when the entry at its index carries its term and is
 * applied here, with `indeterminate` when this node stops leading in that term, because the entry
 * may still be committed by the next leader. A deposed leader therefore never acknowledges (S11).
 */
import { StreamError } from "@millrace/base";

import type { ProposalDone, RoleChange } from "./types.ts";

interface Waiting {
  readonly index: number;
  readonly term: number;
  readonly bytes: number;
  readonly done: ProposalDone;
}

/** A queue in order of index. */
export class Proposals {
  #waiting: Waiting[] = [];
  #head = 0;
  #bytes = 0;

  get count(): number {
    return this.#waiting.length - this.#head;
  }

  /** Payload bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  add(index: number, term: number, bytes: number, done: ProposalDone): void {
    this.#waiting.push({ index, term, bytes, done });
    this.#bytes += bytes;
  }

  /** Answers what is applied; `superseded` makes the error for a place that another term took. */
  applied(index: number, termOf: (index: number) => number, superseded: () => StreamError): void {
    for (;;) {
      const next = this.#waiting[this.#head];
      if (next === undefined || next.index > index) break;
      this.#head += 1;
      this.#bytes -= next.bytes;
      next.done(termOf(next.index) === next.term ? undefined : superseded());
    }
    this.#compact();
  }

  failAll(error: StreamError): void {
    const waiting = this.#waiting;
    const head = this.#head;
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
    for (let i = head; i < waiting.length; i += 1) waiting[i]?.done(error);
  }

  #compact(): void {
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Why a proposal certainly failed. */
export function superseded(): StreamError {
  return new StreamError("unavailable", "another leader's entry took the place of this proposal");
}

/** Why nobody can say what became of a proposal. */
export function lostLeadership({ term, leaderNodeId }: RoleChange): StreamError {
  return new StreamError("indeterminate", `leadership ended before the commit, now term ${term}`, {
    hint: { term, ...(leaderNodeId === undefined ? {} : { leaderNodeId }) },
  });
}
