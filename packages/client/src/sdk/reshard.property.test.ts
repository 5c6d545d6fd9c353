/** Puts that are under way while their shard is split, or merged with its neighbour, in a cluster that fails. */
import { ERROR_TRAITS, NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";
import type { MetadataView, ShardRecord } from "@millrace/model";
import { assert, asyncProperty, boolean, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { nodePorts } from "../node-ports.ts";
import { clientLimits } from "../options.ts";
import { ShardProducer } from "../producer/shard-producer.ts";
import { LeaderCache } from "../routing/leader-cache.ts";
import type { Faults } from "../testing/faulty-cluster.ts";
import { FaultyCluster } from "../testing/faulty-cluster.ts";
import {
  ACCOUNT,
  nodeRecord,
  shardChange,
  shardRecord,
  STREAM_NAME,
  testAllocate,
  testCrc32,
  viewOfCluster,
} from "../testing/fixtures.ts";
import { StreamProducer } from "./stream-producer.ts";

const KEYS = ["a", "b", "c", "d", "e"];
const HALF = 1n << 127n;
const RING_END = (1n << 128n) - 1n;
const lower = { startingHashKey: "0", endingHashKey: String(HALF - 1n) };
const upper = { startingHashKey: String(HALF), endingHashKey: String(RING_END) };
const ring = { startingHashKey: "0", endingHashKey: String(RING_END) };
const NODES = [1, 2, 3];

interface Change {
  readonly parents: readonly ShardRecord[];
  readonly children: readonly ShardRecord[];
}

const SPLIT: Change = {
  parents: [shardRecord(0, NODES, ring)],
  children: [
    shardRecord(1, NODES, { ...lower, parentShardIndex: 0 }),
    shardRecord(2, NODES, { ...upper, parentShardIndex: 0 }),
  ],
};
const MERGE: Change = {
  parents: [shardRecord(0, NODES, lower), shardRecord(1, NODES, upper)],
  children: [shardRecord(2, NODES, { ...ring, parentShardIndex: 0, adjacentParentShardIndex: 1 })],
};

interface Put {
  readonly key: string;
  readonly value: string;
  outcome: "stored" | StreamError | undefined;
}

class World {
  readonly clock = new VirtualClock();
  readonly cluster: FaultyCluster;
  readonly view: MetadataView;
  readonly puts: Put[] = [];
  readonly #change: Change;
  readonly #shards: ShardProducer;
  readonly #producer: StreamProducer;

  constructor(seed: number, faults: Faults, change: Change) {
    const { clock } = this;
    this.#change = change;
    this.cluster = new FaultyCluster(clock, new SeededRandom(seed + 1), faults);
    const nodes = NODES.map((nodeId) => nodeRecord(nodeId, { data: `node-${nodeId}` }));
    const { parents, children } = change;
    const opening = children.map((child) => ({ ...child, state: "opening" as const }));
    this.view = viewOfCluster(nodes, [...parents, ...opening]);
    const random = new SeededRandom(seed + 2);
    this.#shards = new ShardProducer({
      clock,
      random,
      crc32: testCrc32,
      allocate: testAllocate,
      view: this.view,
      leaders: new LeaderCache(this.view),
      port: this.cluster,
      limits: clientLimits({ attemptTimeoutMs: 300 }),
      logger: SILENT_LOGGER,
      metrics: NO_METRICS,
    });
    this.#producer = new StreamProducer(
      {
        view: this.view,
        ports: { ...nodePorts(), clock, random },
        producer: this.#shards,
        barrier: () => Promise.resolve(),
      },
      { account: ACCOUNT, deadlineMs: 60_000 },
    );
  }

  put(key: string): void {
    const put: Put = { key, value: `${key}/${this.puts.length}`, outcome: undefined };
    this.puts.push(put);
    this.#producer.put(STREAM_NAME, key, Buffer.from(put.value)).then(
      () => (put.outcome = "stored"),
      (error: unknown) => (put.outcome = error as StreamError),
    );
  }

  /** The shard's leader proposed the seal. */
  sealing(): void {
    for (const { groupId } of this.#change.parents) {
      Object.assign(this.cluster.shard(groupId), { state: "sealing", sealEpoch: 2 });
    }
  }

  sealed(): void {
    for (const { groupId } of this.#change.parents) this.cluster.shard(groupId).state = "sealed";
  }

  /** Metadata hands the hash keys over. */
  handOver(): void {
    const { parents, children } = this.#change;
    this.view.apply(this.view.index + 1, [
      ...parents.map((parent) => shardChange({ ...parent, state: "closed", epoch: 2 })),
      ...children.map((child) => shardChange({ ...child, epoch: 2 })),
    ]);
  }

  /** Values in the order in which a reader gets them: parents first. */
  stored(): readonly string[] {
    const { parents, children } = this.#change;
    return [...parents, ...children].flatMap(({ groupId }) => this.cluster.shard(groupId).log);
  }

  async turn(ms: number): Promise<void> {
    this.clock.runSoon();
    this.cluster.turn();
    this.clock.advance(ms);
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  }

  close(): void {
    this.#producer.close();
    this.#shards.close();
  }
}

