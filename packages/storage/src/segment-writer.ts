/**
 * Writes one segment in bounded pieces, each awaited, so that the commit path runs in between; synced
 * every few megabytes, so that no single sync holds the disk for long.
 */
import type { FileSystem, OpenFile } from "@millrace/base";
import { crc32 } from "node:zlib";

import { ByteWriter, checksum } from "./bytes.ts";
import { holdsRecords } from "./entry-meta.ts";
import { FLUSH_CHUNK_BYTES, FLUSH_SYNC_BYTES, INDEX_INTERVAL_BYTES } from "./limits.ts";
import type { LogPosition } from "./memory-log.ts";
import {
  encodeExtent,
  encodeIndexRow,
  encodeSegmentFooter,
  encodeSegmentFrameHeader,
  encodeSegmentHeader,
  SEGMENT_FRAME_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
} from "./segment-format.ts";
import type { Extent, IndexRow, SegmentHeader } from "./segment-format.ts";
import type { TermRun } from "./term-runs.ts";
import type { EntryMeta, EntryMetaReader, LogEntry } from "./types.ts";

/** One group's share of a flush. */
export interface ExtentSource {
  readonly groupId: number;
  readonly replicaId: number;
  /** Consecutive, at least one. */
  readonly entries: readonly LogEntry[];
  readonly before: LogPosition;
  readonly terms: readonly TermRun[];
}

export async function writeSegment(
  fileSystem: FileSystem,
  path: string,
  header: SegmentHeader,
  sources: readonly ExtentSource[],
  entryMeta: EntryMetaReader,
): Promise<{ readonly extents: readonly Extent[]; readonly bytes: number }> {
  const file = await fileSystem.open(path, { mode: "read-write", create: "if-missing" });
  try {
    await file.truncate(0);
    const writer = new SegmentWriter(file, header, entryMeta);
    for (const source of sources) await writer.add(source);
    return await writer.finish();
  } finally {
    await file.close();
  }
}

class SegmentWriter {
  readonly #file: OpenFile;
  readonly #header: SegmentHeader;
  readonly #entryMeta: EntryMetaReader;
  readonly #chunk = Buffer.allocUnsafeSlow(FLUSH_CHUNK_BYTES);
  #filled = 0;
  #written = 0;
  #unsynced = 0;
  readonly #extents: Omit<Extent, "indexPosition" | "indexCrc">[] = [];
  readonly #indexes: ByteWriter[] = [];
  readonly #meta: EntryMeta = { baseOffset: 0, count: 0, arrivalMs: 0 };

  constructor(file: OpenFile, header: SegmentHeader, entryMeta: EntryMetaReader) {
    this.#file = file;
    this.#header = header;
    this.#entryMeta = entryMeta;
    encodeSegmentHeader(header).copy(this.#chunk, 0);
    this.#filled = SEGMENT_HEADER_BYTES;
  }

  get #position(): number {
    return this.#written + this.#filled;
  }

  async add({ groupId, replicaId, entries, before, terms }: ExtentSource): Promise<void> {
    const index = new ByteWriter();
    const start = this.#position;
    let { endOffset, arrivalMaxMs } = before;
    let indexRows = 0;
    let nextRowAt = start;
    for (const entry of entries) {
      if (this.#position >= nextRowAt) {
        const row: IndexRow = {
          index: entry.index,
          offset: endOffset,
          position: this.#position,
          arrivalBeforeMs: arrivalMaxMs,
        };
        encodeIndexRow(row, index);
        indexRows++;
        nextRowAt = this.#position + INDEX_INTERVAL_BYTES;
      }
      if (!this.#appendToChunk(entry)) await this.#appendSlowly(entry);
      if (holdsRecords(this.#entryMeta, entry, this.#meta)) {
        endOffset = this.#meta.baseOffset + this.#meta.count;
        arrivalMaxMs = Math.max(arrivalMaxMs, this.#meta.arrivalMs);
      }
    }
    this.#indexes.push(index);
    this.#extents.push({
      segmentId: this.#header.segmentId,
      groupId,
      replicaId,
      firstIndex: entries[0]?.index ?? 0,
      lastIndex: entries.at(-1)?.index ?? 0,
      startOffset: before.endOffset,
      endOffset,
      arrivalBeforeMs: before.arrivalMaxMs,
      arrivalMaxMs,
      position: start,
      bytes: this.#position - start,
      indexRows,
      terms,
    });
  }

  /** G3: data first, then indexes and table, the footer last. */
  async finish(): Promise<{ readonly extents: readonly Extent[]; readonly bytes: number }> {
    const indexesPosition = this.#position;
    const extents: Extent[] = [];
    for (const [at, extent] of this.#extents.entries()) {
      const rows = this.#indexes[at]?.view() ?? Buffer.alloc(0);
      extents.push({ ...extent, indexPosition: this.#position, indexCrc: checksum(rows) });
      await this.#writeDirect([rows]);
    }
    const tablePosition = this.#position;
    const table = new ByteWriter();
    for (const extent of extents) encodeExtent(extent, table);
    const footer = encodeSegmentFooter({
      segmentId: this.#header.segmentId,
      indexesPosition,
      tablePosition,
      extentCount: extents.length,
      crc: checksum(table.view()),
    });
    await this.#writeDirect([table.view(), footer]);
    await this.#file.sync();
    return { extents, bytes: this.#position };
  }

  #appendToChunk(entry: LogEntry): boolean {
    const bytes = SEGMENT_FRAME_HEADER_BYTES + entry.data.byteLength;
    const at = this.#filled;
    if (at + bytes > FLUSH_CHUNK_BYTES) return false;
    encodeSegmentFrameHeader(entry, this.#chunk, at);
    this.#chunk.set(entry.data, at + SEGMENT_FRAME_HEADER_BYTES);
    this.#chunk.writeUInt32LE(checksum(this.#chunk.subarray(at + 4, at + bytes)), at);
    this.#filled += bytes;
    return true;
  }

  async #appendSlowly(entry: LogEntry): Promise<void> {
    await this.#flushChunk();
    if (this.#appendToChunk(entry)) return;
    const header = Buffer.alloc(SEGMENT_FRAME_HEADER_BYTES);
    encodeSegmentFrameHeader(entry, header, 0);
    header.writeUInt32LE(crc32(entry.data, checksum(header.subarray(4))), 0);
    await this.#writeDirect([header, entry.data]);
  }

  async #flushChunk(): Promise<void> {
    if (this.#filled === 0) return;
    const count = this.#filled;
    await this.#file.write([this.#chunk.subarray(0, count)], this.#written);
    this.#filled = 0;
    await this.#advance(count);
  }

  async #writeDirect(parts: readonly Uint8Array[]): Promise<void> {
    await this.#flushChunk();
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    await this.#file.write(parts, this.#written);
    await this.#advance(bytes);
  }

  async #advance(bytes: number): Promise<void> {
    this.#written += bytes;
    this.#unsynced += bytes;
    if (this.#unsynced < FLUSH_SYNC_BYTES) return;
    this.#unsynced = 0;
    await this.#file.sync();
  }
}
