/** Three nodes that serve shards and fail in every way that a producer must live with. For tests alone. */
import { StreamError } from "@millrace/base";
import type { SeededRandom, VirtualClock } from "@millrace/base/testing";

import type {
  AppendAttempt,
  AppendPort,
  AppendResult,
  PendingAppend,
} from "../producer/append-port.ts";
import type { Target } from "../routing/leader-cache.ts";
import { ModelShard } from "./model-shard.ts";

/** Out of 100, each. */
export interface Faults {
  /** Out of 100 turns: all links to a node break. */
  readonly cut: number;
  /** Out of 100 turns: another node becomes leader. */
  readonly election: number;
  /** Out of 100 requests: refused with a limit, as overloaded, or never answered. */
  readonly throttle: number;
  readonly overload: number;
  readonly silence: number;
  readonly full: number;
}

interface Request {
  readonly target: Target;
  readonly attempt: AppendAttempt;
  readonly batch: Uint8Array;
  readonly done: (result: AppendResult) => void;
  open: boolean;
}

/** Three nodes, one of which leads, with links that keep order, break, and deliver late. */
export class FaultyCluster implements AppendPort {
  /** By group. */
  readonly #shards = new Map<number, ModelShard>();
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #faults: Faults;
  readonly #links = new Map<number, Request[]>();
  readonly #answering = new Map<number, Set<Request>>();
  #leader = 1;
  #term = 1;
  #calm = false;

  constructor(clock: VirtualClock, random: SeededRandom, faults: Faults) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
  }

  /** What is stored in a group. */
  shard(groupId: number): ModelShard {
    const shard = this.#shards.get(groupId) ?? new ModelShard();
    this.#shards.set(groupId, shard);
    return shard;
  }

  append(
    target: Target,
    attempt: AppendAttempt,
    done: (result: AppendResult) => void,
  ): PendingAppend | undefined {
    if (this.#hits(this.#faults.full)) return undefined;
    // As sent: what the sender changes afterwards must not change what arrives.
    const batch = attempt.batch.slice();
    const request: Request = { target, attempt, batch, done, open: true };
    this.#link(target.nodeId).push(request);
    return { cancel: () => void (request.open = false) };
  }

  whenRoom(_target: Target, run: () => void): void {
    this.#clock.schedule(this.#random.uniform(30), run);
  }

  /** Nothing breaks any more, and somebody leads. */
  settle(): void {
    this.#calm = true;
    this.#leader = 2;
    this.#term++;
  }

  /** One turn: some requests are served, then maybe something breaks. */
  turn(): void {
    for (const nodeId of [1, 2, 3]) {
      const link = this.#link(nodeId);
      const served = this.#random.uniform(link.length + 1);
      for (const request of link.splice(0, served)) this.#serve(request);
      if (this.#hits(this.#faults.cut)) this.#cut(nodeId);
    }
    if (this.#hits(this.#faults.election)) {
      this.#leader = this.#random.uniform(4); // 0: nobody leads
      this.#term++;
    }
  }

  #serve(request: Request): void {
    if (this.#hits(this.#faults.silence)) {
      // Handled, or lost on the way, and never answered.
      if (this.#random.uniform(2) === 0) this.#handle(request);
      return;
    }
    const result = this.#handle(request);
    const answers = this.#answers(request.target.nodeId);
    answers.add(request);
    this.#clock.schedule(this.#random.uniform(20), () => {
      answers.delete(request);
      this.#answer(request, result);
    });
  }

  #handle({ target, attempt, batch }: Request): AppendResult {
    const expected = attempt.expectedTerm;
    if (target.nodeId !== this.#leader || (expected !== 0 && expected !== this.#term)) {
      const told = this.#leader !== 0 && !this.#hits(30);
      const hint = told ? { leaderNodeId: this.#leader, term: this.#term } : {};
      return failed(new StreamError("not-leader", "not here", { hint }));
    }
    if (this.#hits(this.#faults.overload)) return failed(new StreamError("overloaded", "busy"));
    const free = this.#hits(this.#faults.throttle)
      ? { records: this.#random.uniform(6), bytes: this.#random.uniform(60) }
      : undefined;
    try {
      const stored = this.shard(attempt.groupId).append(batch, this.#clock.nowMs(), free);
      return { kind: "stored", ...stored, term: this.#term };
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      return failed(error);
    }
  }

  /** Everything on the link is lost, but for a beginning of it that arrives nobody knows when. */
  #cut(nodeId: number): void {
    const lost = this.#link(nodeId).splice(0);
    const answers = this.#answers(nodeId);
    const gone = new StreamError("indeterminate", "connection lost");
    for (const request of answers)
      this.#answer(request, { kind: "failed", error: gone, link: true });
    answers.clear();
    const late = lost.slice(0, this.#random.uniform(lost.length + 1));
    const afterMs = this.#random.uniform(3000);
    this.#clock.schedule(afterMs, () => late.forEach((request) => this.#handle(request)));
    const refused = lost.length > 0 && late.length === 0 && this.#hits(30);
    const error = refused ? new StreamError("unavailable", "connection refused") : gone;
    for (const request of lost) this.#answer(request, { kind: "failed", error, link: true });
  }

  #answer(request: Request, result: AppendResult): void {
    if (!request.open) return;
    request.open = false;
    request.done(result);
  }

  /** Requests that were handled and whose answers are on their way. */
  #answers(nodeId: number): Set<Request> {
    const answers = this.#answering.get(nodeId) ?? new Set();
    this.#answering.set(nodeId, answers);
    return answers;
  }

  #link(nodeId: number): Request[] {
    const link = this.#links.get(nodeId) ?? [];
    this.#links.set(nodeId, link);
    return link;
  }

  #hits(percent: number): boolean {
    return !this.#calm && this.#random.uniform(100) < percent;
  }
}

function failed(error: StreamError): AppendResult {
  return { kind: "failed", error, link: false };
}
