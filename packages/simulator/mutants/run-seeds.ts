/**
 * The program in every bundle: seeds one after the other, one line of JSON each, until it is stopped.
 * `node BUNDLE FIRST COUNT SECONDS [rot] [replace] [focus:KIND]... [small]`
 *
 * With `focus` or `small` seeds are passed over that draw none of those faults, or large clusters: a
 * mutant that only power cuts betray is found sooner, at a seed that is plain all the same.
 */
import process from "node:process";

import { optionsOf, type SimOptions } from "../src/options.ts";
import { runSeed } from "../src/run-seed.ts";

export interface SeedLine {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly seconds: number;
}

const words = process.argv.slice(2);
const [first = 1, count = 1, seconds = 30] = words.map(Number);
const overrides = { rot: words.includes("rot"), replace: words.includes("replace") };
const focus = words.flatMap((word) => (word.startsWith("focus:") ? word.slice(6) : []));

function isWorthIt({ faults, operations, nodes, shards }: SimOptions): boolean {
  if (words.includes("small") && (nodes > 3 || shards > 2)) return false;
  return focus.length === 0 || [...faults, ...operations].some((kind) => focus.includes(kind));
}

for (let seed = first; seed < first + count; seed++) {
  const options = optionsOf(BigInt(seed), seconds * 1000, overrides);
  if (!isWorthIt(options)) continue;
  const beganMs = performance.now();
  const { violations } = await runSeed(options);
  const tookMs = performance.now() - beganMs;
  const line: SeedLine = { seed, violations, seconds: tookMs / 1000 };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
