/**
 * Writes one segment in bounded pieces, each awaited, so that the commit path runs in between; synced
 * every few megabytes, so that no single sync holds the disk for long.
 */
import type { FileSystem, OpenFile } from "@millrace/base";
import { crc32 } from "node:zlib";

import { checksum } from "./bytes.ts";
import { ExtentBuilder, segmentTrailer } from "./extent-builder.ts";
import { FLUSH_CHUNK_BYTES, FLUSH_SYNC_BYTES } from "./limits.ts";
import type { LogPosition } from "./memory-log.ts";
import {
  encodeSegmentFrameHeader,
  encodeSegmentHeader,
  SEGMENT_FRAME_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
} from "./segment-format.ts";
import type { Extent, SegmentHeader } from "./segment-format.ts";
import type { EntryMetaReader, LogEntry } from "./types.ts";

/** One group's share of a flush. */
export interface ExtentSource {
  readonly groupId: number;
  readonly replicaId: number;
  /** Consecutive, at least one. */
  readonly entries: readonly LogEntry[];
  readonly before: LogPosition;
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
  readonly #builders: ExtentBuilder[] = [];

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

  async add({ groupId, replicaId, entries, before }: ExtentSource): Promise<void> {
    const { segmentId } = this.#header;
    const start = { segmentId, groupId, replicaId, position: this.#position, before };
    const builder = new ExtentBuilder(start, this.#entryMeta);
    for (const entry of entries) {
      builder.add(entry);
      if (!this.#appendToChunk(entry)) await this.#appendSlowly(entry);
    }
    this.#builders.push(builder);
  }

  /** G3: data first, then indexes and table, the footer last. */
  async finish(): Promise<{ readonly extents: readonly Extent[]; readonly bytes: number }> {
    const { segmentId } = this.#header;
    const { extents, parts } = segmentTrailer(segmentId, this.#position, this.#builders);
    const [table, footer] = parts.slice(-2);
    for (const rows of parts.slice(0, -2)) await this.#writeDirect([rows]);
    if (table !== undefined && footer !== undefined) await this.#writeDirect([table, footer]);
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
