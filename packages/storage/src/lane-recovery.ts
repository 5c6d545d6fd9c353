/**
 * Puts a recovered WAL, the segments and the state files together into groups, and sets those aside that
 * damage may have touched.
 *
 *   W15 a group takes part again only when each entry that it counts is in a readable segment or in a
 *       frame that still counts (W13), and one of its states is readable
 */
import { StreamError } from "@millrace/base";
import type { Logger } from "@millrace/base";

import { chosenExtents } from "./chosen-extents.ts";
import type { StoredState } from "./frames.ts";
import { LaneGroup } from "./lane-group.ts";
import type { GroupShared } from "./lane-group.ts";
import { DamagedReplica } from "./quarantine.ts";
import type { Replay, ReplayedGroup } from "./replay.ts";
import type { Extent } from "./segment-format.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { StateFiles } from "./state-files.ts";
import type { HardState, StateSnapshot } from "./types.ts";

export const WHAT_NEXT =
  "replicas that this may have touched are quarantined, to be replaced from their peers";

export interface GroupSources {
  readonly extents: readonly Extent[];
  readonly states: StateFiles;
  readonly shared: GroupShared;
  readonly logger: Logger;
  /** Why any group may have lost what it promised. */
  readonly lostEnd: string | undefined;
  /** Why entries may be missing. */
  readonly causes: readonly string[];
}

/** What the error says of damage; any other error is thrown again. */
function damageOf(error: unknown): string {
  if (error instanceof StreamError && error.code === "corrupt") return error.message;
  throw error;
}

/** Extents of all live segments that can be read, and what is wrong with the others. */
export async function readExtents(
  replay: Replay,
  segments: SegmentReader,
  incarnation: string,
): Promise<{ readonly extents: readonly Extent[]; readonly damages: readonly string[] }> {
  const extents: Extent[] = [];
  const damages: string[] = [];
  for (const segmentId of [...replay.segments].sort((left, right) => left - right)) {
    try {
      extents.push(...(await segments.extentsOf(segmentId, incarnation)));
    } catch (error) {
      damages.push(damageOf(error));
    }
  }
  return { extents, damages };
}

/** The group, or why it is quarantined. */
export async function recoverGroup(
  replayed: ReplayedGroup,
  sources: GroupSources,
): Promise<LaneGroup | DamagedReplica> {
  const own = ownExtents(replayed, sources.extents);
  const known = replayed.damage ?? sources.lostEnd ?? holeReason(replayed, own, sources.causes);
  if (known !== undefined) return quarantined(replayed, own, known);
  const states = await loadStates(replayed, sources);
  return typeof states === "string"
    ? quarantined(replayed, own, states)
    : healthy(replayed, chosenExtents(replayed, own), states, sources.shared);
}

function quarantined(
  replayed: ReplayedGroup,
  extents: readonly Extent[],
  reason: string,
): DamagedReplica {
  const { base, applied } = replayed;
  return new DamagedReplica(
    replayed,
    reason,
    extents,
    writtenOf(replayed, replayed.hardState, { base, applied }),
  );
}

interface Loaded {
  readonly stored: { readonly base: StoredState; readonly applied: StoredState };
  readonly base: StateSnapshot;
  readonly applied: StateSnapshot;
}

function healthy(
  replayed: ReplayedGroup,
  extents: readonly Extent[],
  { base, applied, stored }: Loaded,
  shared: GroupShared,
): LaneGroup {
  const { groupId, replicaId, kind, compactedIndex, compactedTerm } = replayed;
  const description = Buffer.from(replayed.description);
  const hardState = boundedCommit(replayed);
  const seed = {
    groupId,
    replicaId,
    kind,
    description,
    hardState,
    compactedIndex,
    compactedTerm,
    base,
    applied,
    extents,
  };
  const group = new LaneGroup(seed, shared);
  for (let index = group.flushedThrough + 1; index <= replayed.lastIndex; index++) {
    const found = replayed.entries.get(index);
    if (found === undefined) continue; // `firstHole` has excluded it.
    group.log.append(found.entry, found.walFile);
    group.terms.append(index, found.entry.term);
  }
  group.written = writtenOf(replayed, hardState, stored);
  return group;
}

