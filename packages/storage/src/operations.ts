/** What goes into a WAL batch: each operation encodes one change and updates the group's WAL view. */
import { invariant } from "@millrace/base";

import { encodeFrame, entriesFrameBytes, putEntriesFrame } from "./frames.ts";
import type { SegmentsChange, StateLocation, StoredState, WalFrame } from "./frames.ts";
import type { ImportStart } from "./healing-types.ts";
import type { LaneGroup, WrittenState } from "./lane-group.ts";
import {
  DAMAGE_REASON_BYTES_MAX,
  FRAME_BYTES_TARGET,
  FRAME_ENTRIES_MAX,
  STATE_INLINE_BYTES_MAX,
} from "./limits.ts";
import type { DamagedReplica } from "./quarantine.ts";
import type { StateFiles } from "./state-files.ts";
import type { HardState, LogEntry, StateSnapshot } from "./types.ts";
import type { BatchBuilder } from "./wal-batch.ts";
import type { WalOperation } from "./wal-writer.ts";

/** Fixed fields of any frame but entries and states, with room. */
const FRAME_BYTES = 256;

export function stored(snapshot: StateSnapshot, location: StateLocation): StoredState {
  const { index, term, confState } = snapshot;
  return { index, term, confState, location };
}

export const inline = (snapshot: StateSnapshot): StoredState =>
  stored(snapshot, { kind: "inline", bytes: snapshot.state });

/** Upper bound of an encoded state, in the log or in a file. */
export function stateBytes({ confState, state }: StateSnapshot): number {
  const members =
    confState.voters.length +
    confState.learners.length +
    confState.votersOutgoing.length +
    confState.learnersNext.length;
  return 64 + members * 8 + Math.min(state.byteLength, STATE_INLINE_BYTES_MAX);
}

function putFrame(
  builder: BatchBuilder,
  frame: Exclude<WalFrame, { type: "entries" | "moved-entries" }>,
): void {
  builder.countFrame();
  builder.put(encodeFrame(frame));
}

/** A group, or a quarantined replica, as the WAL has it. */
interface InWal {
  readonly groupId: number;
  written: WrittenState | undefined;
}

function writtenOf(group: InWal): WrittenState {
  const { written } = group;
  invariant(written !== undefined, `group ${group.groupId} is written to before it is created`);
  return written;
}

/**
 * Ascending entries in pieces that each fit a frame: by bytes and by count, one entry at least, and
 * without a gap, for a frame numbers its entries from its first one. A tail that was moved before lies
 * in pieces over several files, so what one file holds of it has gaps.
 */
export function* framePieces(entries: readonly LogEntry[]): Generator<readonly LogEntry[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, { data, index }] of entries.entries()) {
    const full = bytes + data.byteLength > FRAME_BYTES_TARGET || at - from >= FRAME_ENTRIES_MAX;
    const gap = at > from && index !== (entries[at - 1]?.index ?? 0) + 1;
    if ((full || gap) && at > from) {
      yield entries.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += data.byteLength;
  }
  if (from < entries.length) yield from === 0 ? entries : entries.slice(from);
}

export function entriesOperation(group: LaneGroup, entries: readonly LogEntry[]): WalOperation {
  return {
    frameBytes: entriesFrameBytes(entries),
    encode(builder, fileSeq) {
      if (group.written === undefined) return; // Dropped while it waited in the queue.
      putEntriesFrame(builder, "entries", group.groupId, entries);
      group.log.markWritten(entries, fileSeq);
      group.written.lastIndex = entries.at(-1)?.index ?? group.written.lastIndex;
    },
  };
}

/**
 * A second copy of unflushed entries in a later file (W6). It holds them as they were when the flush
 * ended: an append that replaced them since comes later in the queue, and in the log.
 */
export function movedOperation(group: LaneGroup, entries: readonly LogEntry[]): WalOperation {
  return {
    frameBytes: entriesFrameBytes(entries),
    moves: true,
    encode(builder, fileSeq) {
      if (group.written === undefined) return;
      putEntriesFrame(builder, "moved-entries", group.groupId, entries);
      group.log.markWritten(entries, fileSeq);
    },
  };
}

export function hardStateOperation(group: LaneGroup, hardState: HardState): WalOperation {
  return {
    frameBytes: FRAME_BYTES,
    encode(builder) {
      if (group.written === undefined) return;
      putFrame(builder, { type: "hard-state", groupId: group.groupId, hardState });
      group.written.hardState = hardState;
    },
  };
}

/** Puts a large state into a file before the batch, and remembers where. */
function stateSlot(snapshot: StateSnapshot, files: StateFiles) {
  let result = inline(snapshot);
  return {
    get stored(): StoredState {
      return result;
    },
    async before(): Promise<void> {
      if (snapshot.state.byteLength <= STATE_INLINE_BYTES_MAX) return;
      const [location] = await files.write([snapshot.state]);
      if (location !== undefined) result = stored(snapshot, location);
    },
  };
}

export function installOperation(
  group: LaneGroup,
  snapshot: StateSnapshot,
  files: StateFiles,
): WalOperation {
  const slot = stateSlot(snapshot, files);
  return {
    frameBytes: FRAME_BYTES + stateBytes(snapshot),
    before: () => slot.before(),
    encode(builder) {
      if (group.written === undefined) return;
      putFrame(builder, { type: "snapshot-installed", groupId: group.groupId, state: slot.stored });
      const { index, term } = snapshot;
      Object.assign(group.written, {
        compactedIndex: index,
        compactedTerm: term,
        lastIndex: index,
        base: slot.stored,
        applied: slot.stored,
      });
    },
  };
}

