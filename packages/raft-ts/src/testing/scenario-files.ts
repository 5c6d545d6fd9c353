/**
 * Finding scenario files and running each with the handler of its folder.
 *
 * Three folders are run by default. `testdata/etcd` and the folder of the reference's files
 * (MILLRACE_RAFT_TESTDATA, or `../shared/etcd-raft-testdata` beside the repository, where it
 * exists) hold expected text that etcd printed; `testdata/own` holds directives that etcd's harness
 * does not know, with expected text that was checked by hand.
 *
 *   F1  expected text of etcd is never written by our own node: it would then say only that the
 *       node does what it does. `packages/raft-ts/oracle/regenerate` is its one source.
 */
// oxlint-disable-next-line no-restricted-imports -- a program for tests; the core never reads files
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { confChangeHandler } from "./conf-change-runner.ts";
import {
  rewriteScenario,
  runScenario,
  type ScenarioFailure,
  type ScenarioHandler,
} from "./datadriven.ts";
import { interactionHandler } from "./interaction-runner.ts";
import { handleQuorum } from "./quorum-runner.ts";

/** The three formats, by the name of the sub-folder that holds their files. */
export const SCENARIO_KINDS = ["raft", "quorum", "confchange"] as const;

export type ScenarioKind = (typeof SCENARIO_KINDS)[number];

export interface ScenarioFile {
  /** Folder and file: `raft/campaign.txt`. */
  readonly name: string;
  readonly kind: ScenarioKind;
  readonly path: string;
}

const HANDLERS: Readonly<Record<ScenarioKind, () => ScenarioHandler>> = {
  raft: interactionHandler,
  quorum: () => handleQuorum,
  confchange: confChangeHandler,
};

/** Files of this package whose expected text etcd printed. */
export const ETCD_FOLDER: string = folderBeside("../../testdata/etcd");

/** Files of this package whose expected text was checked by hand. */
export const OWN_FOLDER: string = folderBeside("../../testdata/own");

/** The folder of the reference's scenarios, or undefined where it is absent. */
export function referenceFolder(): string | undefined {
  const folder =
    process.env["MILLRACE_RAFT_TESTDATA"] ??
    folderBeside("../../../../../shared/etcd-raft-testdata");
  return existsSync(folder) ? folder : undefined;
}

function folderBeside(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** A handler with a state of its own, for one file. */
export function handlerOf(kind: ScenarioKind): ScenarioHandler {
  return HANDLERS[kind]();
}

/**
 * All scenario files of a folder, in order of their names.
 *
 * @throws Error if the folder does not exist or has no scenario file: a wrong path must not pass
 * for a folder without failures.
 */
export function scenarioFiles(folder: string): ScenarioFile[] {
  if (!existsSync(folder)) throw new Error(`scenario folder ${folder} does not exist`);
  const files = SCENARIO_KINDS.flatMap((kind) => {
    const inner = join(folder, kind);
    if (!existsSync(inner)) return [];
    return readdirSync(inner)
      .filter((file) => file.endsWith(".txt"))
      .sort()
      .map((file) => ({ name: `${kind}/${file}`, kind, path: join(inner, file) }));
  });
  if (files.length > 0) return files;
  throw new Error(`${folder} has no .txt file in a sub-folder ${SCENARIO_KINDS.join(", ")}`);
}

/** Runs one file; a file that cannot be read as a scenario is one failure. */
export function runScenarioFile(file: ScenarioFile): {
  cases: number;
  failures: ScenarioFailure[];
} {
  return runScenario(file.name, readFileSync(file.path, "utf8"), handlerOf(file.kind));
}

/**
 * Rewrites the expected text of a hand-checked file from what our node prints (F1).
 *
 * @returns true if the text changed.
 * @throws Error if the file is not in `ownFolder`.
 */
export function updateScenarioFile(file: ScenarioFile, ownFolder: string = OWN_FOLDER): boolean {
  const path = realpathSync(file.path);
  const isOwn = existsSync(ownFolder) && path.startsWith(realpathSync(ownFolder) + sep);
  if (!isOwn) {
    throw new Error(
      `refused to update ${path}: only hand-checked files (${ownFolder}) are rewritten from our ` +
        "own output; text that came from etcd is made by packages/raft-ts/oracle/regenerate",
    );
  }
  const text = readFileSync(path, "utf8");
  const updated = rewriteScenario(text, handlerOf(file.kind));
  if (updated !== text) writeFileSync(path, updated);
  return updated !== text;
}

/** `testdata/etcd` of a longer path, for a report. */
export function shortName(folder: string): string {
  return join(basename(dirname(folder)), basename(folder));
}
