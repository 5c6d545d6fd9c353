/**
 * Reads entries out of segments: large sequential reads, every frame's checksum verified, and damage
 * always an error that names file and position, never a hole.
 */
import { StreamError } from "@millrace/base";
import type { FileSystem, OpenFile } from "@millrace/base";

import { checksum } from "./bytes.ts";
import { holdsRecords } from "./entry-meta.ts";
import { FileLeases } from "./file-leases.ts";
import type { LogChunk } from "./healing-types.ts";
import type { LaneLayout } from "./layout.ts";
import { INDEX_INTERVAL_BYTES, OPEN_SEGMENTS_MAX } from "./limits.ts";
import { isUnreadable } from "./read-file.ts";
import { damaged, decodeIndexRows, INDEX_ROW_BYTES } from "./segment-format.ts";
import type { Extent, IndexRow } from "./segment-format.ts";
import { readExtentTable } from "./segment-table.ts";
import { readAt, walkFrames } from "./segment-walk.ts";
import type { FrameVisitor } from "./segment-walk.ts";
import type { EntryMeta, EntryMetaReader, LogEntry } from "./types.ts";

/** Sparse indexes kept for readers: 4 MiB of rows at most. */
const INDEX_ROWS_CACHED_MAX = 65_536;

export class SegmentReader {
  readonly #fileSystem: FileSystem;
  readonly #layout: LaneLayout;
  readonly #entryMeta: EntryMetaReader;
  readonly #files: FileLeases;
  readonly #indexes = new Map<Extent, readonly IndexRow[]>();
  #indexRows = 0;

  constructor(fileSystem: FileSystem, layout: LaneLayout, entryMeta: EntryMetaReader) {
    this.#fileSystem = fileSystem;
    this.#files = new FileLeases(fileSystem, OPEN_SEGMENTS_MAX);
    this.#layout = layout;
    this.#entryMeta = entryMeta;
  }

  /** The extent table of a segment. @throws StreamError `corrupt` */
  async extentsOf(segmentId: number, incarnation: string): Promise<readonly Extent[]> {
    const path = this.#layout.segment(segmentId);
    const bytes = await this.#fileSystem.sizeOf(path);
    if (bytes === undefined) throw damaged(path, "the segment is missing");
    const file = await this.#fileSystem.open(path, { mode: "read" });
    try {
      return await readExtentTable(file, { segmentId, incarnation });
    } catch (error) {
      throw isUnreadable(error) ? unreadable(path, error) : error;
    } finally {
      await file.close();
    }
  }

