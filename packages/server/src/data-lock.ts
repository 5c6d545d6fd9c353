/**
 * One process per data directory: two writers of one log would destroy it.
 *
 * The lock is a file with the owner's pid and its start time. Node has no flock, so an owner that
 * died without cleaning up is told from a living one by asking the system for that pid.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";

export interface DataLock {
  release(): void;
}

/** More starters than this at one moment, on one directory, are a misconfiguration. */
const ATTEMPTS_MAX = 100;

/** @throws StreamError `wrong-state` while another living process owns the directory. */
export function lockDataDirectory(directory: string): DataLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "lock");
  const mine = `${process.pid} ${startTime(process.pid) ?? ""}`;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (tryCreate(path, mine)) return { release: () => rmSync(path, { force: true }) };
    const owner = readIfPresent(path);
    if (owner === undefined) continue;
    requireGone(owner, directory);
    setAside(path, owner);
  }
  throw new StreamError(
    "wrong-state",
    `data directory ${directory} is being taken by others; retry`,
  );
}

function requireGone(owner: string, directory: string): void {
  const pid = Number(owner.split(" ", 1)[0]);
  if (pid === process.pid || `${pid} ${startTime(pid) ?? "gone"}` !== owner) return;
  throw new StreamError(
    "wrong-state",
    `data directory ${directory} is in use by process ${pid}; stop that one first`,
  );
}

/** Makes the lock with its content at once: a reader never sees one that is still being written. */
function tryCreate(path: string, content: string): boolean {
  const own = `${path}.${process.pid}.new`;
  writeFileSync(own, content, { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Moves a dead owner's lock out of the way. Of several that judged the same lock dead, one moves it;
 * another may then move the first one's new lock instead, which it notices and puts back.
 */
function setAside(path: string, owner: string): void {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readFileSync(aside, "utf8") !== owner) putBack(aside, path);
  rmSync(aside, { force: true });
}

function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Start time of a living process, so that a pid used again is not taken for its former owner. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return isAlive(pid) ? "alive" : undefined; // no /proc here: the pid alone must do
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
