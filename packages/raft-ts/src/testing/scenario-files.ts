/**
 * Finding scenario files and running each with the handler of its folder.
 *
 * Two folders are run: the one that comes with this package, and, where it exists, the one with
 * the reference's files (MILLRACE_RAFT_TESTDATA, or `../shared/etcd-raft-testdata` beside the
 * repository).
 */
// oxlint-disable-next-line no-restricted-imports -- a program for tests; the core never reads files
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { confChangeHandler } from "./conf-change-runner.ts";
import { runScenario, type ScenarioFailure, type ScenarioHandler } from "./datadriven.ts";
import { interactionHandler } from "./interaction-runner.ts";
import { handleQuorum } from "./quorum-runner.ts";

const HANDLERS: Readonly<Record<string, () => ScenarioHandler>> = {
  raft: interactionHandler,
  quorum: () => handleQuorum,
  confchange: confChangeHandler,
};

export interface ScenarioFile {
  /** Folder and file: `raft/campaign.txt`. */
  readonly name: string;
  readonly kind: string;
  readonly path: string;
}

/** The folder of this package's own scenarios. */
export const OWN_FOLDER: string = fileURLToPath(new URL("../../testdata", import.meta.url));

/** The folder of the reference's scenarios, or undefined where it is absent. */
export function referenceFolder(): string | undefined {
  const beside = fileURLToPath(
    new URL("../../../../../shared/etcd-raft-testdata", import.meta.url),
  );
  const folder = process.env["MILLRACE_RAFT_TESTDATA"] ?? beside;
  return existsSync(folder) ? folder : undefined;
}

/** All scenario files of a folder, in order of their names. */
export function scenarioFiles(folder: string): ScenarioFile[] {
  return Object.keys(HANDLERS).flatMap((kind) => {
    const inner = join(folder, kind);
    if (!existsSync(inner)) return [];
    return readdirSync(inner)
      .filter((file) => file.endsWith(".txt"))
      .sort()
      .map((file) => ({ name: `${kind}/${file}`, kind, path: join(inner, file) }));
  });
}

export function runScenarioFile(file: ScenarioFile): {
  cases: number;
  failures: ScenarioFailure[];
} {
  const handler = HANDLERS[file.kind];
  if (handler === undefined) throw new Error(`no handler for ${file.kind}`);
  return runScenario(file.name, readFileSync(file.path, "utf8"), handler());
}
