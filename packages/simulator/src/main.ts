/**
 * `npm run sim`: one seed, many side by side, or runs that failed before.
 *
 *   --seed N [--trace] [--history FILE]   one seed, its trace hash
 *   --seeds N [--start S]                 N seeds from S on
 *   --fresh                               from a base by chance, 5 nodes, 60 virtual seconds at least
 *   --seconds T                           virtual seconds with faults, 1..3600; 30 unless told
 *   --nodes 3|5|7                         instead of what the seed draws
 *   --no-rot                              no durable bytes rot
 *   --no-replace                          no disk is replaced by an empty one
 *   --jobs J                              processes, 1..64; one per core unless told
 *   --faults FILE                         the faults of a failure, as it was printed
 *   --shrink-seconds S                    real seconds to shrink one failure, 0..3600; 60 unless told
 *   --regressions                         every run of regressions.json
 *   --slice                               what CI runs: 300 seeds of three lengths, regressions, determinism
 *   --verify-determinism N                N seeds in two processes each
 */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { Fleet } from "./fleet/fleet.ts";
import type { Job, Outcome } from "./fleet/job.ts";
import { outcomeOf } from "./fleet/job.ts";
import { failureLines, outcomeLine, shrinkFailure } from "./fleet/report.ts";
import { Sums } from "./fleet/sums.ts";
import type { OptionOverrides } from "./options.ts";
import { optionsOf } from "./options.ts";
import { runSeed } from "./run-seed.ts";

/** No rule was seen broken, and not all runs came to their end. */
const EXIT_GAVE_UP = 2;
const SEEDS_MAX = 1_000_000;
const SECONDS_MAX = 3600;
const FRESH_SECONDS_MIN = 60;
/** Failures that are shrunk; the rest is only printed. */
const SHRUNK_MAX = 5;
/** Short runs find what forming and first faults break, long ones what adds up. */
const SLICE = [
  { start: 1, count: 220, seconds: 10 },
  { start: 1001, count: 60, seconds: 30 },
  { start: 2001, count: 20, seconds: 60 },
] as const;
/** Seeds that the slice runs in two processes. */
const SLICE_VERIFIED = "4";
const NODES = [3, 5, 7] as const;
const REGRESSIONS = new URL("../regressions.json", import.meta.url);

const { values: given } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    start: { type: "string", default: "1" },
    seconds: { type: "string" },
    nodes: { type: "string" },
    jobs: { type: "string" },
    faults: { type: "string" },
    history: { type: "string" },
    "shrink-seconds": { type: "string", default: "60" },
    "verify-determinism": { type: "string" },
    regressions: { type: "boolean", default: false },
    slice: { type: "boolean", default: false },
    "no-rot": { type: "boolean", default: false },
    "no-replace": { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  if (given.faults !== undefined) return runOne(JSON.parse(readFileSync(given.faults, "utf8")));
  const overrides = overridesOf();
  const seconds = whole("seconds", given.seconds ?? "30", 1, SECONDS_MAX);
  if (given.seed !== undefined) return runOne({ seed: given.seed, seconds, overrides });
  const cores = String(Math.min(64, availableParallelism()));
  const jobs = whole("jobs", given.jobs ?? cores, 1, 64);
  const fleet = new Fleet(jobs);
  try {
    const verified = given["verify-determinism"] ?? (given.slice ? SLICE_VERIFIED : undefined);
    if (verified !== undefined) await verify(verified, seconds, overrides);
    if (given.slice) await runMany(fleet, jobs, [...regressions(), ...slice()]);
    else if (verified === undefined) await runMany(fleet, jobs, jobsToRun(seconds, overrides));
  } finally {
    fleet.close();
  }
}

function overridesOf(): OptionOverrides {
  const nodes = NODES.find((count) => String(count) === given.nodes);
  if (given.nodes !== undefined && nodes === undefined) {
    throw new Error(`--nodes is ${given.nodes}, but must be one of ${NODES.join(", ")}`);
  }
  const chosen = nodes ?? (given.fresh ? 5 : undefined);
  return {
    ...(chosen === undefined ? {} : { nodes: chosen }),
    ...(given["no-rot"] ? { rot: false } : {}),
    ...(given["no-replace"] ? { replace: false } : {}),
  };
}

