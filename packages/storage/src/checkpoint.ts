/**
 * The first batch of every WAL file: all that a restart needs of every group besides its entries
 * (W7). Without it, recycling the file in which a sleeping group voted would lose the vote.
 */
import { fitsCheckpoint, fitsInline } from "./check-write.ts";
import { encodeFrame } from "./frames.ts";
import type { StoredState } from "./frames.ts";
import type { LaneGroup, WrittenState } from "./lane-group.ts";
import { CHECKPOINT_INLINE_BYTES_MAX } from "./limits.ts";
import { inline } from "./operations.ts";
import type { DamagedReplica } from "./quarantine.ts";
import type { StateFiles } from "./state-files.ts";
import type { StateSnapshot } from "./types.ts";
import type { CheckpointBatch } from "./wal-writer.ts";

export interface CheckpointInput {
  /** Groups whose creation is in the WAL. */
  readonly groups: Iterable<LaneGroup>;
  /** Quarantined replicas: the log must go on saying that they are. */
  readonly damaged: Iterable<DamagedReplica>;
  /** Live segments as the WAL names them so far. */
  readonly segments: readonly number[];
  /** Oldest WAL file that is still needed. */
  readonly freeBelow: number;
  readonly states: StateFiles;
}

interface NewState {
  readonly group: LaneGroup;
  readonly written: WrittenState;
  readonly snapshot: StateSnapshot;
}

export async function buildCheckpoint(input: CheckpointInput): Promise<CheckpointBatch> {
  const groups = [...input.groups];
  const fresh = freshStates(groups);
  for (const { written, snapshot } of fresh) written.applied = inline(snapshot);
  const damaged = [...input.damaged];
  await placeStates([...groups, ...damaged], input.states);
  const frames: Uint8Array[] = [
    encodeFrame({
      type: "lane-checkpoint",
      segments: input.segments,
      freeBelow: input.freeBelow,
    }),
  ];
  for (const { written } of groups) {
    if (written !== undefined)
      frames.push(encodeFrame({ type: "group-checkpoint", group: written }));
  }
  for (const { written, reason } of damaged) {
    if (written === undefined) continue; // Still live in the log, so it is among the groups.
    const { groupId, replicaId } = written;
    frames.push(
      encodeFrame({ type: "group-checkpoint", group: written }),
      encodeFrame({ type: "group-damaged", groupId, replicaId, reason }),
    );
  }
  const durable = () => {
    for (const { group, snapshot } of fresh) {
      // A snapshot that was installed meanwhile is newer, and its frame follows.
      if (group.applied.index >= snapshot.index) continue;
      group.applied = snapshot;
      group.confState = snapshot.confState;
    }
  };
  return { frames, durable };
}

/** States that moved on since the last checkpoint; sleeping groups keep the one they have. */
function freshStates(groups: readonly LaneGroup[]): readonly NewState[] {
  const fresh: NewState[] = [];
  for (const group of groups) {
    const { written, provider } = group;
    if (written === undefined || provider === undefined || group.dropped) continue;
    const snapshot = provider();
    if (fitsCheckpoint(group, snapshot)) fresh.push({ group, written, snapshot });
  }
  return fresh;
}

/**
 * Small states stay in the batch while they fit; all others, old ones included, go into one file,
 * synced before the batch is written.
 */
async function placeStates(
  groups: readonly { readonly written: WrittenState | undefined }[],
  states: StateFiles,
): Promise<void> {
  let inlineBytes = 0;
  const large: { readonly state: StoredState; readonly bytes: Uint8Array }[] = [];
  for (const { written } of groups) {
    if (written === undefined) continue;
    for (const state of new Set([written.base, written.applied])) {
      if (state.location.kind === "file") continue;
      const { bytes } = state.location;
      const stays =
        fitsInline(bytes) && inlineBytes + bytes.byteLength <= CHECKPOINT_INLINE_BYTES_MAX;
      if (stays) inlineBytes += bytes.byteLength;
      else large.push({ state, bytes });
    }
  }
  if (large.length === 0) return;
  const locations = await states.write(large.map(({ bytes }) => bytes));
  const moved = new Map<StoredState, StoredState>();
  for (const [at, { state }] of large.entries()) {
    const location = locations[at];
    if (location !== undefined) moved.set(state, { ...state, location });
  }
  for (const { written } of groups) {
    if (written === undefined) continue;
    written.base = moved.get(written.base) ?? written.base;
    written.applied = moved.get(written.applied) ?? written.applied;
  }
}
