/**
 * One group inside a lane: its memory, its extents, and two views of its state.
 *
 * What the host reads is the newest submitted state. What a checkpoint may say is only what the WAL
 * holds so far (`written`): a checkpoint that counted entries still in the queue would promise, after
 * a crash, a log that does not exist.
 */
import { StreamError } from "@millrace/base";

import { extentHolding, extentRanges } from "./extents.ts";
import type { GroupCheckpoint } from "./frames.ts";
import type { GroupLog } from "./group-log.ts";
import type { ImportStart, IndexRange, LogChunk } from "./healing-types.ts";
import { encodeChunk, joinChunks } from "./log-chunk.ts";
import { MemoryLog } from "./memory-log.ts";
import type { LogPosition, MemoryTotals } from "./memory-log.ts";
import type { Extent } from "./segment-format.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { TailCache } from "./tail-cache.ts";
import { TermRuns } from "./term-runs.ts";
import type {
  ConfState,
  EntriesAnswer,
  EntryMetaReader,
  GroupWrite,
  HardState,
  LocateAnswer,
  LogEntry,
  StateSnapshot,
  TermAnswer,
} from "./types.ts";
import { FETCH_BYTES_MAX, IMPORT_CHUNK_BYTES_MAX } from "./limits.ts";

/** What every group of a lane shares. */
export interface GroupShared {
  readonly entryMeta: EntryMetaReader;
  readonly totals: MemoryTotals;
  readonly cache: TailCache;
  readonly segments: SegmentReader;
  /** Extents that no group refers to any more. */
  released(extents: readonly Extent[]): void;
  /** An extent of the group turned out to be damaged. */
  damaged(groupId: number, extent: Extent, reason: string): void;
}

export interface GroupSeed {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly hardState: HardState;
  readonly compactedIndex: number;
  readonly compactedTerm: number;
  readonly base: StateSnapshot;
  readonly applied: StateSnapshot;
  /** Ascending, without gaps, from `compactedIndex + 1` at the latest. */
  readonly extents: readonly Extent[];
}

/** Segments that an import received, all of (afterIndex, the snapshot's index]. */
export interface ShippedLog extends ImportStart {
  readonly extents: readonly Extent[];
}

/** What the WAL holds of a group. */
export type WrittenState = { -readonly [Field in keyof GroupCheckpoint]: GroupCheckpoint[Field] };

const NOTHING_BEFORE: LogPosition = { endOffset: 0, arrivalMaxMs: 0 };

export class LaneGroup implements GroupLog {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly log: MemoryLog;
  readonly terms = new TermRuns();
  /** Undefined until the frame that creates the group is in the WAL, and again once it is dropped. */
  written: WrittenState | undefined;
  extents: Extent[];
  committedIndex: number;
  flushedThrough: number;
  dropped = false;
  provider: (() => StateSnapshot) | undefined;
  hardState: HardState;
  confState: ConfState;
  applied: StateSnapshot;
  #base: StateSnapshot;
  #compactedIndex: number;
  readonly #shared: GroupShared;
  /** Of `extents`; those that were replaced or trimmed since do not matter. */
  readonly #damaged = new WeakSet<Extent>();

  constructor(seed: GroupSeed, shared: GroupShared) {
    this.groupId = seed.groupId;
    this.replicaId = seed.replicaId;
    this.kind = seed.kind;
    this.description = seed.description;
    this.hardState = seed.hardState;
    this.extents = [...seed.extents];
    this.applied = seed.applied;
    this.confState = seed.applied.confState;
    this.#base = seed.base;
    this.#compactedIndex = seed.compactedIndex;
    this.#shared = shared;
    const last = seed.extents.at(-1);
    this.flushedThrough = Math.max(seed.compactedIndex, last?.lastIndex ?? 0);
    this.committedIndex = Math.max(seed.hardState.commit, this.flushedThrough);
    this.log = new MemoryLog(
      shared.entryMeta,
      shared.totals,
      this.flushedThrough + 1,
      positionAfter(seed.extents),
    );
    this.#resetTerms(seed.compactedTerm);
  }

