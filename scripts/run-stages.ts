/**
 * Every test stage in order, each with its time, and the sum of all tests at the end.
 *
 * Vitest's JSON reports are added up, so that "N passed, N failed, N skipped" counts real tests. A
 * stage that fails does not stop the later ones: one run tells everything that is broken.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  /** Runs with --ci alone. */
  readonly slow?: boolean;
  /** Name of the JSON report that the stage's tests are counted from. */
  readonly report?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly minutesMax: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

const REPORTS = "test-results";
const ci = process.argv.includes("--ci");
const only = process.argv.slice(2).filter((word) => !word.startsWith("--"));

const vitest = (report: string, ...projects: string[]) => [
  "npx",
  "vitest",
  "run",
  "--reporter=dot",
  "--reporter=json",
  `--outputFile.json=${REPORTS}/${report}.json`,
  ...projects.flatMap((project) => ["--project", project]),
];

const STAGES: readonly Stage[] = [
  { name: "generate", command: ["npm", "run", "--silent", "generate"], minutesMax: 3 },
  { name: "check-clean", command: ["npx", "tsx", "scripts/check-clean.ts"], minutesMax: 1 },
  { name: "check", command: ["npm", "run", "--silent", "check"], minutesMax: 5 },
  { name: "unit", command: vitest("unit", "unit", "property"), report: "unit", minutesMax: 10 },
  {
    name: "raft-scenarios",
    command: ["npx", "tsx", "packages/raft-ts/src/testing/run-scenarios.ts"],
    minutesMax: 2,
  },
  {
    name: "raft-mutants",
    command: ["npm", "run", "--silent", "raft:mutants"],
    slow: true,
    minutesMax: 8,
  },
  {
    name: "raft-package",
    command: ["npm", "run", "--silent", "raft:package"],
    slow: true,
    minutesMax: 3,
  },
  {
    name: "sim",
    command: ["npm", "run", "--silent", "sim", "--", ...(ci ? ["--slice"] : ["--seeds", "10"])],
    minutesMax: 10,
  },
  {
    name: "sim-mutants",
    command: ["npm", "run", "--silent", "sim:mutants", "--", "--quick"],
    slow: true,
    minutesMax: 8,
  },
  {
    name: "integration",
    command: vitest("integration", "integration"),
    report: "integration",
    minutesMax: 8,
  },
  {
    name: "conformance",
    command: vitest("conformance", "conformance"),
    report: "conformance",
    minutesMax: 8,
  },
  {
    name: "test-tools",
    command: ["bash", "scripts/install-test-tools"],
    slow: true,
    minutesMax: 8,
  },
  { name: "e2e", command: vitest("e2e", "e2e"), report: "e2e", slow: true, minutesMax: 25 },
  {
    name: "faults",
    command: vitest("faults", "faults"),
    report: "faults",
    slow: true,
    minutesMax: 15,
  },
  {
    name: "bench-smoke",
    command: ["npm", "run", "--silent", "bench", "--", "put", "--seconds", "2", "--rounds", "1"],
    slow: true,
    minutesMax: 5,
  },
  { name: "node-22", command: ["bash", "scripts/test-on-node", "22"], slow: true, minutesMax: 8 },
  { name: "node-24", command: ["bash", "scripts/test-on-node", "24"], slow: true, minutesMax: 8 },
];

/** A stage that takes too long ends with all that it started: left over, it would slow down what follows. */
async function run(stage: Stage): Promise<{ readonly ok: boolean; readonly seconds: number }> {
  const startedMs = performance.now();
  console.log(`\n=== ${stage.name}: ${stage.command.join(" ")}`);
  const [program = "", ...words] = stage.command;
  const child = spawn(program, words, {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
    env: { ...process.env, FORCE_COLOR: "0", ...stage.environment },
  });
  const limit = setTimeout(() => {
    console.log(`${stage.name}: not done within ${stage.minutesMax} minutes`);
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, stage.minutesMax * 60_000);
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    process.exit(130);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const ok = await new Promise<boolean>((resolve) => {
    child.once("error", (error) => {
      console.log(`${stage.name}: ${error.message}`);
      resolve(false);
    });
    child.once("exit", (code) => resolve(code === 0));
  });
  clearTimeout(limit);
  process.off("SIGINT", stop);
  process.off("SIGTERM", stop);
  return { ok, seconds: (performance.now() - startedMs) / 1000 };
}

function counts(report: string): VitestReport | undefined {
  const path = join(REPORTS, `${report}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as VitestReport) : undefined;
}

mkdirSync(REPORTS, { recursive: true });
// An old report must not be counted; those of long proofs beside them are to be gone on with.
for (const { report } of STAGES) {
  if (report !== undefined) rmSync(join(REPORTS, `${report}.json`), { force: true });
}
const chosen = STAGES.filter((stage) =>
  only.length > 0 ? only.includes(stage.name) : ci || stage.slow !== true,
);
let passed = 0;
let failed = 0;
let skipped = 0;
const lines: string[] = [];
for (const stage of chosen) {
  // eslint-disable-next-line no-await-in-loop -- stages share two cores and the ports
  const { ok, seconds } = await run(stage);
  const report = stage.report === undefined ? undefined : counts(stage.report);
  // A stage without a report of its own counts as one test: it passed or it did not.
  passed += report?.numPassedTests ?? (ok ? 1 : 0);
  failed += report?.numFailedTests ?? (ok ? 0 : 1);
  skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  // A stage can fail although no test did: a file that does not load, an unhandled error, a time-out.
  if (!ok && report?.numFailedTests === 0) failed++;
  lines.push(`${ok ? "ok    " : "FAILED"} ${stage.name.padEnd(16)} ${seconds.toFixed(1)} s`);
}
console.log(`\n${lines.join("\n")}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
