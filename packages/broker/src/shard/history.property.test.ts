/**
 * Random histories of one shard: puts, retries, commits, changes of leader that keep any part of the
 * uncommitted tail, lagging and restarting replicas, seals, trims and followers that start at a trim point.
 */
import { StreamError } from "@millrace/base";
import { readEntryHeader } from "@millrace/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { PRODUCER_IDLE_MS } from "../bounds.ts";
import {
  clusterRecord,
  encodeBatch,
  EPOCH,
  HOUR_MS,
  recordTexts,
  nth,
} from "../testing/fixtures.ts";
import type { AppendOutcome } from "../testing/shard-bench.ts";
import { ShardBench } from "../testing/shard-bench.ts";
import { COMMAND_SEAL } from "./shard-commands.ts";
import { SliceCutter } from "./slice-cutter.ts";
import { trimShard } from "./trim.ts";

const SEED = 20_260_822;
const NODES = 3;
/** Sequences a producer may have unanswered, as the window allows. */
const WINDOW = 5;
/** A producer gives a put up before the shard may forget the producer (D2). */
const GIVE_UP_MS = PRODUCER_IDLE_MS - 60_000;

type Step =
  | { readonly kind: "put"; readonly producer: number; readonly records: number }
  | { readonly kind: "retry"; readonly producer: number }
  | { readonly kind: "turn" | "restart" | "install"; readonly node: number }
  | { readonly kind: "seal" }
  | { readonly kind: "commit"; readonly count: number }
  | { readonly kind: "elect"; readonly node: number; readonly kept: number }
  | { readonly kind: "follow"; readonly node: number; readonly lag: number }
  | { readonly kind: "trim"; readonly hours: number; readonly commits: boolean };

const node = fc.nat(NODES - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      producer: fc.nat(3),
      records: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), producer: fc.nat(3) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const), node }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  fc.record({ kind: fc.constant("elect" as const), node, kept: fc.nat(4) }),
  fc.record({ kind: fc.constant("follow" as const), node, lag: fc.nat(4) }),
  fc.record({ kind: fc.constant("restart" as const), node }),
  fc.record({ kind: fc.constant("seal" as const) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("install" as const), node }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("trim" as const),
      hours: fc.constantFrom(0.1, 0.3, 1, 11, 25),
      commits: fc.boolean(),
    }),
  },
);

interface Attempt {
  readonly sent: { outcome: AppendOutcome; answers: number };
}
interface Put {
  readonly startedMs: number;
  readonly texts: readonly string[];
  readonly producer: number;
  readonly sequence: number;
  readonly attempts: Attempt[];
}

