/** `npm run bench -- put [--seconds 10] [--rounds 3] [--shards 3] [--save]`: one command per question. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ROOT } from "./local-cluster.ts";
import type { PutBenchRow } from "./put-bench.ts";
import { runPutBench } from "./put-bench.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    shards: { type: "string", default: "3" },
    save: { type: "boolean", default: false },
  },
});

function table(rows: readonly PutBenchRow[]): string {
  const processes = Object.keys(rows[0]?.cpuMsPerMegabyte ?? {});
  const header = [
    "path",
    "records/s",
    "MB/s",
    "p50 ms",
    "p99 ms",
    ...processes.map((name) => `${name} ms/MB`),
  ];
  const cells = rows.map((row) => [
    row.path,
    row.recordsPerSecond.toFixed(0),
    row.megabytesPerSecond.toFixed(1),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    ...processes.map((name) => (row.cpuMsPerMegabyte[name] ?? Number.NaN).toFixed(2)),
  ]);
  const line = (words: readonly string[]) => `| ${words.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...cells.map(line)].join("\n");
}

async function main(): Promise<void> {
  if (positionals[0] !== "put" || positionals.length !== 1) {
    console.error(`unknown benchmark "${positionals.join(" ")}"; there is: put`);
    process.exit(2);
  }
  const options = {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    shards: Number(values.shards),
    progress: (text: string) => console.error(text),
  };
  if (
    !(options.seconds > 0 && options.seconds <= 600 && options.rounds >= 1 && options.shards >= 1)
  ) {
    console.error("--seconds must be in 1..600, --rounds and --shards at least 1");
    process.exit(2);
  }
  const rows = await runPutBench(options);
  const machine = `${cpus().length} cores, Node ${process.version}`;
  console.log(
    `put: 3 nodes, 3 replicas, majority synced, 1 KiB records, ${machine}; medians of ${options.rounds}`,
  );
  console.log(table(rows));
  if (!values.save) return;
  const results = join(ROOT, "packages", "bench", "results");
  mkdirSync(results, { recursive: true });
  writeFileSync(
    join(results, "put.json"),
    `${JSON.stringify({ machine, ...values, rows }, undefined, 2)}\n`,
  );
}

await main();
