/**
 * Runs all scenario files and prints a line for each: `npx tsx .../run-scenarios.ts [name ...]`;
 * with names (`raft/campaign.txt`, or a part such as `quorum/`) only the files whose name contains one.
 * Ends with code 1 if any case differs from its file.
 */
import process from "node:process";
import type { ScenarioFailure } from "./datadriven.ts";
import { OWN_FOLDER, referenceFolder, runScenarioFile, scenarioFiles } from "./scenario-files.ts";

function main(): void {
  const parts = process.argv.slice(2);
  const reference = referenceFolder();
  if (reference === undefined) print("reference scenarios: folder absent, skipped");
  let files = 0;
  let cases = 0;
  let failed = 0;
  for (const folder of [OWN_FOLDER, ...(reference === undefined ? [] : [reference])]) {
    for (const file of scenarioFiles(folder).filter(({ name }) => isChosen(name, parts))) {
      const result = runScenarioFile(file);
      files += 1;
      cases += result.cases;
      if (result.failures.length > 0) failed += 1;
      const verdict = result.failures.length === 0 ? "ok" : "FAILED";
      print(`${verdict} ${file.name} (${result.cases} cases)`);
      for (const failure of result.failures) printFailure(failure);
    }
  }
  print(`cases ${cases}`);
  print(`files ${files}, failed ${failed}`);
  if (failed > 0) process.exitCode = 1;
}

function isChosen(name: string, parts: readonly string[]): boolean {
  return parts.length === 0 || parts.some((part) => name.includes(part));
}

function printFailure({ name, line, command, expected, actual }: ScenarioFailure): void {
  print(`${name}:${line} ${command}\n--- expected\n${expected}--- actual\n${actual}---`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

main();
