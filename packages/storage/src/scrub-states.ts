/**
 * Reads the states that lie in state files. The same states are in memory while the process lives, so what
 * is damaged is placed anew by the next checkpoint.
 */
import { StreamError } from "@millrace/base";

import type { StoredState } from "./frames.ts";
import type { LaneGroup } from "./lane-group.ts";
import { inline } from "./operations.ts";
import type { ScrubPace } from "./scrub-pace.ts";
import { isUnreadable } from "./read-file.ts";
import type { StateFiles } from "./state-files.ts";

export interface StatesVerdict {
  readonly files: number;
  /** Numbers of files with a damaged state that somebody still refers to. */
  readonly damaged: ReadonlySet<number>;
  /** Puts the states of memory in their place; to be called while no checkpoint is being made. */
  readonly replace: () => void;
}

export async function scrubStates(
  groups: readonly LaneGroup[],
  states: StateFiles,
  pace: ScrubPace,
): Promise<StatesVerdict> {
  const files = new Set<number>();
  const damaged = new Set<number>();
  const lost: { readonly group: LaneGroup; readonly state: StoredState }[] = [];
  for (const group of groups) {
    for (const state of new Set([group.written?.base, group.written?.applied])) {
      if (state?.location.kind !== "file") continue;
      const { fileId, length } = state.location;
      files.add(fileId);
      await pace.take(length);
      if (!refersTo(group, state) || (await isIntact(states, state))) continue;
      // A file that went away while it was read was superseded.
      if (!refersTo(group, state)) continue;
      damaged.add(fileId);
      lost.push({ group, state });
    }
  }
  const replace = () => {
    for (const { group, state } of lost) replaceState(group, state);
  };
  return { files: files.size, damaged, replace };
}

const refersTo = ({ written }: LaneGroup, state: StoredState) =>
  written?.base === state || written?.applied === state;

async function isIntact(states: StateFiles, state: StoredState): Promise<boolean> {
  try {
    await states.read(state);
    return true;
  } catch (error) {
    if (isUnreadable(error)) return false;
    if (error instanceof StreamError && error.code === "corrupt") return false;
    throw error;
  }
}

function replaceState(group: LaneGroup, state: StoredState): void {
  const { written } = group;
  if (written === undefined) return;
  const { index, term } = state;
  const known = [group.applied, group.baseSnapshot()].find(
    (snapshot) => snapshot.index === index && snapshot.term === term,
  );
  // Otherwise a newer state waits in the queue, and takes its place.
  if (known === undefined) return;
  const fresh = inline(known);
  if (written.base === state) written.base = fresh;
  if (written.applied === state) written.applied = fresh;
}
