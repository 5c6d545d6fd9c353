/**
 * What the frames of the WAL add up to. Pure: recovery feeds it frames in order, and the tests do too.
 *
 *   W7  the first batch of each file names every live group in full, so replay can start at any file
 *       and a group that sleeps for years keeps its term and vote (S7)
 *   W10 entries that a checkpoint counts but no frame holds must be in a segment: recovery checks it
 *   W13 behind lost frames replay starts anew at a checkpoint. Of what it knew before, only entries up
 *       to a commit index that was known before too still count: others may have been replaced in
 *       what is lost, and stale entries of an older term would break S2
 */
import { StreamError } from "@millrace/base";

import type { GroupCheckpoint, StoredState, WalFrame } from "./frames.ts";
import type { HardState, LogEntry } from "./types.ts";

export interface ReplayedEntry {
  readonly entry: LogEntry;
  /** WAL file that holds its newest copy. */
  readonly walFile: number;
}

export class ReplayedGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  hardState: HardState;
  compactedIndex: number;
  compactedTerm: number;
  lastIndex: number;
  base: StoredState;
  applied: StoredState;
  readonly entries = new Map<number, ReplayedEntry>();
  /** Why the replica is quarantined. */
  damage: string | undefined;

  constructor(checkpoint: GroupCheckpoint) {
    this.groupId = checkpoint.groupId;
    this.replicaId = checkpoint.replicaId;
    this.kind = checkpoint.kind;
    this.description = checkpoint.description;
    this.hardState = checkpoint.hardState;
    this.compactedIndex = checkpoint.compactedIndex;
    this.compactedTerm = checkpoint.compactedTerm;
    this.lastIndex = checkpoint.lastIndex;
    this.base = checkpoint.base;
    this.applied = checkpoint.applied;
  }

  append(entries: readonly LogEntry[], walFile: number): void {
    const first = entries[0]?.index ?? 0;
    if (first > this.lastIndex + 1 || first <= this.compactedIndex) {
      throw new StreamError(
        "corrupt",
        `group ${this.groupId}: entries from ${first} do not follow ${this.compactedIndex}..${this.lastIndex}`,
      );
    }
    for (let index = first; index <= this.lastIndex; index++) this.entries.delete(index);
    this.fill(entries, walFile);
    this.lastIndex = first + entries.length - 1;
  }

  /** W6: a second copy of entries that a file to be recycled held. */
  fill(entries: readonly LogEntry[], walFile: number): void {
    for (const entry of entries) {
      if (entry.index > this.compactedIndex) this.entries.set(entry.index, { entry, walFile });
    }
  }

  install(state: StoredState): void {
    this.entries.clear();
    this.compactedIndex = state.index;
    this.compactedTerm = state.term;
    this.lastIndex = state.index;
    this.base = state;
    this.applied = state;
  }

  /** A snapshot with the log below it, which segments hold. */
  ship(compactedIndex: number, compactedTerm: number, state: StoredState): void {
    this.install(state);
    this.compactedIndex = compactedIndex;
    this.compactedTerm = compactedTerm;
  }

  trim(throughIndex: number, throughTerm: number, state: StoredState): void {
    for (let index = this.compactedIndex + 1; index <= throughIndex; index++) {
      this.entries.delete(index);
    }
    this.compactedIndex = throughIndex;
    this.compactedTerm = throughTerm;
    this.base = state;
    if (this.applied.index < state.index) this.applied = state;
  }

  /** W13: takes what is still sure of the replica as it was before frames were lost. */
  inherit(before: ReplayedGroup): void {
    if (before.replicaId !== this.replicaId) return;
    const through = Math.min(before.hardState.commit, before.lastIndex, this.lastIndex);
    for (let index = this.compactedIndex + 1; index <= through; index++) {
      const entry = before.entries.get(index);
      if (entry !== undefined) this.entries.set(index, entry);
    }
  }

  /** A checkpoint in a later file: all but the applied state is known already. */
  confirm(checkpoint: GroupCheckpoint): void {
    if (checkpoint.lastIndex !== this.lastIndex) {
      throw new StreamError(
        "corrupt",
        `group ${this.groupId}: the checkpoint ends at entry ${checkpoint.lastIndex}, the log at ${this.lastIndex}`,
      );
    }
    this.hardState = checkpoint.hardState;
    this.base = checkpoint.base;
    this.applied = checkpoint.applied;
  }
}

