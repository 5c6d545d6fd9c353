/**
 * What a segment says about one extent, gathered entry by entry while the frames are written: a flush and
 * an import must describe the same entries in the same way, or a reader would find a record in one
 * replica's file and not in the other's.
 */
import { ByteWriter, checksum } from "./bytes.ts";
import { holdsRecords } from "./entry-meta.ts";
import { INDEX_INTERVAL_BYTES } from "./limits.ts";
import type { LogPosition } from "./memory-log.ts";
import {
  encodeExtent,
  encodeIndexRow,
  encodeSegmentFooter,
  SEGMENT_FRAME_HEADER_BYTES,
} from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import type { TermRun } from "./term-runs.ts";
import type { EntryMeta, EntryMetaReader, LogEntry } from "./types.ts";

export interface ExtentStart {
  readonly segmentId: number;
  readonly groupId: number;
  readonly replicaId: number;
  /** Of the first frame. */
  readonly position: number;
  readonly before: LogPosition;
}

export class ExtentBuilder {
  readonly #start: ExtentStart;
  readonly #entryMeta: EntryMetaReader;
  readonly #rows = new ByteWriter();
  readonly #meta: EntryMeta = { baseOffset: 0, count: 0, arrivalMs: 0 };
  readonly #terms: TermRun[] = [];
  #indexRows = 0;
  #nextRowAt: number;
  #position: number;
  #endOffset: number;
  #arrivalMaxMs: number;
  #firstIndex = 0;
  #lastIndex = 0;

  constructor(start: ExtentStart, entryMeta: EntryMetaReader) {
    this.#start = start;
    this.#entryMeta = entryMeta;
    this.#position = start.position;
    this.#nextRowAt = start.position;
    this.#endOffset = start.before.endOffset;
    this.#arrivalMaxMs = start.before.arrivalMaxMs;
  }

  /** End of the last frame. */
  get position(): number {
    return this.#position;
  }

  get terms(): readonly TermRun[] {
    return this.#terms;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Where the log stands after the entries so far. */
  get after(): LogPosition {
    return { endOffset: this.#endOffset, arrivalMaxMs: this.#arrivalMaxMs };
  }

  /** The frame of `entry` follows the last one. */
  add(entry: LogEntry): void {
    const { index, term } = entry;
    if (this.#position >= this.#nextRowAt) {
      const row = {
        index,
        offset: this.#endOffset,
        position: this.#position,
        arrivalBeforeMs: this.#arrivalMaxMs,
      };
      encodeIndexRow(row, this.#rows);
      this.#indexRows++;
      this.#nextRowAt = this.#position + INDEX_INTERVAL_BYTES;
    }
    this.#position += SEGMENT_FRAME_HEADER_BYTES + entry.data.byteLength;
    if (holdsRecords(this.#entryMeta, entry, this.#meta)) {
      this.#endOffset = this.#meta.baseOffset + this.#meta.count;
      this.#arrivalMaxMs = Math.max(this.#arrivalMaxMs, this.#meta.arrivalMs);
    }
    if (this.#terms.at(-1)?.term !== term) this.#terms.push({ firstIndex: index, term });
    if (this.#firstIndex === 0) this.#firstIndex = index;
    this.#lastIndex = index;
  }

  /** The extent and its index, which will stand at `indexPosition`. */
  finish(indexPosition: number): { readonly extent: Extent; readonly rows: Buffer } {
    const { segmentId, groupId, replicaId, position, before } = this.#start;
    const rows = this.#rows.view();
    const extent = {
      segmentId,
      groupId,
      replicaId,
      firstIndex: this.#firstIndex,
      lastIndex: this.#lastIndex,
      startOffset: before.endOffset,
      endOffset: this.#endOffset,
      arrivalBeforeMs: before.arrivalMaxMs,
      arrivalMaxMs: this.#arrivalMaxMs,
      position,
      bytes: this.#position - position,
      indexPosition,
      indexRows: this.#indexRows,
      indexCrc: checksum(rows),
      terms: this.#terms,
    };
    return { extent, rows };
  }
}

/** Everything behind the frames: indexes, table and footer, in this order (G3). */
export function segmentTrailer(
  segmentId: number,
  indexesPosition: number,
  builders: readonly ExtentBuilder[],
): { readonly extents: readonly Extent[]; readonly parts: readonly Uint8Array[] } {
  const extents: Extent[] = [];
  const parts: Uint8Array[] = [];
  const table = new ByteWriter();
  let position = indexesPosition;
  for (const builder of builders) {
    const { extent, rows } = builder.finish(position);
    extents.push(extent);
    parts.push(rows);
    position += rows.byteLength;
    encodeExtent(extent, table);
  }
  const footer = encodeSegmentFooter({
    segmentId,
    indexesPosition,
    tablePosition: position,
    extentCount: extents.length,
    crc: checksum(table.view()),
  });
  return { extents, parts: [...parts, table.view(), footer] };
}
