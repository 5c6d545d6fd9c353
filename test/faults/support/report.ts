/**
 * What a proof has shown so far, kept on disk, so that a proof of hours can be cut off and go on.
 *
 * A report carries the tree hash of the packages under test: on the same tree a proof goes on where it
 * was, on another, or on sources that are not committed, it starts anew.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "@millrace/bench";

export interface FaultReport {
  readonly name: string;
  readonly tree: string;
  rounds: number;
  /** Single faults: nodes killed, bits flipped, directions cut, … */
  faults: number;
  acknowledged: number;
  /** Acknowledged and not there at the end (S1). */
  lost: number;
  /** Stored more than once, which a producer's own retries may do. */
  duplicated: number;
  /** Of one key, against the order in which they were acknowledged (S3). */
  reordered: number;
  /** Whatever else must not be, and the first of the lost and reordered, in words. */
  problems: string[];
  /** Milliseconds until writes went on, per round. */
  resumeMs: number[];
  /** Counts and measurements of this proof alone, added up over its rounds or of the newest one. */
  figures: Record<string, number>;
}

const UNCOMMITTED = "uncommitted";
const FOLDER = join(ROOT, "test-results", "faults");
let areKept = false;

/** From now on proofs go on from their reports; a test that did so might pass without doing anything. */
export function keepReports(): void {
  areKept = true;
}

/** The report of an earlier run on the same tree that met no problem, or an empty one. */
export function loadReport(name: string): FaultReport {
  const tree = treeOfPackages();
  const path = join(FOLDER, `${name}.json`);
  if (!areKept || tree === UNCOMMITTED || !existsSync(path)) return emptyReport(name, tree);
  const saved = JSON.parse(readFileSync(path, "utf8")) as FaultReport;
  const goesOn = saved.tree === tree && saved.problems.length === 0;
  return goesOn ? saved : emptyReport(name, tree);
}

export function saveReport(report: FaultReport): void {
  if (!areKept) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${report.name}.json`), JSON.stringify(report, undefined, 2));
}

function emptyReport(name: string, tree: string): FaultReport {
  return {
    name,
    tree,
    rounds: 0,
    faults: 0,
    acknowledged: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    problems: [],
    resumeMs: [],
    figures: {},
  };
}

/** Where the logs of a cluster go that met a problem. */
export function logFolderOf(report: FaultReport): string {
  return join(FOLDER, `${report.name}-logs`);
}

/** The line that a proof ends with. */
export function summaryOf(report: FaultReport): string {
  const { name, rounds, faults, acknowledged, lost, duplicated, reordered } = report;
  return (
    `${name}: rounds ${rounds}, faults ${faults}, acknowledged ${acknowledged}, ` +
    `lost ${lost}, duplicated ${duplicated}, reordered ${reordered}`
  );
}

export function addFigure(report: FaultReport, name: string, count: number): void {
  report.figures[name] = (report.figures[name] ?? 0) + count;
}

/** Of the sources that run; `uncommitted` when they are not what a commit holds. */
export function treeOfPackages(): string {
  try {
    const changed = git("status", "--porcelain", "--", "packages");
    return changed === "" ? git("rev-parse", "HEAD:packages") : UNCOMMITTED;
  } catch {
    return UNCOMMITTED; // sources without their history
  }
}

function git(...words: string[]): string {
  return execFileSync("git", words, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

/** The value that so many percent of all do not exceed; 0 of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.ceil((sorted.length * percent) / 100) - 1;
  return sorted[Math.max(0, at)] ?? 0;
}
