/**
 * The program in every bundle: seeds one after the other, one line of JSON each, until it is stopped.
 * `node BUNDLE FIRST COUNT SECONDS [rot]`
 */
import process from "node:process";

import { optionsOf } from "../src/options.ts";
import { runSeed } from "../src/run-seed.ts";

export interface SeedLine {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly seconds: number;
}

const words = process.argv.slice(2);
const [first = 1, count = 1, seconds = 30] = words.map(Number);
const overrides = words.includes("rot") ? { rot: true } : {};
for (let seed = first; seed < first + count; seed++) {
  const beganMs = performance.now();
  const { violations } = await runSeed(optionsOf(BigInt(seed), seconds * 1000, overrides));
  const tookMs = performance.now() - beganMs;
  const line: SeedLine = { seed, violations, seconds: tookMs / 1000 };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
