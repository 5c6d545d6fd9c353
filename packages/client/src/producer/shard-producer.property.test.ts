import { ERROR_TRAITS, NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { clientLimits } from "../options.ts";
import type { Target } from "../routing/leader-cache.ts";
import { LeaderCache } from "../routing/leader-cache.ts";
import {
  encoded,
  nodeRecord,
  shardOf,
  shardRecord,
  testAllocate,
  testCrc32,
  viewOfCluster,
} from "../testing/fixtures.ts";
import { ModelShard } from "../testing/model-shard.ts";
import type { PutOutcome } from "../types.ts";
import type { AppendAttempt, AppendPort, AppendResult, PendingAppend } from "./append-port.ts";
import { ShardProducer } from "./shard-producer.ts";

interface Faults {
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
class FaultyCluster implements AppendPort {
  readonly shard = new ModelShard();
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
      const stored = this.shard.append(batch, this.#clock.nowMs(), free);
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

interface Put {
  readonly values: readonly string[];
  readonly startedAt: number;
  endedAt: number;
  outcome: PutOutcome | StreamError | undefined;
}

/** Puts at random for a while, then calm, until every put has an outcome and nothing is on its way. */
async function run(seed: number, faults: Faults): Promise<{ puts: Put[]; shard: ModelShard }> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const cluster = new FaultyCluster(clock, new SeededRandom(seed + 1), faults);
  const nodes = [1, 2, 3].map((nodeId) => nodeRecord(nodeId, { data: `node-${nodeId}` }));
  const view = viewOfCluster(nodes, [shardRecord(0, [1, 2, 3])]);
  const producer = new ShardProducer({
    clock,
    random: new SeededRandom(seed + 2),
    crc32: testCrc32,
    allocate: testAllocate,
    view,
    leaders: new LeaderCache(view),
    port: cluster,
    limits: clientLimits({ attemptTimeoutMs: 300 }),
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  });
  const puts: Put[] = [];
  let settled = 0;
  const start = (): void => {
    const values = Array.from(
      { length: 1 + random.uniform(4) },
      (_, index) => `p${puts.length}r${index}`,
    );
    const put: Put = { values, startedAt: settled, endedAt: -1, outcome: undefined };
    const end = (outcome: PutOutcome | StreamError): void => {
      put.outcome = outcome;
      put.endedAt = settled++;
    };
    puts.push(put);
    const deadlineMs = 50 + random.uniform(1500);
    producer.put(shardOf(view, 0), encoded(values), deadlineMs).then(end, end);
  };
  for (let turn = 0; turn < 400; turn++) {
    if (turn === 300) cluster.settle();
    if (turn < 250) for (let count = random.uniform(4); count > 0; count--) start();
    clock.runSoon();
    cluster.turn();
    clock.advance(turn < 300 ? 10 : 60);
    await Promise.resolve();
  }
  producer.close();
  await Promise.resolve();
  return { puts, shard: cluster.shard };
}

/** Puts that do not stand behind every put whose outcome was known when they were made. */
function misplaced(puts: readonly Put[]): Put[] {
  const offsets: number[] = []; // by order of outcome
  for (const { outcome, endedAt } of puts) {
    const stored =
      outcome !== undefined && !(outcome instanceof StreamError) && outcome.accepted > 0;
    offsets[endedAt] = stored ? outcome.baseOffset : -1;
  }
  const highest: number[] = [-1];
  for (const offset of offsets) highest.push(Math.max(highest.at(-1) ?? -1, offset));
  return puts.filter(({ startedAt, endedAt }) => {
    const offset = offsets[endedAt] ?? -1;
    return offset >= 0 && offset <= (highest[startedAt] ?? -1);
  });
}

const seeds = integer({ min: 0, max: 2 ** 31 });

describe("puts through a faulty cluster (S1, S3, S4)", () => {
  const faults = { cut: 4, election: 3, throttle: 10, overload: 5, silence: 3, full: 5 };

  it("are stored once, whole, behind what was acknowledged before, or not when refused", async () => {
    const check = async (seed: number): Promise<void> => {
      const { puts, shard } = await run(seed, faults);
      const offsets = new Map<string, number>();
      shard.log.forEach((value, offset) => {
        expect(offsets.has(value), `${value} is stored twice`).toBe(false);
        offsets.set(value, offset);
      });
      for (const { values, outcome } of puts) {
        const stored = values.map((value) => offsets.get(value));
        if (outcome === undefined) throw new Error("a put has no outcome");
        if (outcome instanceof StreamError) {
          expect(outcome.code, "a retry fell out of the dedup window (P3)").not.toBe(
            "indeterminate",
          );
          if (!ERROR_TRAITS[outcome.code].definite) continue;
          expect(stored, `${outcome.code} although stored`).toEqual(values.map(() => undefined));
          continue;
        }
        const { baseOffset, accepted, throttled } = outcome;
        expect(accepted + throttled).toBe(values.length);
        expect(stored).toEqual(
          values.map((_, index) => (index < accepted ? baseOffset + index : undefined)),
        );
      }
      expect(misplaced(puts)).toEqual([]);
      expect(puts.some(({ outcome }) => !(outcome instanceof StreamError))).toBe(true);
    };
    await assert(asyncProperty(seeds, check), { numRuns: 60 });
  });
});

describe("puts through links that break, to leaders that refuse nothing they may take", () => {
  it("keep the order in which they were made (P4)", async () => {
    const faults = { cut: 6, election: 0, throttle: 0, overload: 0, silence: 0, full: 5 };
    const check = async (seed: number): Promise<void> => {
      const { puts } = await run(seed, faults);
      const offsets = puts.flatMap(({ outcome }) =>
        outcome === undefined || outcome instanceof StreamError ? [] : [outcome.baseOffset],
      );
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(offsets.length).toBeGreaterThan(0);
    };
    await assert(asyncProperty(seeds, check), { numRuns: 40 });
  });
});