  /** Entries lo..hi - 1 of one extent, at most `maxBytes` of data but at least one. */
  async read(extent: Extent, lo: number, hi: number, maxBytes: number): Promise<LogEntry[]> {
    const found: LogEntry[] = [];
    let bytes = 0;
    await this.#walk(extent, await this.#rowFor(extent, lo), maxBytes, (entry) => {
      if (entry.index < lo) return true;
      bytes += entry.data.byteLength;
      if (entry.index >= hi || (bytes > maxBytes && found.length > 0)) return false;
      found.push(entry);
      return entry.index + 1 < hi && bytes < maxBytes;
    });
    return found;
  }

  /** The same entries as frames, their checksums with them, at most `maxBytes` but one at least. */
  async readChunk(extent: Extent, lo: number, hi: number, maxBytes: number): Promise<LogChunk> {
    const frames: Buffer[] = [];
    let bytes = 0;
    await this.#walk(extent, await this.#rowFor(extent, lo), maxBytes, (entry, frame) => {
      if (entry.index < lo) return true;
      bytes += frame.byteLength;
      if (entry.index >= hi || (bytes > maxBytes && frames.length > 0)) return false;
      frames.push(frame);
      return entry.index + 1 < hi && bytes < maxBytes;
    });
    return { firstIndex: lo, lastIndex: lo + frames.length - 1, frames: Buffer.concat(frames) };
  }

  /** Index of the entry that holds record `offset`. */
  async locateOffset(extent: Extent, offset: number): Promise<number | undefined> {
    const rows = await this.#rowsOf(extent);
    const row = lastRowWhere(rows, (candidate) => candidate.offset <= offset);
    const meta: EntryMeta = { baseOffset: 0, count: 0, arrivalMs: 0 };
    let answer: number | undefined;
    await this.#walk(extent, row, INDEX_INTERVAL_BYTES, (entry) => {
      if (!holdsRecords(this.#entryMeta, entry, meta)) return true;
      if (offset >= meta.baseOffset + meta.count) return true;
      if (offset >= meta.baseOffset) answer = entry.index;
      return false;
    });
    return answer;
  }

  /** First entry whose running maximum of arrival times is at or after `arrivalMs`. */
  async locateTime(extent: Extent, arrivalMs: number): Promise<number | undefined> {
    if (arrivalMs <= extent.arrivalBeforeMs) return extent.firstIndex;
    const rows = await this.#rowsOf(extent);
    const row = lastRowWhere(rows, (candidate) => candidate.arrivalBeforeMs < arrivalMs);
    const meta: EntryMeta = { baseOffset: 0, count: 0, arrivalMs: 0 };
    let answer: number | undefined;
    await this.#walk(extent, row, INDEX_INTERVAL_BYTES, (entry) => {
      if (!holdsRecords(this.#entryMeta, entry, meta) || meta.arrivalMs < arrivalMs) return true;
      answer = entry.index;
      return false;
    });
    return answer;
  }

  /** Lets go of removed segments, or of all. */
  forget(segmentIds?: readonly number[]): void {
    if (segmentIds === undefined) this.#files.forgetAll();
    for (const id of segmentIds ?? []) this.#files.forget(this.#layout.segment(id));
    for (const [extent, rows] of this.#indexes) {
      if (segmentIds !== undefined && !segmentIds.includes(extent.segmentId)) continue;
      this.#indexes.delete(extent);
      this.#indexRows -= rows.length;
    }
  }

  /** Hands entries from `row` on to `visit` until it answers false. */
  #walk(extent: Extent, row: IndexRow, wantedBytes: number, visit: FrameVisitor): Promise<void> {
    return this.#withFile(extent, (file) =>
      walkFrames(file, { ...row, end: extent.position + extent.bytes }, wantedBytes, visit),
    );
  }

  /** A file that is gone, or that the device cannot read, is damage like any other: peers have the entries. */
  async #withFile<Result>(
    { segmentId }: Extent,
    use: (file: OpenFile) => Promise<Result>,
  ): Promise<Result> {
    const path = this.#layout.segment(segmentId);
    try {
      return await this.#files.with(path, use);
    } catch (error) {
      throw isUnreadable(error) ? unreadable(path, error) : error;
    }
  }

  async #rowFor(extent: Extent, index: number): Promise<IndexRow> {
    return lastRowWhere(await this.#rowsOf(extent), (row) => row.index <= index);
  }

  async #rowsOf(extent: Extent): Promise<readonly IndexRow[]> {
    const known = this.#indexes.get(extent);
    if (known !== undefined) return known;
    const bytes = await this.#withFile(extent, (file) =>
      readAt(file, extent.indexPosition, extent.indexRows * INDEX_ROW_BYTES),
    );
    if (checksum(bytes) !== extent.indexCrc) {
      throw damaged(
        `${this.#layout.segment(extent.segmentId)} at byte ${extent.indexPosition}`,
        `the index of group ${extent.groupId} does not match its checksum`,
      );
    }
    const rows = decodeIndexRows(bytes);
    this.#remember(extent, rows);
    return rows;
  }

  #remember(extent: Extent, rows: readonly IndexRow[]): void {
    if (this.#indexes.has(extent)) return;
    this.#indexes.set(extent, rows);
    this.#indexRows += rows.length;
    for (const [oldest, oldRows] of this.#indexes) {
      if (this.#indexRows <= INDEX_ROWS_CACHED_MAX) return;
      this.#indexes.delete(oldest);
      this.#indexRows -= oldRows.length;
    }
  }
}

const unreadable = (path: string, error: unknown) =>
  damaged(path, `it cannot be read (${String(error)})`);

/** Rows are ascending, and the first one always qualifies: it stands at the extent's begin. */
function lastRowWhere(rows: readonly IndexRow[], holds: (row: IndexRow) => boolean): IndexRow {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const row = rows[middle];
    if (row !== undefined && holds(row)) low = middle;
    else high = middle - 1;
  }
  const row = rows[low];
  if (row === undefined) throw new StreamError("corrupt", "a segment's index has no rows");
  return row;
}