/** Segments that a frame names, and what to note when it is encoded. */
export interface NamedSegments {
  readonly ids: readonly number[];
  readonly named: () => void;
}

/** The same with the log below the snapshot: one frame, so a crash leaves all of it or nothing. */
export function shipOperation(
  group: LaneGroup,
  snapshot: StateSnapshot,
  { afterIndex, afterTerm }: ImportStart,
  { ids, named }: NamedSegments,
  files: StateFiles,
): WalOperation {
  const slot = stateSlot(snapshot, files);
  return {
    frameBytes: FRAME_BYTES + stateBytes(snapshot) + 16 * ids.length,
    before: () => slot.before(),
    encode(builder) {
      if (group.written === undefined) return;
      putFrame(builder, {
        type: "log-shipped",
        groupId: group.groupId,
        compactedIndex: afterIndex,
        compactedTerm: afterTerm,
        state: slot.stored,
        segments: ids,
      });
      Object.assign(group.written, {
        compactedIndex: afterIndex,
        compactedTerm: afterTerm,
        lastIndex: snapshot.index,
        base: slot.stored,
        applied: slot.stored,
      });
      named();
    },
  };
}

export function trimOperation(
  group: LaneGroup,
  throughIndex: number,
  throughTerm: number,
  snapshot: StateSnapshot,
  files: StateFiles,
): WalOperation {
  const slot = stateSlot(snapshot, files);
  return {
    frameBytes: FRAME_BYTES + stateBytes(snapshot),
    before: () => slot.before(),
    encode(builder) {
      const { written } = group;
      if (written === undefined) return;
      const state = slot.stored;
      putFrame(builder, {
        type: "trimmed",
        groupId: group.groupId,
        throughIndex,
        throughTerm,
        state,
      });
      written.compactedIndex = throughIndex;
      written.compactedTerm = throughTerm;
      written.base = state;
      if (written.applied.index < state.index) written.applied = state;
    },
  };
}

export function createdOperation(
  group: LaneGroup,
  onEncoded: () => void,
  durable: () => void,
): WalOperation {
  const base = inline(group.baseSnapshot());
  const frame = encodeFrame({
    type: "group-created",
    group: {
      groupId: group.groupId,
      replicaId: group.replicaId,
      kind: group.kind,
      description: group.description,
      hardState: group.hardState,
      compactedIndex: 0,
      compactedTerm: 0,
      lastIndex: 0,
      base,
      applied: base,
    },
  });
  return {
    frameBytes: frame.byteLength,
    encode(builder) {
      builder.countFrame();
      builder.put(frame);
      group.written = {
        groupId: group.groupId,
        replicaId: group.replicaId,
        kind: group.kind,
        description: group.description,
        hardState: { term: 0, vote: 0, commit: 0 },
        compactedIndex: 0,
        compactedTerm: 0,
        lastIndex: 0,
        base,
        applied: base,
      };
      onEncoded();
    },
    durable,
  };
}

export function droppedOperation(
  group: InWal,
  onEncoded: () => void,
  durable: () => void,
): WalOperation {
  return {
    frameBytes: FRAME_BYTES,
    encode(builder) {
      const { groupId, replicaId } = writtenOf(group);
      putFrame(builder, { type: "group-dropped", groupId, replicaId });
      group.written = undefined;
      onEncoded();
    },
    durable,
  };
}

/** Moves what the WAL says of `group` to the quarantined replica. */
export function damagedOperation(
  group: InWal,
  replica: DamagedReplica,
  onEncoded: () => void,
  durable: () => void,
): WalOperation {
  return {
    frameBytes: FRAME_BYTES + DAMAGE_REASON_BYTES_MAX,
    encode(builder) {
      const written = writtenOf(group);
      const { groupId, replicaId } = written;
      putFrame(builder, { type: "group-damaged", groupId, replicaId, reason: replica.reason });
      replica.written = written;
      group.written = undefined;
      onEncoded();
    },
    durable,
  };
}

/** Both in one batch: a crash leaves both or none. */
export function together(first: WalOperation, second: WalOperation): WalOperation {
  return {
    frameBytes: first.frameBytes + second.frameBytes,
    encode(builder, fileSeq) {
      first.encode(builder, fileSeq);
      second.encode(builder, fileSeq);
    },
    durable() {
      first.durable?.();
      second.durable?.();
    },
  };
}

export function segmentsOperation(
  change: SegmentsChange,
  onEncoded: () => void,
  durable: () => void,
): WalOperation {
  return {
    frameBytes: FRAME_BYTES + 16 * (change.added.length + change.removed.length),
    encode(builder) {
      putFrame(builder, { type: "segments-changed", change });
      onEncoded();
    },
    durable,
  };
}

/** Opens the next WAL file; `prepare` runs when no checkpoint is being made. */
export function rollOperation(prepare: () => void, durable: () => void): WalOperation {
  const before = () => Promise.resolve(prepare());
  return { frameBytes: 0, rolls: true, before, encode() {}, durable };
}

/** Acknowledges everything that was queued before it. */
export function acknowledgement(durable: () => void): WalOperation {
  return { frameBytes: 0, encode() {}, durable };
}
