/**
 * The entries of one group that are in memory: those that no segment holds yet (pinned: they exist
 * nowhere else but in WAL files that are only read at recovery), and before them a cache of flushed
 * ones for readers near the tail.
 *
 * Parallel arrays, one slot per entry and none per record: an entry is a batch of up to thousands of
 * records, so finding a record by offset or by time is a binary search over few slots.
 */
import { invariant } from "@millrace/base";

import { holdsRecords } from "./entry-meta.ts";
import type { EntryMeta, EntryMetaReader, LogEntry } from "./types.ts";

/** What the objects of one entry cost besides its data. */
const ENTRY_OVERHEAD_BYTES = 96;
/** Entry was submitted, but is in no WAL file yet. */
export const NO_WAL_FILE = 0;

/** Memory of all groups of a lane. */
export interface MemoryTotals {
  pinnedBytes: number;
  cachedBytes: number;
}

/** Where a group stands after its entries so far. */
export interface LogPosition {
  /** Offset after the last record. */
  readonly endOffset: number;
  /** Running maximum of arrival times: leaders' clocks may step back, and a search needs an order. */
  readonly arrivalMaxMs: number;
}

const meta: EntryMeta = { baseOffset: 0, count: 0, arrivalMs: 0 };

export class MemoryLog {
  readonly #readMeta: EntryMetaReader;
  readonly #totals: MemoryTotals;
  #entries: LogEntry[] = [];
  #walFiles: number[] = [];
  #baseOffsets: number[] = [];
  #endOffsets: number[] = [];
  #arrivalsMax: number[] = [];
  /** Slots before it were dropped; arrays are cut when half is waste. */
  #head = 0;
  #firstIndex: number;
  /** First index that no segment holds. */
  #pinnedFrom: number;
  #before: LogPosition;
  #cachedBytes = 0;
  #pinnedBytes = 0;

  constructor(
    readMeta: EntryMetaReader,
    totals: MemoryTotals,
    firstIndex: number,
    before: LogPosition,
  ) {
    this.#readMeta = readMeta;
    this.#totals = totals;
    this.#firstIndex = firstIndex;
    this.#pinnedFrom = firstIndex;
    this.#before = before;
  }

