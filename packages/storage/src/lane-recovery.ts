/** Puts a recovered WAL, the segments and the state files together into groups. */

import type { StoredState } from "./frames.ts";
import { LaneGroup } from "./lane-group.ts";
import type { GroupShared } from "./lane-group.ts";
import type { LaneLayout } from "./layout.ts";
import type { Replay, ReplayedGroup } from "./replay.ts";
import { damaged } from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { StateFiles } from "./state-files.ts";
import type { HardState, StateSnapshot } from "./types.ts";

/** Extents of all live segments. @throws StreamError `corrupt` */
export async function readExtents(
  replay: Replay,
  segments: SegmentReader,
  incarnation: string,
): Promise<readonly Extent[]> {
  const extents: Extent[] = [];
  for (const segmentId of [...replay.segments].sort((left, right) => left - right)) {
    extents.push(...(await segments.extentsOf(segmentId, incarnation)));
  }
  return extents;
}

/** @throws StreamError `corrupt` when an entry is neither in a segment nor in the WAL (W10). */
export async function recoverGroup(
  replayed: ReplayedGroup,
  extents: readonly Extent[],
  states: StateFiles,
  shared: GroupShared,
  layout: LaneLayout,
): Promise<LaneGroup> {
  const own = ownExtents(replayed, extents);
  const hole = firstHole(replayed, own);
  if (hole !== undefined) {
    throw damaged(
      layout.wal,
      `entry ${hole} of group ${replayed.groupId} is in no segment and in no WAL file`,
    );
  }
  const hardState = boundedCommit(replayed);
  const base = await loadState(replayed.base, states);
  const applied =
    replayed.applied === replayed.base ? base : await loadState(replayed.applied, states);
  const { groupId, replicaId, kind, description, compactedIndex, compactedTerm } = replayed;
  const seed = {
    groupId,
    replicaId,
    kind,
    description: Buffer.from(description),
    hardState,
    compactedIndex,
    compactedTerm,
    base,
    applied,
    extents: own,
  };
  const group = new LaneGroup(seed, shared);
  for (let index = group.flushedThrough + 1; index <= replayed.lastIndex; index++) {
    const found = replayed.entries.get(index);
    if (found === undefined) continue; // `firstHole` has excluded it.
    group.log.append(found.entry, found.walFile);
    group.terms.append(index, found.entry.term);
  }
  group.written = {
    groupId,
    replicaId,
    kind,
    description: seed.description,
    hardState,
    compactedIndex,
    compactedTerm,
    lastIndex: replayed.lastIndex,
    base: replayed.base,
    applied: replayed.applied,
  };
  return group;
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
 * behind an installed snapshot. Both are hints, and both bounds are safe: what is in the log up to
 * them is committed.
 */
function boundedCommit({ hardState, compactedIndex, lastIndex }: ReplayedGroup): HardState {
  const commit = Math.max(compactedIndex, Math.min(hardState.commit, lastIndex));
  return { ...hardState, commit };
}

async function loadState(state: StoredState, states: StateFiles): Promise<StateSnapshot> {
  const { index, term, confState } = state;
  return { index, term, confState, state: Buffer.from(await states.read(state)) };
}
