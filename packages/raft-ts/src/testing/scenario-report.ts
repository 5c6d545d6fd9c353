/** Running folders of scenario files and telling what came out. */
import type { ScenarioFailure } from "./datadriven.ts";
import { diffLines } from "./scenario-diff.ts";
import {
  runScenarioFile,
  scenarioFiles,
  shortName,
  updateScenarioFile,
  type ScenarioFile,
} from "./scenario-files.ts";

type Print = (text: string) => void;

/**
 * Runs all files whose name contains `only` and prints a line for each, every difference, and last
 * `files F, cases C, failed X`.
 *
 * @returns true if no case failed.
 * @throws Error if a folder is absent or no file is left to run.
 */
export function reportScenarios(folders: readonly string[], only: string, print: Print): boolean {
  let files = 0;
  let cases = 0;
  let failed = 0;
  for (const { folder, file } of chosenFiles(folders, only)) {
    const result = run(file);
    files += 1;
    cases += result.cases;
    failed += result.failures.length;
    const verdict = result.failures.length === 0 ? "ok" : "FAILED";
    print(`${verdict} ${shortName(folder)}/${file.name} (${result.cases} cases)`);
    for (const failure of result.failures) print(failureText(file, failure));
  }
  print(`files ${files}, cases ${cases}, failed ${failed}`);
  return failed === 0;
}

/** Rewrites the hand-checked files. @throws Error at the first file that is none of them. */
export function updateScenarios(folders: readonly string[], only: string, print: Print): void {
  for (const { file } of chosenFiles(folders, only)) {
    print(`${updateScenarioFile(file) ? "rewritten" : "unchanged"} ${file.name}`);
  }
}

function chosenFiles(
  folders: readonly string[],
  only: string,
): { folder: string; file: ScenarioFile }[] {
  const chosen = folders.flatMap((folder) =>
    scenarioFiles(folder)
      .filter(({ name }) => name.includes(only))
      .map((file) => ({ folder, file })),
  );
  if (chosen.length === 0) throw new Error(`no scenario file has ${only} in its name`);
  return chosen;
}

/** A file that cannot be read as a scenario counts as one case that failed. */
function run(file: ScenarioFile): { cases: number; failures: ScenarioFailure[] } {
  try {
    return runScenarioFile(file);
  } catch (error) {
    const actual = `${error instanceof Error ? error.message : String(error)}\n`;
    const failure = { name: file.name, line: 1, command: "(the file)", expected: "", actual };
    return { cases: 1, failures: [failure] };
  }
}

function failureText(file: ScenarioFile, { line, command, expected, actual }: ScenarioFailure) {
  return `${file.path}:${line}: ${command}\n${diffLines(expected, actual)}`.trimEnd();
}
