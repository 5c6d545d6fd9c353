/**
 * Generated scenarios, answered by etcd's node and by ours, compared byte for byte.
 *
 * The scenario files pin what their authors thought of; this finds what nobody thought of. The
 * answers of etcd come from the program in `packages/raft-ts/oracle`, one process for all.
 *
 * Where etcd panics, the scenario ends: what a node does after a broken contract is not specified.
 */
/* oxlint-disable no-restricted-imports -- a program for tests; the core starts and reads nothing */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseScenario, rewriteScenario } from "./datadriven.ts";
import { diffLines } from "./scenario-diff.ts";
import { handlerOf, type ScenarioFile } from "./scenario-files.ts";
import { scenarioText, type GeneratedScenario } from "./scenario-generator.ts";

const ORACLE_SOURCE = fileURLToPath(new URL("../../oracle", import.meta.url));
const GO = process.env["GO"] ?? "go";
const MARKER = "==== ";
const BUILD_MS_MAX = 110_000;
const ANSWER_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 512 * 1024 * 1024;

/** One scenario that the two answer differently. */
export interface Difference {
  readonly scenario: GeneratedScenario;
  /** Place of the first case that differs. */
  readonly at: number;
  readonly etcd: string;
  readonly ours: string;
}

/** What etcd said to a scenario: the cases before a panic, if there was one. */
interface Answer {
  readonly expected: readonly string[];
  readonly panic: string | undefined;
}

export interface Comparison {
  readonly cases: number;
  /** Scenarios that end early because etcd panics. */
  readonly panics: number;
  /** Those of them in which our node goes on where etcd panics. */
  readonly unshared: readonly string[];
  readonly differences: readonly Difference[];
}

/** The oracle, built into a temporary folder. Call `remove` at the end. */
export class Oracle {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Builds the oracle. @returns the reason if Go or the module is not there. @throws Error if it does not compile. */
  static build(): Oracle | string {
    const go = (args: readonly string[]) =>
      spawnSync(GO, [...args], { cwd: ORACLE_SOURCE, encoding: "utf8", timeout: BUILD_MS_MAX });
    if (go(["version"]).status !== 0) return "no Go";
    if (go(["mod", "download"]).status !== 0) return "no module go.etcd.io/raft/v3";
    const folder = mkdtempSync(join(tmpdir(), "raft-oracle-"));
    const built = go(["build", "-o", join(folder, "oracle"), "."]);
    if (built.status === 0) return new Oracle(folder);
    rmSync(folder, { recursive: true });
    throw new Error(`the oracle does not build: ${built.error?.message ?? ""}${built.stderr}`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /**
   * Asks etcd about all scenarios in one process and compares its answers with ours.
   * @param edit changes our answers first, to show that a change is found. @default nothing
   */
  compare(
    scenarios: readonly GeneratedScenario[],
    edit: (ours: string) => string = (ours) => ours,
  ): Comparison {
    const answers = this.#ask(
      scenarios.map(({ kind, name, cases }) => ({ kind, name, text: scenarioText(cases) })),
    );
    const differences: Difference[] = [];
    const unshared: string[] = [];
    let cases = 0;
    let panics = 0;
    for (const [i, scenario] of scenarios.entries()) {
      const answer = answers[i];
      if (answer === undefined) throw new Error(`etcd gave no answer to ${scenario.name}`);
      cases += answer.expected.length;
      const ours = ourAnswers(scenario, answer.expected.length).map(edit);
      const at = answer.expected.findIndex(
        (text, place) => comparable(text) !== comparable(ours[place] ?? ""),
      );
      if (at >= 0) {
        differences.push({ scenario, at, etcd: answer.expected[at] ?? "", ours: ours[at] ?? "" });
      }
      if (answer.panic === undefined) continue;
      panics += 1;
      if (at < 0 && !isPanicShared(scenario, answer.expected.length, answer.panic)) {
        unshared.push(`${scenario.name} case ${answer.expected.length}: ${answer.panic}`);
      }
    }
    return { cases, panics, unshared, differences };
  }

  /** Names of the scenario files whose expected text is not what etcd prints. */
  disagreeing(files: readonly ScenarioFile[]): string[] {
    const texts = files.map(({ path }) => readFileSync(path, "utf8"));
    const answers = this.#ask(
      files.map(({ kind, name }, i) => ({ kind, name, text: texts[i] ?? "" })),
    );
    return files.flatMap(({ name }, i) => {
      const inFile = parseScenario(texts[i] ?? "").map((one) => comparable(one.expected));
      const answer = answers[i];
      if (answer === undefined || answer.panic !== undefined) return [name];
      const printed = answer.expected.map(comparable);
      return JSON.stringify(inFile) === JSON.stringify(printed) ? [] : [name];
    });
  }

