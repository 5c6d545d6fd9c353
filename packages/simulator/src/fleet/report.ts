/** What a person needs of a run that failed, and the least that makes it fail again. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Fault } from "../faults/fault.ts";
import type { Fleet } from "./fleet.ts";
import type { Job, Outcome } from "./job.ts";
import { ruleOf, shrink } from "./shrink.ts";

export function outcomeLine(outcome: Outcome): string {
  const { job, events, virtualMs, acknowledged, violations, gaveUp } = outcome;
  if (gaveUp !== undefined) return `seed ${job.seed} gave up: ${gaveUp}`;
  return (
    `seed ${job.seed} ${violations.length === 0 ? "ok" : "FAILED"} events ${events} ` +
    `virtual ${(virtualMs / 1000).toFixed(1)} s acknowledged ${acknowledged}`
  );
}

/** Nothing for a run that did not fail. */
export function failureLines({ job, violations, failure }: Outcome): readonly string[] {
  if (failure === undefined) return [];
  return [
    `--- seed ${job.seed} failed`,
    `options ${failure.options}`,
    ...violations.map((sentence) => `violation ${sentence}`),
    ...failure.lastLines.map((line) => `  ${line}`),
    `faults that came: ${failure.faultList.length}`,
    `replay: npm run sim -- ${argumentsOf(job)}`,
    "---",
  ];
}

export interface ShrinkWork {
  readonly fleet: Fleet;
  readonly outcome: Outcome;
  readonly atOnce: number;
  /** Real milliseconds. */
  readonly shrinkMs: number;
  readonly say: (line: string) => void;
}

/** Says the shrunk list, and where it was written for `--faults`. */
export async function shrinkFailure(work: ShrinkWork): Promise<void> {
  const { fleet, outcome, atOnce, shrinkMs, say } = work;
  const { job, violations, failure } = outcome;
  const [first = ""] = violations;
  if (failure === undefined || failure.faultList.length === 0) return;
  const untilMs = performance.now() + shrinkMs;
  const withFaults = (faultList: readonly Fault[]): Job => {
    return { ...job, overrides: { ...job.overrides, faultList } };
  };
  const breaks = async (faults: readonly Fault[]): Promise<boolean> => {
    const tried = await fleet.run(withFaults(faults));
    return tried.violations.some((each) => ruleOf(each) === ruleOf(first));
  };
  if (!(await breaks(failure.faultList))) {
    say(`seed ${job.seed}: the list of faults alone does not break ${ruleOf(first)}`);
    return;
  }
  const least = await shrink(failure.faultList, {
    breaks,
    atOnce,
    hasTime: () => performance.now() < untilMs,
    progress: (left, tried) => {
      say(`seed ${job.seed}: ${left} of ${failure.faultList.length} faults left, ${tried} runs`);
    },
  });
  const file = join(tmpdir(), `millrace-sim-${job.seed}.json`);
  writeFileSync(file, `${JSON.stringify(withFaults(least), undefined, 2)}\n`);
  say(`seed ${job.seed} needs ${least.length} faults to break ${ruleOf(first)}:`);
  for (const fault of least) say(`  ${JSON.stringify(fault)}`);
  say(`replay: npm run sim -- --faults ${file}`);
}

function argumentsOf({ seed, seconds, overrides: { nodes, rot, replace } }: Job): string {
  const words = [`--seed ${seed}`, `--seconds ${seconds}`];
  if (nodes !== undefined) words.push(`--nodes ${nodes}`);
  if (rot === false) words.push("--no-rot");
  if (replace === false) words.push("--no-replace");
  return words.join(" ");
}
