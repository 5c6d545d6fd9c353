/**
 * One process per data directory: two writers of one log would destroy it.
 *
 * The lock is a file with the owner's pid and its start time. Node has no flock, so an owner that
 * died without cleaning up is told from a living one by asking the system for that pid.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";

export interface DataLock {
  release(): void;
}

/** @throws StreamError `wrong-state` while another living process owns the directory. */
export function lockDataDirectory(directory: string): DataLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "lock");
  const mine = `${process.pid} ${startTime(process.pid) ?? ""}`;
  if (!tryCreate(path, mine)) {
    const owner = readFileSync(path, "utf8");
    const pid = Number(owner.split(" ", 1)[0]);
    if (pid !== process.pid && `${pid} ${startTime(pid) ?? "gone"}` === owner) {
      throw new StreamError(
        "wrong-state",
        `data directory ${directory} is in use by process ${pid}; stop that one first`,
      );
    }
    writeFileSync(path, mine, { mode: 0o600 });
  }
  return { release: () => rmSync(path, { force: true }) };
}

function tryCreate(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
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
