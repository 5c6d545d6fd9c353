/** Runs the seeds of one bundle in a process of their own until a check names a broken rule. */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

import { ruleOf } from "./rule.ts";
import type { SeedLine } from "./run-seeds.ts";

/** A seed that takes longer has hung. */
const SEED_MS_MAX = 180_000;
/** Seeds that hang, or end the process, before a mutant is given up. */
const LOST_SEEDS_MAX = 5;

export interface Catch {
  readonly seed: number;
  readonly rule: string;
  readonly violation: string;
  /** Of all seeds up to this one. */
  readonly seconds: number;
}

export interface Hunt {
  readonly caught: Catch | undefined;
  /** Seeds that ended. */
  readonly seeds: number;
  /** What is to be said of a hunt without a catch. */
  readonly remark: string | undefined;
}

/** @param options Of each seed: virtual seconds with faults, then what it is to have beside. */
export async function hunt(
  path: string,
  first: number,
  count: number,
  options: readonly string[],
): Promise<Hunt> {
  const beganMs = performance.now();
  let next = first;
  let lost = 0;
  let remark: string | undefined;
  while (next < first + count && lost < LOST_SEEDS_MAX) {
    const args = [path, String(next), String(first + count - next), ...options];
    const end = await runUntilCaught(args, (line) => (next = line.seed + 1));
    remark = end.remark ?? remark;
    if (end.line !== undefined) {
      const { seed, violations } = end.line;
      const violation = violations.find((one) => ruleOf(one) !== undefined) ?? "";
      const tookSeconds = (performance.now() - beganMs) / 1000;
      const caught = { seed, rule: ruleOf(violation) ?? "", violation, seconds: tookSeconds };
      return { caught, seeds: seed - first + 1, remark };
    }
    if (end.isOver) break;
    if (next < first + count) {
      lost++;
      next++; // the seed that hung, or that ended the process
    }
  }
  return { caught: undefined, seeds: next - first, remark };
}

interface RunEnd {
  readonly line?: SeedLine;
  /** It ran to its end; the seeds that it said nothing of were passed over. */
  readonly isOver?: boolean;
  readonly remark?: string;
}

function runUntilCaught(args: readonly string[], ended: (line: SeedLine) => void): Promise<RunEnd> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let end: RunEnd | undefined;
    let said = "";
    let remark: string | undefined;
    let timer: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        remark = `hung for ${SEED_MS_MAX / 1000} s`;
        child.kill("SIGKILL");
      }, SEED_MS_MAX);
    };
    watch();
    child.stderr.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-2000)));
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (text) => {
      if (end !== undefined) return;
      const line = JSON.parse(text) as SeedLine;
      watch();
      ended(line);
      if (line.violations.some((one) => ruleOf(one) !== undefined)) {
        end = { line };
        child.kill("SIGKILL");
      } else remark = line.violations[0]?.slice(0, 300) ?? remark;
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      if (code !== 0 && end === undefined) remark ??= said.trim().slice(0, 300);
      resolve({ ...end, isOver: code === 0, ...(remark === undefined ? {} : { remark }) });
    });
  });
}

/** What the checks say of one seed of a bundle. */
export async function seedOf(
  path: string,
  seed: number,
  options: readonly string[],
): Promise<readonly string[]> {
  const { line } = await runUntilCaught([path, String(seed), "1", ...options], () => {});
  return line?.violations ?? [];
}
