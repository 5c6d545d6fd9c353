/**
 * Runs scenario files: `npm run raft:scenarios -- [--update] [--only PART] [DIR ...]`.
 *
 * Each DIR has its files in sub-folders raft, quorum and confchange. Without DIR: the files of this
 * package, and the reference's where they are. `--only` runs the files whose name contains PART.
 * `--update` first rewrites the expected text of hand-checked files, and refuses all others. The
 * last line is
 * `files F, cases C, failed X`; the exit code is 1 if any case failed or a folder has none.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { ETCD_FOLDER, OWN_FOLDER, referenceFolder } from "./scenario-files.ts";
import { reportScenarios, updateScenarios } from "./scenario-report.ts";

function main(): void {
  const { values, positionals } = parseArgs({
    options: { update: { type: "boolean", short: "u" }, only: { type: "string" } },
    allowPositionals: true,
  });
  const isUpdate = values.update === true;
  const folders = positionals.length > 0 ? positionals : defaultFolders(isUpdate);
  const only = values.only ?? "";
  if (isUpdate) updateScenarios(folders, only, print);
  if (!reportScenarios(folders, only, print)) process.exitCode = 1;
}

function defaultFolders(isUpdate: boolean): string[] {
  if (isUpdate) return [OWN_FOLDER];
  const reference = referenceFolder();
  if (reference === undefined) print("reference scenarios: folder absent, skipped");
  return [...(reference === undefined ? [] : [reference]), ETCD_FOLDER, OWN_FOLDER];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