async function run(seed: number, faults: Faults, change: Change): Promise<World> {
  const world = new World(seed, faults, change);
  const random = new SeededRandom(seed);
  const at = 30 + random.uniform(60);
  const steps = new Map([
    [at, () => world.sealing()],
    [at + random.uniform(6), () => world.sealed()],
    [at + 6 + random.uniform(10), () => world.handOver()],
  ]);
  for (let turn = 0; turn < 1000; turn++) {
    steps.get(turn)?.();
    if (turn === 200) world.cluster.settle();
    if (turn < 160) {
      for (let count = random.uniform(4); count > 0; count--) {
        world.put(KEYS[random.uniform(KEYS.length)] ?? "a");
      }
    }
    await world.turn(turn < 200 ? 10 : 60);
    if (turn > 200 && world.puts.every(({ outcome }) => outcome !== undefined)) break;
  }
  world.close();
  return world;
}

const seeds = integer({ min: 0, max: 2 ** 31 });

describe("puts across a split or merge (S1, S4, S10)", () => {
  const faults = { cut: 4, election: 3, throttle: 5, overload: 5, silence: 3, full: 5 };

  it("are stored once, in the parent or in a child, or not when they were refused", async () => {
    const check = async (seed: number, splits: boolean): Promise<void> => {
      const world = await run(seed, faults, splits ? SPLIT : MERGE);
      const copies = new Map<string, number>();
      for (const value of world.stored()) copies.set(value, (copies.get(value) ?? 0) + 1);
      for (const { value, outcome } of world.puts) {
        const count = copies.get(value) ?? 0;
        if (outcome === "stored") expect([value, count]).toEqual([value, 1]);
        else if (outcome === undefined) throw new Error(`${value} has no outcome`);
        else {
          expect(["deadline", "throttled"], String(outcome)).toContain(outcome.code);
          expect(count).toBeLessThanOrEqual(ERROR_TRAITS[outcome.code].definite ? 0 : 1);
        }
      }
      expect(world.puts.some(({ outcome }) => outcome === "stored")).toBe(true);
    };
    await assert(asyncProperty(seeds, boolean(), check), { numRuns: 60 });
  });
});

describe("puts that are under way together across a split or merge", () => {
  it("keep their order per partition key while nothing but links breaks", async () => {
    const faults = { cut: 6, election: 0, throttle: 0, overload: 0, silence: 0, full: 5 };
    const check = async (seed: number, splits: boolean): Promise<void> => {
      const world = await run(seed, faults, splits ? SPLIT : MERGE);
      const failed = world.puts.filter(({ outcome }) => outcome !== "stored");
      expect(failed).toEqual([]);
      const stored = world.stored();
      for (const key of KEYS) {
        const made = world.puts.filter((put) => put.key === key).map(({ value }) => value);
        expect(stored.filter((value) => value.startsWith(`${key}/`))).toEqual(made);
      }
    };
    await assert(asyncProperty(seeds, boolean(), check), { numRuns: 60 });
  });
});
