/**
 * Linearizable reads of one group: find out up to where the log was committed at some moment after
 * the question, and answer once that much is applied here.
 *
 * All that ask in one turn share one round. The context of a round carries this process's boot
 * epoch and a counter, so the late answer to a question that an earlier process asked can never
 * answer one of ours: that index could be below what has been acknowledged since.
 *
 * Source: Ongaro thesis 6.4.
 */
import { StreamError } from "@millrace/base";

import { readU64, writeU64 } from "./frame.ts";
import type { ReadDone } from "./types.ts";

const CONTEXT_BYTES = 16;

interface Question {
  readonly done: ReadDone;
  readonly deadlineMs: number;
}

interface Round {
  readonly questions: readonly Question[];
  readonly askedMs: number;
}

interface Confirmed {
  readonly index: number;
  readonly questions: readonly Question[];
}

/** The reads that wait in one group. Times are monotonic milliseconds. */
export class ReadBarrier {
  readonly #bootEpoch: number;
  readonly #questionsMax: number;
  #unasked: Question[] = [];
  readonly #rounds = new Map<number, Round>();
  #confirmed: Confirmed[] = [];
  #nextRound = 1;
  #count = 0;

  constructor(bootEpoch: number, questionsMax: number) {
    this.#bootEpoch = bootEpoch;
    this.#questionsMax = questionsMax;
  }

  get isIdle(): boolean {
    return this.#count === 0;
  }

  get hasUnasked(): boolean {
    return this.#unasked.length > 0;
  }

  add(done: ReadDone, deadlineMs: number): void {
    if (this.#count >= this.#questionsMax) {
      done(new StreamError("overloaded", `${this.#count} reads wait already`));
      return;
    }
    this.#count += 1;
    this.#unasked.push({ done, deadlineMs });
  }

  /** Starts one round for all that have not been asked; `ask` takes its context. */
  askAll(nowMs: number, ask: (context: Uint8Array) => void): void {
    if (this.#unasked.length === 0) return;
    const round = this.#nextRound++;
    this.#rounds.set(round, { questions: this.#unasked, askedMs: nowMs });
    this.#unasked = [];
    const context = Buffer.alloc(CONTEXT_BYTES);
    writeU64(context, this.#bootEpoch, 0);
    writeU64(context, round, 8);
    ask(context);
  }

  /** A quorum has confirmed `index` for the round of `context`; strangers are ignored. */
  confirmed(index: number, context: Uint8Array): void {
    if (context.length !== CONTEXT_BYTES) return;
    const bytes = Buffer.from(context.buffer, context.byteOffset, CONTEXT_BYTES);
    if (readU64(bytes, 0) !== this.#bootEpoch) return;
    const key = readU64(bytes, 8);
    const round = this.#rounds.get(key);
    if (round === undefined) return;
    this.#rounds.delete(key);
    this.#confirmed.push({ index, questions: round.questions });
  }

  /** Answers all that are confirmed at or below `appliedIndex`. */
  applied(appliedIndex: number): void {
    if (this.#confirmed.length === 0) return;
    const due = this.#confirmed.filter(({ index }) => index <= appliedIndex);
    if (due.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > appliedIndex);
    for (const { questions } of due) this.#finish(questions, appliedIndex);
  }

  /**
   * Gives up what is past its deadline, and asks again what has waited for an answer since before
   * `askAgainBeforeMs`: the question, the answer or the leader may be lost.
   */
  check(nowMs: number, askAgainBeforeMs: number): void {
    if (this.#count === 0) return;
    for (const [key, round] of this.#rounds) {
      if (round.askedMs > askAgainBeforeMs) continue;
      this.#rounds.delete(key);
      this.#unasked.push(...round.questions);
    }
    this.#unasked = this.#expire(this.#unasked, nowMs);
    this.#confirmed = this.#confirmed.flatMap(({ index, questions }) => {
      const left = this.#expire(questions, nowMs);
      return left.length === 0 ? [] : [{ index, questions: left }];
    });
  }

  failAll(error: StreamError): void {
    const rounds = [...this.#rounds.values(), ...this.#confirmed];
    const all = [...rounds.flatMap(({ questions }) => questions), ...this.#unasked];
    this.#rounds.clear();
    this.#confirmed = [];
    this.#unasked = [];
    this.#finish(all, error);
  }

  #expire(questions: readonly Question[], nowMs: number): Question[] {
    const late = questions.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (late.length > 0) {
      const error = new StreamError("unavailable", "no leader confirmed the read in time");
      this.#finish(late, error);
    }
    return questions.filter(({ deadlineMs }) => deadlineMs > nowMs);
  }

  #finish(questions: readonly Question[], answer: number | StreamError): void {
    this.#count -= questions.length;
    for (const { done } of questions) done(answer);
  }
}