  #ask(scenarios: readonly { kind: string; name: string; text: string }[]): Answer[] {
    const input = scenarios
      .map(({ kind, name, text }) => `${MARKER}${kind} ${name}\n${text}`)
      .join("");
    const run = spawnSync(join(this.#folder, "oracle"), ["-batch"], {
      input,
      encoding: "utf8",
      timeout: ANSWER_MS_MAX,
      maxBuffer: ANSWER_BYTES_MAX,
      env: { ...process.env, GOMAXPROCS: "1" },
    });
    if (run.status !== 0) throw new Error(`the oracle failed: ${run.error?.message ?? run.stderr}`);
    return readAnswers(run.stdout);
  }
}

function readAnswers(text: string): Answer[] {
  const answers: Answer[] = [];
  for (const part of text.split(/^==== /m).slice(1)) {
    const end = part.indexOf("\n");
    const head = part.slice(0, end);
    const last = answers.at(-1);
    if (head.startsWith("panic ") && last !== undefined) {
      answers[answers.length - 1] = { ...last, panic: head.slice("panic ".length) };
      continue;
    }
    const expected = parseScenario(part.slice(end + 1)).map((one) => one.expected);
    answers.push({ expected, panic: undefined });
  }
  return answers;
}

function ourAnswers({ kind, cases }: GeneratedScenario, count: number): string[] {
  const text = rewriteScenario(scenarioText(cases.slice(0, count)), handlerOf(kind));
  return parseScenario(text).map((one) => one.expected);
}

/** A log line that prints a protobuf value, whose spaces differ from build to build, loses it. */
function comparable(text: string): string {
  return text.replace(/(it is not in the ConfState) .*(; should never happen)/g, "$1$2");
}

/** True if our node says the same, in its place, where etcd panics. */
function isPanicShared({ kind, cases }: GeneratedScenario, at: number, panic: string): boolean {
  const [text] = ourAnswers({ kind, name: "", cases: cases.slice(0, at + 1) }, at + 1).slice(at);
  // In parentheses is the text of an inner error, for which ours has a word.
  return text?.includes(panic.split(" (")[0] ?? panic) ?? false;
}

/**
 * Why a difference is meant, or undefined.
 *
 *   D1  the end of a joint configuration that was refused during a transfer of leadership is
 *       proposed again when the transfer fails; etcd waits for the next applied entry (L3)
 *   D2  a leader that is not the single voter asks that voter before it answers a read; etcd
 *       answers at once, and the voter may have elected itself meanwhile (S5)
 */
export function deviationOf({ etcd, ours }: Difference): "D1" | "D2" | undefined {
  const leave = "initiating automatic transition out of joint configuration";
  if (ours.includes(leave) && !etcd.includes(leave)) return "D1";
  const isEarly = etcd.includes("ReadStates") || etcd.includes("MsgReadIndexResp");
  return isEarly && ours.includes("MsgHeartbeat ") && !etcd.includes("MsgHeartbeat ")
    ? "D2"
    : undefined;
}

/** Removes cases for as long as a difference stays. */
export function shrinkDifference(oracle: Oracle, found: Difference): Difference {
  let smallest = found;
  for (let isShrinking = true; isShrinking;) {
    isShrinking = false;
    const { scenario, at } = smallest;
    const shorter = Array.from({ length: at }, (_, i) => ({
      ...scenario,
      name: `${scenario.name}-without-${i}`,
      cases: scenario.cases.slice(0, at + 1).filter((__, place) => place !== i),
    }));
    const [first] = oracle.compare(shorter).differences;
    if (first === undefined) continue;
    smallest = { ...first, scenario: { ...first.scenario, name: scenario.name } };
    isShrinking = true;
  }
  return smallest;
}

/** The scenario up to its first difference, and the difference (- etcd, + ours). */
export function differenceText({ scenario, at, etcd, ours }: Difference): string {
  const directives = scenario.cases.slice(0, at + 1).join("\n");
  return `${scenario.kind} ${scenario.name}\n${directives}\n(- etcd, + ours)\n${diffLines(etcd, ours)}`;
}
