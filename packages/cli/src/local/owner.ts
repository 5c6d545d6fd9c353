/** Whether processes of a local cluster run already, told before ports are blamed for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";

import type { LocalNode } from "../cluster-file.ts";

/**
 * A hint, not the lock: the nodes themselves hold their folders, and check them properly.
 *
 * @throws StreamError `wrong-state` that names the processes and how to end them.
 */
export function requireNoOwner(dataDir: string, nodes: readonly LocalNode[]): void {
  const pids = nodes.map((node) => ownerOf(node.dataDir)).filter((pid) => pid !== undefined);
  if (pids.length === 0) return;
  throw new StreamError(
    "wrong-state",
    `a cluster runs from ${dataDir} already: use it, stop it with Ctrl-C where it was started, or, if that terminal is gone, with: kill ${pids.join(" ")}`,
  );
}

/** Pid in a node's lock file, if that process lives. */
function ownerOf(directory: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, "lock"), "utf8").split(" ", 1)[0]);
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
    process.kill(pid, 0);
    return isNode(pid) ? pid : undefined;
  } catch {
    return undefined; // no lock, or its owner is gone
  }
}

/** A pid that was used again by another program is not the owner. */
function isNode(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("millrace");
  } catch {
    return true; // no /proc here: the pid alone must do
  }
}
