/**
 * `npm run sim`: one seed, or many one after the other.
 *
 *   --seed N [--trace] [--history FILE]   one seed, its trace hash
 *   --seeds N [--start S] [--fresh]       N seeds from S on, by chance with --fresh
 *   --seconds T                           virtual seconds with faults, 1..3600; 30 unless told
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { optionsOf } from "./options.ts";
import type { SeedResult } from "./run-seed.ts";
import { runSeed } from "./run-seed.ts";

const SEEDS_MAX = 1_000_000;
const SECONDS_MAX = 3600;

const { values: given } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    start: { type: "string", default: "1" },
    seconds: { type: "string", default: "30" },
    history: { type: "string" },
    fresh: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  const seconds = whole("seconds", given.seconds, 1, SECONDS_MAX);
  const isSingle = given.seed !== undefined;
  const count = isSingle ? 1 : whole("seeds", given.seeds ?? "20", 1, SEEDS_MAX);
  const drawn = given.fresh ? randomBytes(8).readBigUInt64LE() >> 1n : BigInt(given.start);
  const first = isSingle ? BigInt(given.seed ?? "") : drawn;
  const beganMs = performance.now();
  const sums = new Sums();
  for (let at = 0; at < count; at++) {
    const options = optionsOf(first + BigInt(at), seconds * 1000);
    const seedBeganMs = performance.now();
    const result = await runSeed(options, given.trace ? say : undefined);
    sums.add(result);
    const tookMs = performance.now() - seedBeganMs;
    say(line(result, tookMs));
    if (isSingle) say(`trace ${result.traceHash}`);
    if (result.violations.length > 0) sayFailure(result, options, seconds);
    if (given.history !== undefined) {
      writeFileSync(given.history, result.history.map((event) => JSON.stringify(event)).join("\n"));
    }
  }
  const hours = (performance.now() - beganMs) / 3_600_000;
  say(`faults ${sums.faultsInWords()}`);
  say(`acknowledged ${sums.acknowledged}`);
  say(`simulated hours per wall hour ${(sums.virtualMs / 3_600_000 / hours).toFixed(1)}`);
  say(`seeds ${count}, violations ${sums.failed}`);
  process.exitCode = sums.failed > 0 ? 1 : 0;
}

class Sums {
  failed = 0;
  virtualMs = 0;
  acknowledged = 0;
  readonly #faults = new Map<string, number>();

  add({ violations, virtualMs, counts, faults }: SeedResult): void {
    if (violations.length > 0) this.failed += 1;
    this.virtualMs += virtualMs;
    this.acknowledged += counts?.acknowledged ?? 0;
    for (const [kind, fired] of faults) {
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + fired);
    }
  }

  faultsInWords(): string {
    const words = [...this.#faults].map(([kind, fired]) => `${kind} ${fired}`).toSorted();
    return words.length === 0 ? "none" : words.join(", ");
  }
}

function line({ seed, events, virtualMs, counts, violations }: SeedResult, tookMs: number): string {
  const { acknowledged = 0, lost = 0, duplicate = 0, reordered = 0, phantom = 0 } = counts ?? {};
  return (
    `seed ${seed} ${violations.length === 0 ? "ok" : "FAILED"} events ${events} ` +
    `virtual ${(virtualMs / 1000).toFixed(1)} s wall ${(tookMs / 1000).toFixed(1)} s ` +
    `acknowledged ${acknowledged} lost ${lost} duplicate ${duplicate} reordered ${reordered} ` +
    `phantom ${phantom}`
  );
}

function sayFailure(result: SeedResult, options: object, seconds: number): void {
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? String(value) : value;
  say(`--- seed ${result.seed} failed`);
  say(`options ${JSON.stringify(options, plain)}`);
  for (const sentence of result.violations) say(`violation ${sentence}`);
  for (const last of result.lastLines) say(`  ${last}`);
  say(`replay: npm run sim -- --seed ${result.seed} --seconds ${seconds}`);
  say("---");
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
