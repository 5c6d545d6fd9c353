/** Who a process without a log is: made once, kept in its data directory, so that a restart is the same node. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";

export interface ProcessIdentity {
  /** 32 hexadecimal digits. */
  readonly incarnation: string;
  /** Grows by one with each start, 1 for the first. */
  readonly bootEpoch: number;
}

/** @throws StreamError `corrupt` for a file that holds something else. */
export function nextIdentity(directory: string): ProcessIdentity {
  const path = join(directory, "process.json");
  const before = existsSync(path) ? parse(path) : undefined;
  const identity = {
    incarnation: before?.incarnation ?? randomBytes(16).toString("hex"),
    bootEpoch: (before?.bootEpoch ?? 0) + 1,
  };
  writeFileSync(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return identity;
}

function parse(path: string): ProcessIdentity {
  const text = readFileSync(path, "utf8");
  try {
    const { incarnation, bootEpoch } = JSON.parse(text) as ProcessIdentity;
    if (/^[0-9a-f]{32}$/.test(incarnation) && Number.isSafeInteger(bootEpoch)) {
      return { incarnation, bootEpoch };
    }
  } catch {
    // Told below, together with a file of another shape.
  }
  throw new StreamError(
    "corrupt",
    `${path} is damaged: remove it, and this gateway gets a new identity`,
  );
}
