/**
 * Makes every mistake of `mutants.ts` in a copy of this package, and says which test notices it.
 *
 * Tests that cannot fail prove nothing; this is the proof that ours can. Each mistake has a copy of
 * its own outside the work tree, which is removed whatever happens. A test that notices it has a
 * name: a crash, an import that fails or a run that hangs is no catch.
 *
 * `tsx mutants/run.ts [words]` runs those whose name has the words. Exit status 1 if a mistake is
 * not caught, cannot be made, or if the tests fail without any.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, setPriority, tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { MUTANTS, type Mutant } from "./mutants.ts";

/** Copies that are tested at a time; each uses about one core. */
const AT_A_TIME = 2;
/** A run that takes longer has hung. */
const RUN_MS_MAX = 60_000;
/** Seeds of the random cluster: enough to notice, and no more. */
const MODEL_SEEDS = "20";

const PACKAGE = join(import.meta.dirname, "..");
const MODULES = join(PACKAGE, "..", "..", "node_modules");
const VITEST = join(MODULES, "vitest", "vitest.mjs");

/** What is asked after a mistake's own tests, one after the other until something fails. */
const STAGES: readonly (readonly string[])[] = [
  // Not those that read the sources as text: behaviour is not what they can notice.
  ["src/**/!(scenarios|behaviours|index|*.property).test.ts"],
  ["src/**/*.property.test.ts"],
  ["src/testing/scenarios.test.ts"],
];

/** Not in a copy: results, and what would point out of it. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "dist",
  "node_modules",
  "mutants",
  "oracle",
  "tsconfig.json",
]);

interface Run {
  /** Name of the first test that failed, and its file. */
  readonly failed?: { readonly title: string; readonly file: string };
  readonly passed: number;
  /** Why there is no result, if there is none. */
  readonly broken?: string;
}

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

interface Row {
  readonly name: string;
  readonly file: string;
  readonly caughtBy: string;
  readonly seconds: number;
  readonly isCaught: boolean;
}

/** A copy of the package in which tests can be run. */
class Copy {
  readonly #root = mkdtempSync(join(tmpdir(), "raft-ts-mutant-"));

  constructor() {
    const filter = (path: string) => !NOT_COPIED.has(basename(path));
    cpSync(PACKAGE, this.#root, { recursive: true, filter });
    symlinkSync(MODULES, join(this.#root, "node_modules"), "dir");
  }

  /** Makes the mistake; the reason if it cannot be made. */
  apply({ edits }: Mutant): string | undefined {
    for (const { file, from, to } of edits) {
      const path = join(this.#root, "src", file);
      const parts = readFileSync(path, "utf8").split(from);
      if (parts.length !== 2) return `${file} has ${parts.length - 1} times: ${from.trim()}`;
      writeFileSync(path, parts.join(to));
    }
    return undefined;
  }

  /** True if the package has that test file. */
  has(test: string): boolean {
    return existsSync(join(this.#root, "src", test));
  }

  async run(include: readonly string[]): Promise<Run> {
    const output = join(this.#root, "report.json");
    rmSync(output, { force: true });
    const config = { cacheDir: join(this.#root, ".cache"), test: { include, testTimeout: 20_000 } };
    writeFileSync(
      join(this.#root, "vitest.config.mjs"),
      `export default ${JSON.stringify(config)};\n`,
    );
    const args = ["run", "--root", this.#root, "--bail", "1", "--maxWorkers", "1", "--no-isolate"];
    args.push("--reporter", "json", "--outputFile", output);
    const ended = await vitest(args);
    if (!existsSync(output)) return { passed: 0, broken: ended };
    return resultOf(JSON.parse(readFileSync(output, "utf8")) as Report, ended);
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function vitest(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, RAFT_MODEL_SEEDS: MODEL_SEEDS, FORCE_COLOR: "0" };
    const child = spawn(process.execPath, [VITEST, ...args], { env, stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? `exit status ${code}` : `hung for ${RUN_MS_MAX} ms`);
    });
  });
}

function resultOf(report: Report, ended: string): Run {
  const passed = report.numPassedTests;
  for (const { name, assertionResults } of report.testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) {
      return { passed, failed: { title: failed.fullName.trim(), file: basename(name) } };
    }
  }
  const broken = report.testResults.find(({ message }) => message !== undefined && message !== "");
  if (broken !== undefined)
    return { passed, broken: `${basename(broken.name)}: ${broken.message}` };
  return ended === "exit status 0" ? { passed } : { passed, broken: ended };
}

async function tryMutant(mutant: Mutant): Promise<Row> {
  const startMs = performance.now();
  const copy = new Copy();
  const row = (caughtBy: string, isCaught: boolean): Row => ({
    name: mutant.name,
    file: [...new Set(mutant.edits.map(({ file }) => file))].join(", "),
    caughtBy,
    seconds: (performance.now() - startMs) / 1000,
    isCaught,
  });
  try {
    const refusal = copy.apply(mutant);
    if (refusal !== undefined) return row(`CANNOT BE MADE: ${refusal}`, false);
    const own = mutant.tests.filter((test) => copy.has(test)).map((test) => `src/${test}`);
    let broken: string | undefined;
    for (const include of [own, ...STAGES]) {
      const run = await copy.run(include);
      if (run.failed !== undefined) return row(`${run.failed.file}: ${run.failed.title}`, true);
      broken ??= run.broken;
    }
    return row(broken === undefined ? "SURVIVES" : `NO TEST FAILS BY NAME: ${broken}`, false);
  } finally {
    copy.remove();
  }
}

/** The tests as they are must pass, or a failure would say nothing. */
async function baseline(): Promise<string | undefined> {
  const copy = new Copy();
  try {
    for (const include of STAGES) {
      const { failed, broken, passed } = await copy.run(include);
      if (failed !== undefined) return `${failed.file}: ${failed.title}`;
      if (broken !== undefined) return broken;
      if (passed === 0) return `no tests in ${include.join(", ")}`;
    }
    return undefined;
  } finally {
    copy.remove();
  }
}

async function runAll(mutants: readonly Mutant[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const waiting = [...mutants];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const row = await tryMutant(next);
      rows.push(row);
      console.log(`| ${row.name} | ${row.file} | ${row.caughtBy} | ${row.seconds.toFixed(1)} |`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return rows;
}

const words = process.argv.slice(2).join(" ");
const chosen = MUTANTS.filter(({ name }) => name.includes(words));
setPriority(constants.priority.PRIORITY_LOW);
const unsound = await baseline();
if (unsound !== undefined) {
  console.error(`without any mistake a test fails: ${unsound}`);
  process.exit(1);
}
console.log("| a node that | file | is caught by | seconds |\n| --- | --- | --- | --- |");
const rows = await runAll(chosen);
const missed = rows.filter(({ isCaught }) => !isCaught);
console.log(
  `mutants ${rows.length}, caught ${rows.length - missed.length}, missed ${missed.length}`,
);
if (rows.length === 0 || missed.length > 0) process.exitCode = 1;
