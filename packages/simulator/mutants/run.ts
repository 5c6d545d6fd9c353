/**
 * `npm run sim:mutants`: runs every mistake under seed after seed until a check names a broken rule.
 *
 *   [NAME ...]   those mutants alone
 *   --seeds N    at most so many seeds per mutant; 500 unless told
 *   --jobs N     mutants at a time, each in a process of its own; 2 unless told
 *   --focus K    only seeds that draw fault or operation K; may be given several times
 *   --small      only seeds of three nodes and at most two shards
 *   --fresh      does not go on from the report of an earlier run
 *   --quick      the seeds of `table.json` alone, for CI
 *   --record     writes `table.json`
 *
 * A simulator that reports no violation proves something only if it would have. The report carries a
 * hash of the sources: a run that was cut off goes on where it was, and on other sources anew. Exit
 * status 1 when a mutant survives or cannot be made.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { Baseline } from "./baseline.ts";
import { bundle, type Bundle } from "./bundle.ts";
import { hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { Report, type Row } from "./report.ts";

const SEEDS_MAX = 500;
/** Virtual seconds with faults of each seed: those of `npm run sim`. */
const SECONDS = 30;
const TABLE = join(import.meta.dirname, "table.json");
/** Sources change, and a seed runs differently then: so many after the recorded one may catch it too. */
const QUICK_SEEDS_MAX = 8;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: String(SEEDS_MAX) },
    jobs: { type: "string", default: "2" },
    focus: { type: "string", multiple: true, default: [] },
    small: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});

type Table = Record<string, number>;

const baseline = new Baseline();
const table = JSON.parse(readFileSync(TABLE, "utf8")) as Table;

async function tryMutant(mutant: Mutant, report: Report): Promise<Row> {
  const { name, does } = mutant;
  let made: Bundle;
  try {
    made = await bundle(mutant);
  } catch (error) {
    return { name, does, tree: "", seeds: 0, remark: `cannot be made: ${String(error)}` };
  }
  const known = report.find(name, made.tree);
  if (known !== undefined) return known;
  const options = [
    String(SECONDS),
    ...(mutant.needs === undefined ? [] : [mutant.needs]),
    ...given.focus.map((kind) => `focus:${kind}`),
    ...(given.small ? ["small"] : []),
  ];
  const first = given.quick ? (table[name] ?? 1) : 1;
  const end = first + (given.quick ? QUICK_SEEDS_MAX : Number(given.seeds));
  let { caught, seeds, remark } = await hunt(made.path, first, end - first, options);
  while (caught !== undefined && (await baseline.rules(caught.seed, options)).has(caught.rule)) {
    remark = `seed ${caught.seed} breaks ${caught.rule} without it too`;
    const next = caught.seed + 1;
    const more = await hunt(made.path, next, end - next, options);
    caught = more.caught;
    seeds += more.seeds;
  }
  return { name, does, tree: made.tree, seeds, ...(caught ?? { remark }) };
}

function lineOf({ name, seed, rule, seconds, violation, seeds, remark }: Row): string {
  if (seed === undefined) return `mutant ${name} SURVIVED ${seeds} seeds ${remark ?? ""}`;
  const took = (seconds ?? 0).toFixed(1);
  return `mutant ${name} caught at seed ${seed} (${rule}, ${took} s): ${violation?.slice(0, 160)}`;
}

async function runAll(mutants: readonly Mutant[], report: Report): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const waiting = [...mutants];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const row = await tryMutant(next, report);
      rows.push(row);
      report.add(row);
      console.log(lineOf(row));
    }
  };
  await Promise.all(Array.from({ length: Number(given.jobs) }, worker));
  return rows;
}

const named = MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const chosen = named.filter(({ name }) => !given.quick || table[name] !== undefined);
const left = named.filter((mutant) => !chosen.includes(mutant)).map(({ name }) => name);
if (left.length > 0) console.log(`without a seed in table.json: ${left.join(", ")}`);
const report = new Report(given.quick ? "quick" : "full", given.fresh || given.quick);
const rows = await runAll(chosen, report);
const caught = rows.filter(({ seed }) => seed !== undefined);
const most = Math.max(0, ...caught.map(({ seed = 0 }) => seed));
console.log(
  `mutants ${rows.length}, caught ${caught.length}, survived ${rows.length - caught.length}, ` +
    `most seeds ${most}`,
);
if (given.record) {
  for (const { name, seed } of caught) table[name] = seed ?? 0;
  const names = MUTANTS.map(({ name }) => name).filter((name) => table[name] !== undefined);
  const kept = Object.fromEntries(names.map((name) => [name, table[name]]));
  writeFileSync(TABLE, `${JSON.stringify(kept, undefined, 2)}\n`);
}
if (rows.length === 0 || caught.length < rows.length) process.exitCode = 1;
