/**
 * `npm run bench -- put|raft [--seconds 10] [--rounds 3] [--shards 3] [--groups 3000] [--save]`: one
 * command per question.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ROOT } from "./local-cluster.ts";
import type { PutBenchRow } from "./put-bench.ts";
import { runPutBench } from "./put-bench.ts";
import { runRaftBench } from "./raft/raft-bench.ts";
import { raftTable } from "./raft/raft-report.ts";
import { markdownTable } from "./table.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    rounds: { type: "string", default: "3" },
    shards: { type: "string", default: "3" },
    groups: { type: "string", default: "3000" },
    save: { type: "boolean", default: false },
  },
});

const options = {
  seconds: Number(values.seconds ?? (positionals[0] === "raft" ? 1 : 10)),
  rounds: Number(values.rounds),
  shards: Number(values.shards),
  groups: Number(values.groups),
  progress: (text: string) => console.error(text),
};

const machine = `${cpus().length} cores, Node ${process.version}`;

function putTable(rows: readonly PutBenchRow[]): string {
  const processes = Object.keys(rows[0]?.cpuMsPerMegabyte ?? {});
  const header = ["path", "records/s", "MB/s", "p50 ms", "p99 ms"];
  return markdownTable(
    [...header, ...processes.map((name) => `${name} ms/MB`)],
    rows.map((row) => [
      row.path,
      row.recordsPerSecond.toFixed(0),
      row.megabytesPerSecond.toFixed(1),
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      ...processes.map((name) => (row.cpuMsPerMegabyte[name] ?? Number.NaN).toFixed(2)),
    ]),
  );
}

async function put(): Promise<object> {
  const rows = await runPutBench(options);
  console.log(
    `put: 3 nodes, 3 replicas, majority synced, 1 KiB records, ${machine}; medians of ${options.rounds}`,
  );
  console.log(putTable(rows));
  return { rows };
}

function raft(): object {
  const result = runRaftBench(options);
  console.log(
    `raft: 3 nodes in one process, storage in memory, 128-byte entries, batches of 64, ` +
      `${machine}; medians of ${options.rounds}`,
  );
  console.log(raftTable(result));
  return result;
}

const BENCHMARKS: ReadonlyMap<string, () => object | Promise<object>> = new Map([
  ["put", put],
  ["raft", raft],
]);

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

async function main(): Promise<void> {
  const name = positionals.join(" ");
  const benchmark = BENCHMARKS.get(name);
  if (benchmark === undefined) {
    refuse(`unknown benchmark "${name}"; there are: ${[...BENCHMARKS.keys()].join(", ")}`);
  }
  const { seconds, rounds, shards, groups } = options;
  if (!(seconds > 0 && seconds <= 600)) refuse(`--seconds must be in 0..600, got ${seconds}`);
  for (const [flag, value] of Object.entries({ rounds, shards, groups })) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 100_000) {
      refuse(`--${flag} must be a whole number in 1..100000, got ${value}`);
    }
  }
  const result = await benchmark();
  if (!values.save) return;
  const results = join(ROOT, "packages", "bench", "results");
  mkdirSync(results, { recursive: true });
  writeFileSync(
    join(results, `${name}.json`),
    `${JSON.stringify({ machine, ...values, ...result }, undefined, 2)}\n`,
  );
}

await main();
