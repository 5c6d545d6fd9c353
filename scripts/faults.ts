/**
 * Long proofs on real processes: each entry of the list, or all of them, with the rounds of the whole
 * proof or as many as are asked for. Every proof ends with one line of counts; `all` with a table.
 *
 * What was shown is kept in test-results/faults with the tree hash of the packages: started again on
 * the same tree, a proof goes on where it was cut off.
 */
import { SCENARIOS } from "../test/faults/scenarios/index.ts";
import type { Scenario } from "../test/faults/scenarios/scenario.ts";
import {
  keepReports,
  loadReport,
  summaryOf,
  treeOfPackages,
} from "../test/faults/support/report.ts";
import type { FaultReport } from "../test/faults/support/report.ts";

const [name = "all", rounds] = process.argv.slice(2);
const isFailure = ({ problems, lost, reordered }: FaultReport) =>
  problems.length > 0 || lost > 0 || reordered > 0;

function usage(problem: string): never {
  const list = SCENARIOS.map(({ name: word, rounds: full, what }) => {
    return `  ${word.padEnd(12)} ${String(full).padStart(3)} rounds: ${what}`;
  });
  console.error(
    `scripts/faults: ${problem}\nscripts/faults [all | NAME] [rounds]\n${list.join("\n")}`,
  );
  process.exit(2);
}

async function run(scenario: Scenario, count: number): Promise<FaultReport> {
  const report = await scenario.run(count);
  for (const problem of report.problems) console.log(`${report.name}: PROBLEM ${problem}`);
  printFigures(report);
  console.log(summaryOf(report));
  return report;
}

/** One line per figure; `a.b` and `a.c` share the line of `a`. */
function printFigures({ name: proof, figures, resumeMs }: FaultReport): void {
  const lines = new Map<string, string[]>();
  for (const [figure, value] of Object.entries(figures)) {
    const [subject = "", part] = figure.split(".");
    const rounded = String(Math.round(value * 100) / 100);
    const cells = lines.get(subject) ?? [];
    lines.set(subject, [...cells, part === undefined ? rounded : `${part} ${rounded}`]);
  }
  const width = Math.max(0, ...[...lines.keys()].map((subject) => subject.length));
  for (const [subject, cells] of lines) {
    console.log(`${proof}:   ${subject.padEnd(width)}  ${cells.join(", ")}`);
  }
  if (resumeMs.length > 0) {
    console.log(`${proof}:   writes went on within ${Math.max(...resumeMs)} ms of each fault`);
  }
}

function table(reports: readonly FaultReport[]): void {
  const columns = ["rounds", "faults", "acknowledged", "lost", "duplicated", "reordered"] as const;
  const width = Math.max(...reports.map((report) => report.name.length));
  console.log(
    `\n${"proof".padEnd(width)} ${columns.map((one) => one.padStart(12)).join(" ")}  result`,
  );
  for (const report of reports) {
    const cells = columns.map((column) => String(report[column]).padStart(12));
    const result = isFailure(report) ? "FAILED" : "ok";
    console.log(`${report.name.padEnd(width)} ${cells.join(" ")}  ${result}`);
  }
}

if (rounds !== undefined && !/^[1-9]\d{0,5}$/.test(rounds)) {
  usage(`rounds is ${rounds}, but must be a number in 1..999999`);
}
const chosen = name === "all" ? SCENARIOS : SCENARIOS.filter((one) => one.name === name);
if (chosen.length === 0) usage(`there is no '${name}'`);
keepReports();
console.log(`tree of the packages: ${treeOfPackages()}`);
if (name === "all") {
  for (const { name: word, rounds: full } of chosen) {
    console.log(`  ${word.padEnd(12)} ${loadReport(word).rounds}/${full} rounds done`);
  }
}
const reports: FaultReport[] = [];
for (const scenario of chosen) {
  reports.push(await run(scenario, rounds === undefined ? scenario.rounds : Number(rounds)));
}
if (name === "all") table(reports);
process.exit(reports.some(isFailure) ? 1 : 0);