  /** Index of the first entry in memory, `lastIndex + 1` when there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  get lastIndex(): number {
    return this.#firstIndex + this.#entries.length - this.#head - 1;
  }

  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  get pinnedBytes(): number {
    return this.#pinnedBytes;
  }

  at(index: number): LogEntry | undefined {
    if (index < this.#firstIndex) return undefined;
    return this.#entries[this.#slot(index)];
  }

  /** Position just before `index`, which is in memory or is the next one. */
  positionBefore(index: number): LogPosition {
    if (index <= this.#firstIndex) return this.#before;
    const slot = this.#slot(index - 1);
    return {
      endOffset: this.#endOffsets[slot] ?? 0,
      arrivalMaxMs: this.#arrivalsMax[slot] ?? 0,
    };
  }

  append(entry: LogEntry, walFile: number): void {
    invariant(
      entry.index === this.lastIndex + 1,
      () => `entry ${entry.index} follows ${this.lastIndex} in memory`,
    );
    const before = this.positionBefore(entry.index);
    const hasRecords = holdsRecords(this.#readMeta, entry, meta);
    this.#entries.push(entry);
    this.#walFiles.push(walFile);
    this.#baseOffsets.push(hasRecords ? meta.baseOffset : before.endOffset);
    this.#endOffsets.push(hasRecords ? meta.baseOffset + meta.count : before.endOffset);
    this.#arrivalsMax.push(
      hasRecords ? Math.max(before.arrivalMaxMs, meta.arrivalMs) : before.arrivalMaxMs,
    );
    this.#count(entry, 1);
  }

  /** Drops `index` and everything behind it, newest submitted first. */
  cutFrom(index: number): void {
    invariant(
      index >= this.#pinnedFrom,
      () => `cut at ${index}, flushed up to ${this.#pinnedFrom}`,
    );
    while (this.lastIndex >= index) {
      const entry = this.#entries.pop();
      if (entry !== undefined) this.#count(entry, -1);
    }
    const slots = this.#entries.length;
    this.#walFiles.length = slots;
    this.#baseOffsets.length = slots;
    this.#endOffsets.length = slots;
    this.#arrivalsMax.length = slots;
  }

  /** Forgets all entries; the next one is `firstIndex`. */
  reset(firstIndex: number, before: LogPosition): void {
    this.#totals.cachedBytes -= this.#cachedBytes;
    this.#totals.pinnedBytes -= this.#pinnedBytes;
    this.#cachedBytes = 0;
    this.#pinnedBytes = 0;
    this.#entries = [];
    this.#walFiles = [];
    this.#baseOffsets = [];
    this.#endOffsets = [];
    this.#arrivalsMax = [];
    this.#head = 0;
    this.#firstIndex = firstIndex;
    this.#pinnedFrom = firstIndex;
    this.#before = before;
  }

  /** Segments hold everything up to `index`: those entries may now be evicted. */
  flushedThrough(index: number): void {
    const end = Math.min(index, this.lastIndex);
    for (let at = Math.max(this.#pinnedFrom, this.#firstIndex); at <= end; at++) {
      const bytes = costOf(this.#entries[this.#slot(at)]);
      this.#pinnedBytes -= bytes;
      this.#totals.pinnedBytes -= bytes;
      this.#cachedBytes += bytes;
      this.#totals.cachedBytes += bytes;
    }
    this.#pinnedFrom = Math.max(this.#pinnedFrom, index + 1);
  }

  /** Drops flushed entries, oldest first, until `bytes` are freed or none is left. */
  evict(bytes: number): void {
    const goal = this.#cachedBytes - bytes;
    while (this.#cachedBytes > Math.max(0, goal)) this.#dropFirst();
  }

  /** Drops entries up to `index`, flushed or not: retention. */
  dropThrough(index: number): void {
    while (this.#firstIndex <= index && this.#head < this.#entries.length) this.#dropFirst();
    this.#firstIndex = Math.max(this.#firstIndex, index + 1);
    this.#pinnedFrom = Math.max(this.#pinnedFrom, index + 1);
  }

  /** Notes that `entries` are in `walFile` now; entries replaced since they were submitted are skipped. */
  markWritten(entries: readonly LogEntry[], walFile: number): void {
    for (const entry of entries) {
      if (this.at(entry.index) === entry) this.#walFiles[this.#slot(entry.index)] = walFile;
    }
  }

  /** Highest index in a WAL file up to `walFile`, and none of those not yet written; 0 for none. */
  lastIndexInFilesThrough(walFile: number): number {
    for (let index = this.lastIndex; index >= this.#pinnedFrom; index--) {
      const file = this.#walFiles[this.#slot(index)] ?? NO_WAL_FILE;
      if (file !== NO_WAL_FILE && file <= walFile) return index;
    }
    return 0;
  }

  /** Unflushed entries in WAL files up to `walFile`. */
  pinnedIn(walFile: number): LogEntry[] {
    const found: LogEntry[] = [];
    for (let index = this.#pinnedFrom; index <= this.lastIndex; index++) {
      const slot = this.#slot(index);
      const file = this.#walFiles[slot] ?? NO_WAL_FILE;
      const entry = this.#entries[slot];
      if (file !== NO_WAL_FILE && file <= walFile && entry !== undefined) found.push(entry);
    }
    return found;
  }

  /** lo..hi - 1, all in memory, at most `maxBytes` of data but at least one. */
  slice(lo: number, hi: number, maxBytes: number): LogEntry[] {
    const from = this.#slot(lo);
    const limit = this.#slot(hi);
    let to = from;
    let bytes = 0;
    while (to < limit) {
      bytes += this.#entries[to]?.data.byteLength ?? 0;
      if (bytes > maxBytes && to > from) break;
      to++;
    }
    return this.#entries.slice(from, to);
  }

  /** Index of the entry that holds the record; `below` when it is older than what is in memory. */
  locateOffset(offset: number): number | "below" | undefined {
    if (offset < this.#before.endOffset) return "below";
    const slot = this.#firstSlotWhere(this.#endOffsets, offset + 1);
    if (slot === undefined || (this.#baseOffsets[slot] ?? 0) > offset) return undefined;
    return this.#firstIndex + slot - this.#head;
  }

  locateTime(arrivalMs: number): number | "below" | undefined {
    if (arrivalMs <= this.#before.arrivalMaxMs) return "below";
    const slot = this.#firstSlotWhere(this.#arrivalsMax, arrivalMs);
    return slot === undefined ? undefined : this.#firstIndex + slot - this.#head;
  }

  #firstSlotWhere(ascending: readonly number[], atLeast: number): number | undefined {
    let low = this.#head;
    let high = ascending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ascending[middle] ?? 0) >= atLeast) high = middle;
      else low = middle + 1;
    }
    return low === ascending.length ? undefined : low;
  }

  #dropFirst(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#before = this.positionBefore(this.#firstIndex + 1);
    this.#count(entry, -1);
    this.#head++;
    this.#firstIndex++;
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) this.#compact();
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#walFiles = this.#walFiles.slice(this.#head);
    this.#baseOffsets = this.#baseOffsets.slice(this.#head);
    this.#endOffsets = this.#endOffsets.slice(this.#head);
    this.#arrivalsMax = this.#arrivalsMax.slice(this.#head);
    this.#head = 0;
  }

  #count(entry: LogEntry, sign: 1 | -1): void {
    const bytes = sign * costOf(entry);
    if (entry.index >= this.#pinnedFrom) {
      this.#pinnedBytes += bytes;
      this.#totals.pinnedBytes += bytes;
    } else {
      this.#cachedBytes += bytes;
      this.#totals.cachedBytes += bytes;
    }
  }

  #slot(index: number): number {
    return index - this.#firstIndex + this.#head;
  }
}

function costOf(entry: LogEntry | undefined): number {
  return entry === undefined ? 0 : entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
}