  #resetTerms(compactedTerm: number): void {
    let through = this.#compactedIndex;
    this.terms.reset(through, compactedTerm);
    for (const { terms, lastIndex } of this.extents) {
      this.terms.appendRuns(terms, through);
      through = Math.max(through, lastIndex);
    }
  }

  firstIndex(): number {
    return this.#compactedIndex + 1;
  }

  lastIndex(): number {
    return this.log.lastIndex;
  }

  term(index: number): TermAnswer {
    if (index < this.#compactedIndex) return "compacted";
    if (index > this.log.lastIndex) return "unavailable";
    return this.terms.termAt(index) ?? "compacted";
  }

  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer {
    if (lo <= this.#compactedIndex) return "compacted";
    if (hi > this.log.lastIndex + 1) return "unavailable";
    if (lo >= hi) return [];
    if (lo < this.log.firstIndex) return "temporarily-unavailable";
    this.#shared.cache.touch(this.log);
    return this.log.slice(lo, hi, maxBytes);
  }

  async fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]> {
    const found: LogEntry[] = [];
    let budget = Math.min(maxBytes, FETCH_BYTES_MAX);
    let next = lo;
    while (next < hi) {
      const more = await this.#fetchSome(
        next,
        hi,
        found.length === 0 ? Math.max(1, budget) : budget,
      );
      if (found.length > 0 && (more[0]?.data.byteLength ?? 0) > budget) break;
      for (const entry of more) {
        found.push(entry);
        budget -= entry.data.byteLength;
      }
      next += more.length;
      if (more.length === 0 || budget <= 0) break;
    }
    return found;
  }

  async #fetchSome(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]> {
    const inMemory = this.entries(lo, hi, maxBytes);
    if (inMemory === "compacted") {
      throw new StreamError(
        "expired",
        `entry ${lo} of group ${this.groupId} is below the first kept, ${this.firstIndex()}`,
      );
    }
    if (inMemory === "unavailable") {
      throw new StreamError(
        "invalid-argument",
        `hi is ${hi}, but must be at most ${this.lastIndex() + 1} in group ${this.groupId}`,
      );
    }
    if (inMemory !== "temporarily-unavailable") return inMemory;
    const extent = extentHolding(this.extents, lo);
    if (extent === undefined) {
      throw new StreamError("corrupt", `no segment of group ${this.groupId} holds entry ${lo}`);
    }
    const end = Math.min(hi, extent.lastIndex + 1);
    return this.#reading(
      extent,
      () => this.#shared.segments.read(extent, lo, end, maxBytes),
      () => this.#fetchSome(lo, hi, maxBytes),
    );
  }

  /** Notes damage; when the extent was replaced or trimmed under the reader, it reads `again`. */
  async #reading<Result>(
    extent: Extent,
    read: () => Promise<Result>,
    again: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await read();
    } catch (error) {
      if (this.dropped) throw new StreamError("not-found", `group ${this.groupId} is gone`);
      if (!this.extents.includes(extent)) return again();
      if (error instanceof StreamError && error.code === "corrupt") {
        this.markDamaged(extent, error.message);
      }
      throw error;
    }
  }

  markDamaged(extent: Extent, reason: string): void {
    if (this.#damaged.has(extent) || !this.extents.includes(extent)) return;
    this.#damaged.add(extent);
    this.#shared.damaged(this.groupId, extent, reason);
  }

  /** The extent was read whole since, and is intact: what went wrong was the reading. */
  markIntact(extent: Extent): void {
    this.#damaged.delete(extent);
  }

  async exportEntries(lo: number, hi: number, maxBytes: number): Promise<LogChunk> {
    const end = Math.min(hi, this.committedIndex + 1, this.lastIndex() + 1);
    if (lo < this.firstIndex() || lo >= end) {
      throw new StreamError(
        "not-found",
        `entry ${lo} of group ${this.groupId} is not in ${this.firstIndex()}..${end - 1}`,
      );
    }
    const chunks: LogChunk[] = [];
    let budget = Math.min(maxBytes, IMPORT_CHUNK_BYTES_MAX);
    for (let next = lo; next < end;) {
      const chunk = await this.#exportSome(next, end, budget);
      if (chunks.length > 0 && chunk.frames.byteLength > budget) break;
      chunks.push(chunk);
      budget -= chunk.frames.byteLength;
      next = chunk.lastIndex + 1;
      if (budget <= 0) break;
    }
    return joinChunks(chunks);
  }

  /** What one extent or the memory has of it. */
  async #exportSome(lo: number, hi: number, maxBytes: number): Promise<LogChunk> {
    const extent = extentHolding(this.extents, lo);
    if (extent === undefined) return encodeChunk(await this.#fetchSome(lo, hi, maxBytes));
    const end = Math.min(hi, extent.lastIndex + 1);
    return this.#reading(
      extent,
      () => this.#shared.segments.readChunk(extent, lo, end, maxBytes),
      () => this.exportEntries(lo, hi, maxBytes),
    );
  }

  damagedRanges(): readonly IndexRange[] {
    return extentRanges(this.extents, this.firstIndex())
      .filter(({ extent }) => this.#damaged.has(extent))
      .map(({ firstIndex, lastIndex }) => ({ firstIndex, lastIndex }));
  }

  baseSnapshot(): StateSnapshot {
    return this.#base;
  }

  recoveredState(): StateSnapshot {
    return this.applied;
  }

  setStateProvider(provide: () => StateSnapshot): void {
    this.provider = provide;
  }

  committed(index: number): void {
    if (index > this.committedIndex) this.committedIndex = Math.min(index, this.log.lastIndex);
  }

  locateOffset(offset: number): LocateAnswer {
    const found = this.log.locateOffset(offset);
    if (found !== "below") return found;
    return this.extents.length === 0 ? undefined : "temporarily-unavailable";
  }

  async locateOffsetAsync(offset: number): Promise<number | undefined> {
    const found = this.locateOffset(offset);
    if (found !== "temporarily-unavailable") return found;
    const extent = this.extents.find(({ endOffset }) => offset < endOffset);
    if (extent === undefined || offset < extent.startOffset) return undefined;
    const index = await this.#reading(
      extent,
      () => this.#shared.segments.locateOffset(extent, offset),
      () => this.locateOffsetAsync(offset),
    );
    return index === undefined || index <= this.#compactedIndex ? undefined : index;
  }

  locateTime(arrivalMs: number): LocateAnswer {
    const found = this.log.locateTime(arrivalMs);
    if (found !== "below") return found;
    return this.extents.length === 0 ? this.#firstOrNone() : "temporarily-unavailable";
  }

  async locateTimeAsync(arrivalMs: number): Promise<number | undefined> {
    const found = this.locateTime(arrivalMs);
    if (found !== "temporarily-unavailable") return found;
    const extent = this.extents.find(({ arrivalMaxMs }) => arrivalMs <= arrivalMaxMs);
    if (extent === undefined) return this.#firstOrNone();
    const index = await this.#reading(
      extent,
      () => this.#shared.segments.locateTime(extent, arrivalMs),
      () => this.locateTimeAsync(arrivalMs),
    );
    // Trimmed since, or in part: the oldest entry that is left is the answer.
    return index === undefined ? undefined : Math.max(index, this.firstIndex());
  }

  #firstOrNone(): number | undefined {
    return this.firstIndex() <= this.lastIndex() ? this.firstIndex() : undefined;
  }

  /** Takes a checked write into memory; `shipped` are the segments of its import. */
  apply(write: GroupWrite, shipped?: ShippedLog): void {
    if (write.snapshot !== undefined) this.#install(write.snapshot, shipped);
    if (write.hardState !== undefined) this.hardState = write.hardState;
    if (write.entries !== undefined) this.#append(write.entries);
    if (write.trim !== undefined) this.#trim(write.trim.throughIndex, write.trim.snapshot);
  }

  #install(snapshot: StateSnapshot, shipped?: ShippedLog): void {
    this.#shared.released(this.extents);
    this.extents = [...(shipped?.extents ?? [])];
    this.#compactedIndex = shipped?.afterIndex ?? snapshot.index;
    this.#base = snapshot;
    this.applied = snapshot;
    this.confState = snapshot.confState;
    this.flushedThrough = snapshot.index;
    this.committedIndex = snapshot.index;
    this.log.reset(snapshot.index + 1, positionAfter(this.extents));
    this.#resetTerms(shipped?.afterTerm ?? snapshot.term);
  }

  /**
   * Puts durable segments in the place of the extents that cover the same entries; readers that have begun
   * go on with the old ones. False when retention has dropped all of them meanwhile.
   */
  replace(replaced: readonly Extent[], by: readonly Extent[]): boolean {
    const at = this.extents.findIndex((extent) => replaced.includes(extent));
    const left = this.extents.filter((extent) => replaced.includes(extent));
    if (this.dropped || at < 0 || left.at(-1) !== replaced.at(-1)) return false;
    const kept = by.filter(({ lastIndex }) => lastIndex > this.#compactedIndex);
    this.extents.splice(at, left.length, ...kept);
    this.#shared.released([...left, ...by.filter((extent) => !kept.includes(extent))]);
    return true;
  }

  #append(entries: readonly LogEntry[]): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    if (first <= this.log.lastIndex) {
      this.log.cutFrom(first);
      this.terms.cutFrom(first);
    }
    for (const entry of entries) {
      this.log.append(entry, 0);
      this.terms.append(entry.index, entry.term);
    }
    this.#shared.cache.touch(this.log);
  }

  #trim(throughIndex: number, snapshot: StateSnapshot): void {
    this.terms.dropBefore(throughIndex);
    this.#compactedIndex = throughIndex;
    this.#base = snapshot;
    if (this.applied.index < snapshot.index) {
      this.applied = snapshot;
      this.confState = snapshot.confState;
    }
    this.flushedThrough = Math.max(this.flushedThrough, throughIndex);
    this.committedIndex = Math.max(this.committedIndex, throughIndex);
    this.log.dropThrough(throughIndex);
    const dead = this.extents.filter(({ lastIndex }) => lastIndex <= throughIndex);
    if (dead.length === 0) return;
    this.extents = this.extents.slice(dead.length);
    this.#shared.released(dead);
  }

  /** A flush put entries up to `extent.lastIndex` into a durable segment. False when the log was replaced meanwhile. */
  adopt(extent: Extent): boolean {
    if (this.dropped || extent.lastIndex <= this.#compactedIndex) return false;
    if (extent.lastIndex <= this.flushedThrough) return false;
    this.extents.push(extent);
    this.flushedThrough = extent.lastIndex;
    this.log.flushedThrough(extent.lastIndex);
    this.#shared.cache.touch(this.log);
    return true;
  }

  /** Releases everything; the log answers no more. */
  drop(): void {
    this.dropped = true;
    this.#shared.cache.forget(this.log);
    this.log.reset(this.log.lastIndex + 1, NOTHING_BEFORE);
    this.#shared.released(this.extents);
    this.extents = [];
  }
}

function positionAfter(extents: readonly Extent[]): LogPosition {
  const last = extents.at(-1);
  if (last === undefined) return NOTHING_BEFORE;
  return { endOffset: last.endOffset, arrivalMaxMs: last.arrivalMaxMs };
}
