import { ERROR_TRAITS, NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { clientLimits } from "../options.ts";
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
import type { Faults } from "../testing/faulty-cluster.ts";
import { FaultyCluster } from "../testing/faulty-cluster.ts";
import type { ModelShard } from "../testing/model-shard.ts";
import type { PutOutcome } from "../types.ts";
import { ShardProducer } from "./shard-producer.ts";

/** Of shard 0. */
const GROUP_ID = 100;

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
  return { puts, shard: cluster.shard(GROUP_ID) };
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