/** The lane as of the last frame. */
export class Replay {
  readonly groups = new Map<number, ReplayedGroup>();
  readonly segments = new Set<number>();
  /** WAL files below it are not needed, whether or not they still exist. */
  freeBelow = 0;
  /** The groups before lost frames, while the checkpoint behind them is replayed. */
  #before: ReadonlyMap<number, ReplayedGroup> = new Map();

  /** Starts anew with the frames of a checkpoint, behind lost ones (W13). */
  resume(frames: Iterable<WalFrame>, walFile: number): void {
    this.#before = new Map(this.groups);
    this.groups.clear();
    for (const frame of frames) this.apply(frame, walFile);
    this.#before = new Map();
  }

  /** Learns from a frame behind lost ones which groups there are, and nothing else of them. */
  nameOnly(frame: WalFrame): void {
    if (frame.type === "group-dropped") this.groups.delete(frame.groupId);
    if (frame.type !== "group-created" && frame.type !== "group-checkpoint") return;
    const { groupId, replicaId } = frame.group;
    if (this.groups.get(groupId)?.replicaId === replicaId) return;
    this.groups.set(groupId, new ReplayedGroup(frame.group));
  }

  apply(frame: WalFrame, walFile: number): void {
    switch (frame.type) {
      case "lane-checkpoint":
        this.freeBelow = Math.max(this.freeBelow, frame.freeBelow);
        this.segments.clear();
        for (const id of frame.segments) this.segments.add(id);
        return;
      case "segments-changed":
        this.freeBelow = Math.max(this.freeBelow, frame.change.freeBelow);
        for (const id of frame.change.added) this.segments.add(id);
        for (const id of frame.change.removed) this.segments.delete(id);
        return;
      case "group-created":
      case "group-checkpoint":
        this.#checkpoint(frame.group);
        return;
      case "group-dropped":
        this.groups.delete(frame.groupId);
        return;
      case "log-shipped":
        this.#live(frame.groupId, frame.type).ship(
          frame.compactedIndex,
          frame.compactedTerm,
          frame.state,
        );
        for (const id of frame.segments) this.segments.add(id);
        return;
      case "group-damaged":
        this.#live(frame.groupId, frame.type).damage = frame.reason;
        return;
      default:
        this.#applyToGroup(frame, walFile);
    }
  }

  #checkpoint(checkpoint: GroupCheckpoint): void {
    const known = this.groups.get(checkpoint.groupId);
    if (known !== undefined) {
      known.confirm(checkpoint);
      return;
    }
    const group = new ReplayedGroup(checkpoint);
    const before = this.#before.get(checkpoint.groupId);
    if (before !== undefined) group.inherit(before);
    this.groups.set(checkpoint.groupId, group);
  }

  #live(groupId: number, frameType: string): ReplayedGroup {
    const group = this.groups.get(groupId);
    if (group !== undefined) return group;
    throw new StreamError("corrupt", `${frameType} frame for group ${groupId}, which is not live`);
  }

  #applyToGroup(
    frame: Extract<
      WalFrame,
      { type: "entries" | "moved-entries" | "hard-state" | "snapshot-installed" | "trimmed" }
    >,
    walFile: number,
  ): void {
    const group = this.#live(frame.groupId, frame.type);
    switch (frame.type) {
      case "entries":
        group.append(frame.entries, walFile);
        return;
      case "moved-entries":
        group.fill(frame.entries, walFile);
        return;
      case "hard-state":
        group.hardState = frame.hardState;
        return;
      case "snapshot-installed":
        group.install(frame.state);
        return;
      default:
        group.trim(frame.throughIndex, frame.throughTerm, frame.state);
    }
  }
}
