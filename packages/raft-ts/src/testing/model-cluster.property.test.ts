/**
 * Random clusters under faults. `RAFT_MODEL_SEED=n` runs that seed alone; `RAFT_MODEL_SEEDS=n`
 * sets how many are run.
 *
 * Source: Raft's safety properties (Ongaro thesis, figure 3.2) and linearizable reads (6.4).
 */
import process from "node:process";
import { describe, expect, it } from "vitest";
import { ModelCluster } from "./model-cluster.ts";

const only = process.env["RAFT_MODEL_SEED"];
const count = Number(process.env["RAFT_MODEL_SEEDS"] ?? 60);
const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
const STEPS = 6_000;

const SHAPES = [
  { name: "three voters", voters: 3, spares: 0 },
  { name: "five voters", voters: 5, spares: 0 },
  { name: "three voters whose membership changes", voters: 3, spares: 3 },
];

function run(seed: number, shape: { voters: number; spares: number }): ModelCluster {
  const cluster = new ModelCluster({ seed, voters: shape.voters, spares: shape.spares });
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
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

describe(`a random cluster (seeds ${seeds[0]} to ${seeds.at(-1)})`, () => {
  it.each(SHAPES)("keeps every safety property and recovers, with $name", (shape) => {
    let [leaders, applied, reads] = [0, 0, 0];
    for (const seed of seeds) {
      const { checker } = run(seed, shape);
      leaders += checker.leaders;
      applied += checker.applied;
      reads += checker.readsAnswered;
    }
    // A run in which nothing happens proves nothing.
    expect(leaders).toBeGreaterThan(seeds.length);
    expect(applied).toBeGreaterThan(seeds.length * 10);
    expect(reads).toBeGreaterThan(seeds.length);
    console.log(`${shape.name}: ${leaders} leaders, ${applied} entries, ${reads} reads`);
  });
});