function writtenOf(
  replayed: ReplayedGroup,
  hardState: HardState,
  { base, applied }: Loaded["stored"],
) {
  const { groupId, replicaId, kind, compactedIndex, compactedTerm, lastIndex } = replayed;
  return {
    groupId,
    replicaId,
    kind,
    description: Buffer.from(replayed.description),
    hardState,
    compactedIndex,
    compactedTerm,
    lastIndex,
    base,
    applied,
  };
}

function ownExtents(group: ReplayedGroup, extents: readonly Extent[]): readonly Extent[] {
  return extents
    .filter(
      ({ groupId, replicaId, lastIndex }) =>
        groupId === group.groupId &&
        replicaId === group.replicaId &&
        lastIndex > group.compactedIndex,
    )
    .sort((left, right) => left.firstIndex - right.firstIndex);
}

/** W15. Without a known cause the hole is a loss all the same: a file that nobody missed. */
function holeReason(
  group: ReplayedGroup,
  extents: readonly Extent[],
  causes: readonly string[],
): string | undefined {
  const hole = firstHole(group, extents);
  if (hole === undefined) return undefined;
  const [cause = "nothing else is known to be damaged"] = causes;
  return `entry ${hole} is in no segment and in no WAL file: ${cause}`;
}

function firstHole(group: ReplayedGroup, extents: readonly Extent[]): number | undefined {
  let through = group.compactedIndex;
  for (const extent of extents) {
    if (extent.firstIndex > through + 1) return through + 1;
    through = Math.max(through, extent.lastIndex);
  }
  for (let index = through + 1; index <= group.lastIndex; index++) {
    if (!group.entries.has(index)) return index;
  }
  return undefined;
}

/**
 * The commit index may be ahead of the entries when a crash fell between the frames of one write, and
 * behind what was applied. All of them are hints, and all bounds are safe: what is in the log up to
 * them is committed. The applied index counts also when its state is lost: a replica that starts from the older
 * state must not stand for election by the members of then while later ones wait in its log (S8).
 */
function boundedCommit({
  hardState,
  compactedIndex,
  lastIndex,
  base,
  applied,
}: ReplayedGroup): HardState {
  const known = Math.max(hardState.commit, base.index, applied.index);
  const commit = Math.max(compactedIndex, Math.min(known, lastIndex));
  return { ...hardState, commit };
}

/**
 * Both states, or one in place of the other: entries behind either of them are there, so a host that starts
 * from the older one applies more, and a follower that gets the newer one needs less.
 */
async function loadStates(
  { groupId, base, applied }: ReplayedGroup,
  { states, logger }: GroupSources,
): Promise<Loaded | string> {
  const loadedBase = await loadState(base, states);
  const loadedApplied = applied === base ? loadedBase : await loadState(applied, states);
  if (typeof loadedBase === "string") {
    if (typeof loadedApplied === "string") return loadedApplied;
    noteFallback(logger, groupId, loadedBase, applied.index);
    return { base: loadedApplied, applied: loadedApplied, stored: { base: applied, applied } };
  }
  if (typeof loadedApplied === "string") {
    noteFallback(logger, groupId, loadedApplied, base.index);
    return { base: loadedBase, applied: loadedBase, stored: { base, applied: base } };
  }
  return { base: loadedBase, applied: loadedApplied, stored: { base, applied } };
}

function noteFallback(logger: Logger, groupId: number, reason: string, index: number): void {
  logger.error("a state file is damaged", {
    groupId,
    reason,
    next: `the group's other state, at entry ${index}, takes its place`,
  });
}

/** The state, or what is wrong with it. */
async function loadState(state: StoredState, states: StateFiles): Promise<StateSnapshot | string> {
  const { index, term, confState } = state;
  try {
    return { index, term, confState, state: Buffer.from(await states.read(state)) };
  } catch (error) {
    return damageOf(error);
  }
}