class History {
  readonly bench = new ShardBench(NODES);
  readonly puts: Put[] = [];
  readonly #nextSequence = [1, 1, 1, 1];

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#take(step);
      this.#checkFence();
    }
    this.bench.settle();
    for (const replica of this.bench.world.replicas) replica.catchUp();
  }

  async #take(step: Step): Promise<void> {
    const { bench } = this;
    const { world } = bench;
    bench.clock.advance(1);
    if (step.kind === "put") this.#put(step.producer, step.records);
    if (step.kind === "retry") this.#retry(step.producer);
    if (step.kind === "turn") bench.clock.runSoon();
    if (step.kind === "commit") world.commit(step.count);
    if (step.kind === "elect") {
      const tail = world.tail.length;
      world.elect(nth(world.replicas, step.node), Math.min(tail, step.kept));
    }
    if (step.kind === "follow") {
      const replica = nth(world.replicas, step.node);
      replica.catchUp(Math.max(0, world.committed.length - step.lag));
    }
    if (step.kind === "seal") bench.leader.hosted.appends.seal(EPOCH + 1, [1, 2]);
    if (step.kind === "restart") this.#restart(step.node);
    if (step.kind === "install" && world.replicas[step.node] !== world.leader) {
      nth(world.replicas, step.node).installFrom(bench.leader, bench.host);
    }
    if (step.kind === "trim") await this.#trim(step.hours, step.commits);
  }

  /** A producer has at most WINDOW sequences without a definite answer, as the SDK's has. */
  #put(producer: number, records: number): void {
    const sequence = nth(this.#nextSequence, producer);
    const open = this.puts.filter((put) => put.producer === producer && !this.#isSettled(put));
    if (open.some((put) => put.sequence <= sequence - WINDOW)) return;
    this.#nextSequence[producer] = sequence + 1;
    const texts = Array.from({ length: records }, (_, i) => `p${producer}-${sequence}-${i}`);
    const startedMs = this.bench.clock.nowMs();
    const put: Put = { startedMs, texts, producer, sequence, attempts: [] };
    this.puts.push(put);
    this.#attempt(put);
  }

  #retry(producer: number): void {
    const open = this.puts.find((put) => put.producer === producer && !this.#isSettled(put));
    if (open !== undefined) this.#attempt(open);
  }

  #attempt(put: Put): void {
    const { producer, sequence, texts } = put;
    // Producer 0 takes no part in deduplication, so it never retries.
    const identity = producer === 0 ? undefined : { id: producer, sequence };
    if (producer === 0 && put.attempts.length > 0) return;
    put.attempts.push({ sent: this.bench.put(encodeBatch(texts, identity)) });
  }

  /** Answered, or given up: what retention has dropped is no longer remembered. */
  #isSettled(put: Put): boolean {
    if (this.bench.clock.nowMs() - put.startedMs > GIVE_UP_MS) return true;
    return put.attempts.some(({ sent }) => isStored(sent.outcome));
  }

  #restart(index: number): void {
    const replica = nth(this.bench.world.replicas, index);
    if (replica === this.bench.world.leader) return; // its process would lose its term
    replica.boot(this.bench.host);
  }

  async #trim(hours: number, commits: boolean): Promise<void> {
    const { bench } = this;
    bench.clock.advance(hours * HOUR_MS);
    bench.view.apply(bench.view.index + 1, [clusterRecord({ trimClockMs: bench.clock.nowMs() })]);
    await trimShard(bench.context(bench.leader.nodeId), bench.leader.hosted);
    if (commits) bench.settle();
  }

  /** S11: an acknowledgement names the term that the log entry was proposed in, once. */
  #checkFence(): void {
    for (const { attempts } of this.puts) {
      for (const { sent } of attempts) expect(sent.answers).toBeLessThanOrEqual(1);
    }
  }
}

function isStored(
  outcome: AppendOutcome,
): outcome is Exclude<AppendOutcome, StreamError | "pending"> {
  return outcome !== "pending" && !(outcome instanceof StreamError);
}

function isSeal({ data }: { readonly data: Uint8Array }): boolean {
  return data.byteLength > 0 && readEntryHeader(data).command === COMMAND_SEAL;
}

/** Every record ever committed, by offset, from the committed log itself. */
function committedTexts(bench: ShardBench): readonly string[] {
  const cutter = new SliceCutter(0, Infinity, Infinity);
  const seal = bench.world.committed.findIndex(isSeal);
  const entries = bench.world.committed.slice(0, seal < 0 ? undefined : seal); // S10
  for (const entry of entries) cutter.add(entry);
  return cutter.slices.flatMap(({ records }) => recordTexts(records));
}

describe("random histories of a shard", () => {
  it("keep S1 to S5, S9 to S11", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const history = new History();
        await history.run(steps);
        const { bench, puts } = history;
        const stored = committedTexts(bench);
        const copies = new Map<string, number>();
        for (const text of stored) copies.set(text, (copies.get(text) ?? 0) + 1);
        for (const put of puts) {
          const first = nth(put.texts, 0);
          for (const { sent } of put.attempts) {
            expect(sent.outcome).not.toBe("pending");
            if (!isStored(sent.outcome)) continue;
            const { baseOffset, count } = sent.outcome; // S1, S3
            expect(stored.slice(baseOffset, baseOffset + count)).toEqual(put.texts);
          }
          const refused = put.attempts.every(
            ({ sent }) =>
              sent.outcome instanceof StreamError && sent.outcome.code !== "indeterminate",
          );
          if (refused) expect(copies.get(first)).toBeUndefined(); // S4
          expect(copies.get(first) ?? 0).toBeLessThanOrEqual(1); // a retry stores no second copy
        }
        const submitted = new Set(puts.flatMap(({ texts }) => texts));
        expect(stored.filter((text) => !submitted.has(text))).toEqual([]); // S4
        const snapshots = bench.world.replicas.map(({ hosted }) => hosted.snapshot());
        expect(snapshots[1]).toEqual(snapshots[0]); // S2, S9, T1
        expect(snapshots[2]).toEqual(snapshots[0]);
        const { trimOffset, nextOffset } = bench.leader.hosted.state;
        const readable = trimOffset < nextOffset ? bench.texts() : []; // S1, S5
        expect(readable).toEqual(stored.slice(trimOffset));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
