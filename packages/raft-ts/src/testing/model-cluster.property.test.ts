/**
 * Random clusters of three to seven nodes under faults. `RAFT_MODEL_SEED=n` runs that seed alone;
 * `RAFT_MODEL_SEEDS=n` sets how many are run.
 *
 * Source: Raft's safety properties (Ongaro thesis, figure 3.2), quorums of successive memberships
 * (4.1, 4.3) and linearizable reads (6.4).
 */
import process from "node:process";
import { describe, expect, it } from "vitest";
import { ModelCluster } from "./model-cluster.ts";

const only = process.env["RAFT_MODEL_SEED"];
const count = Number(process.env["RAFT_MODEL_SEEDS"] ?? 400);
const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
const STEPS = 15_000;

function run(seed: number): ModelCluster {
  const cluster = new ModelCluster(seed);
  try {
    for (let i = 0; i < STEPS; i += 1) {
      cluster.step();
      if (i % 500 === 0) cluster.checker.checkLogs(cluster.hosts);
    }
    cluster.checker.checkLogs(cluster.hosts);
    cluster.settle();
    cluster.checker.checkLogs(cluster.hosts);
    return cluster;
  } catch (error) {
    const { voters, spares, settings } = cluster.shape;
    const shape = JSON.stringify({ voters, spares, ...settings });
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`RAFT_MODEL_SEED=${seed}: ${reason}\n${shape}`, { cause: error });
  }
}

/** Counts runs by what they are like. */
class Tally {
  readonly #counts = new Map<string, number>();

  note({ shape, checker }: ModelCluster): void {
    const { settings } = shape;
    this.#add("leaders", checker.leaders);
    this.#add("entries", checker.applied);
    this.#add("reads", checker.readsAnswered);
    this.#add("memberships", checker.memberships.count);
    this.#add(`nodes=${shape.voters + shape.spares}`, 1);
    for (const [name, value] of Object.entries(settings)) {
      if (typeof value !== "function") this.#add(`${name}=${JSON.stringify(value)}`, 1);
    }
  }

  #add(name: string, by: number): void {
    this.#counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

describe(`a random cluster (seeds ${seeds[0]} to ${seeds.at(-1)})`, () => {
  it("keeps every safety property after every step, and recovers when the faults end", () => {
    const tally = new Tally();
    for (const seed of seeds) tally.note(run(seed));
    const names = ["leaders", "entries", "reads", "memberships"];
    console.log(`${seeds.length} seeds: ${names.map((n) => `${tally.of(n)} ${n}`).join(", ")}`);
    if (seeds.length < 100) return;
    // A run in which nothing happens proves nothing, nor does a switch that is never turned.
    expect(tally.of("leaders")).toBeGreaterThan(seeds.length);
    expect(tally.of("entries")).toBeGreaterThan(seeds.length * 10);
    expect(tally.of("reads")).toBeGreaterThan(seeds.length);
    expect(tally.of("memberships")).toBeGreaterThan(seeds.length * 1.5);
    const rare = SHAPES.filter((name) => tally.of(name) < seeds.length / 20);
    expect(rare).toEqual([]);
  });
});

/** What at least every twentieth run must be like. */
const SHAPES = [
  ...[3, 4, 5, 6, 7].map((size) => `nodes=${size}`),
  "asyncStorageWrites=false",
  "asyncStorageWrites=true",
  "preVote=false",
  "checkQuorum=false",
  'readOnlyOption="safe"',
  'readOnlyOption="lease-based"',
  "maxSizePerMsg=0",
  "maxCommittedSizePerReady=1",
  "maxInflightMsgs=1",
  "maxInflightBytes=1",
  "maxUncommittedEntriesSize=20",
  "disableProposalForwarding=true",
];
