import type { Entry } from "@millrace/raft-ts";

import type { AppliedEntry } from "./types.ts";

/** Normal entries that carry something; the same list when that is all of them. */
export function withData(entries: readonly Entry[]): readonly AppliedEntry[] {
  const isForMachine = (entry: Entry): boolean =>
    entry.type === "EntryNormal" && entry.data.length > 0;
  return entries.every(isForMachine) ? entries : entries.filter(isForMachine);
}