function jobsToRun(seconds: number, overrides: OptionOverrides): readonly Job[] {
  if (given.regressions) return regressions();
  const count = whole("seeds", given.seeds ?? "20", 1, SEEDS_MAX);
  const first = given.fresh ? randomBytes(8).readBigUInt64LE() >> 1n : BigInt(given.start);
  const longer = given.fresh ? Math.max(FRESH_SECONDS_MIN, seconds) : seconds;
  say(`seeds from ${first}, ${longer} virtual seconds each`);
  return Array.from({ length: count }, (_, at) => {
    return { seed: String(first + BigInt(at)), seconds: longer, overrides };
  });
}

function slice(): readonly Job[] {
  return SLICE.flatMap(({ start, count, seconds }) =>
    Array.from({ length: count }, (_, at) => {
      return { seed: String(start + at), seconds, overrides: {} };
    }),
  );
}

function regressions(): readonly Job[] {
  return JSON.parse(readFileSync(REGRESSIONS, "utf8")) as readonly Job[];
}

async function runOne(job: Job): Promise<void> {
  const options = optionsOf(BigInt(job.seed), job.seconds * 1000, job.overrides);
  const beganMs = performance.now();
  const result = await runSeed(options, given.trace ? say : undefined);
  const outcome = outcomeOf(job, options, result);
  if (given.history !== undefined) {
    writeFileSync(given.history, result.history.map((event) => JSON.stringify(event)).join("\n"));
  }
  const sums = new Sums();
  sums.add(outcome);
  say(outcomeLine(outcome));
  say(`trace ${outcome.traceHash}`);
  for (const line of failureLines(outcome)) say(line);
  sayEnd(sums, beganMs);
}

async function runMany(fleet: Fleet, atOnce: number, jobs: readonly Job[]): Promise<void> {
  const sums = new Sums();
  const failed: Outcome[] = [];
  const beganMs = performance.now();
  await fleet.runAll(jobs, (outcome) => {
    sums.add(outcome);
    say(outcomeLine(outcome));
    if (outcome.violations.length > 0) failed.push(outcome);
  });
  const endedMs = performance.now();
  const shrinkMs = 1000 * whole("shrink-seconds", given["shrink-seconds"], 0, SECONDS_MAX);
  for (const [at, outcome] of failed.entries()) {
    for (const line of failureLines(outcome)) say(line);
    if (at < SHRUNK_MAX && shrinkMs > 0) {
      await shrinkFailure({ fleet, outcome, atOnce, shrinkMs, say });
    }
  }
  sayEnd(sums, beganMs, endedMs);
}

async function verify(text: string, seconds: number, overrides: OptionOverrides): Promise<void> {
  const count = whole("verify-determinism", text, 1, SEEDS_MAX);
  const first = BigInt(given.start);
  const seeds = Array.from({ length: count }, (_, at) => String(first + BigInt(at)));
  const hashes = new Map<string, string[]>();
  // Two processes that both run every seed, in opposite orders.
  const fleets = [new Fleet(1), new Fleet(1)];
  await Promise.all(
    fleets.map(async (fleet, which) => {
      const order = which === 0 ? seeds : seeds.toReversed();
      const jobs = order.map((seed) => ({ seed, seconds, overrides }));
      await fleet.runAll(jobs, ({ job, traceHash }) => {
        hashes.set(job.seed, [...(hashes.get(job.seed) ?? []), traceHash]);
      });
      fleet.close();
    }),
  );
  const different = [...hashes].filter(([, [one, two]]) => one !== two || one === "");
  for (const [seed, pair] of different) say(`seed ${seed} differs: ${pair.join(" ")}`);
  say(`seeds ${count}, each in two processes, different ${different.length}`);
  if (different.length > 0) process.exitCode = 1;
}

function sayEnd(sums: Sums, beganMs: number, endedMs = performance.now()): void {
  const hours = (endedMs - beganMs) / 3_600_000;
  for (const line of sums.faultLines()) say(line);
  say(`acknowledged ${sums.acknowledged}, events ${sums.events}`);
  say(`simulated hours per wall hour ${(sums.virtualMs / 3_600_000 / hours).toFixed(1)}`);
  if (sums.gaveUp > 0) say(`gave up ${sums.gaveUp}: the machine was too slow to say`);
  say(`seeds ${sums.runs}, violations ${sums.failed}`);
  if (sums.failed > 0) process.exitCode = 1;
  else if (sums.gaveUp > 0) process.exitCode = EXIT_GAVE_UP;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} is ${text}, but must be a whole number from ${least} to ${most}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
