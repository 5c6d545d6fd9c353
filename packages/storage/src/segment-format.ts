/**
 * Segments: immutable files of committed entries. FORMAT.md draws the bytes.
 *
 *   header 64 | frames of extent 0 | frames of extent 1 … | indexes | extent table | footer 48
 *
 *   G1  frames of one extent are one group's entries with consecutive indexes, back to back
 *   G2  every frame, and indexes with the table, carry a checksum
 *   G3  the footer is written last, and the file is named in the WAL only after its sync
 *   G4  the sparse index has one row per 64 KiB; its arrival column never goes down
 */
import { StreamError } from "@millrace/base";

import { ByteReader, ByteWriter, checksum, CHECKSUM_CRC32, readU64, writeU64 } from "./bytes.ts";
import { entryTypeId, entryTypeOf } from "./frames.ts";
import { ENTRY_BYTES_MAX } from "./limits.ts";
import type { TermRun } from "./term-runs.ts";
import type { LogEntry } from "./types.ts";

export const SEGMENT_FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_FOOTER_BYTES = 48;
export const SEGMENT_FRAME_HEADER_BYTES = 32;
export const INDEX_ROW_BYTES = 32;
const HEADER_MAGIC = Buffer.from("MILLRSEG", "latin1");
const FOOTER_MAGIC = Buffer.from("MILLREND", "latin1");

export interface SegmentHeader {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly segmentId: number;
}

/** A run of one group's entries in one segment. */
export interface Extent {
  readonly segmentId: number;
  readonly groupId: number;
  readonly replicaId: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Offset before the extent's first record, and after its last. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Running maximum of arrival before the extent, and at its end. */
  readonly arrivalBeforeMs: number;
  readonly arrivalMaxMs: number;
  readonly position: number;
  readonly bytes: number;
  readonly indexPosition: number;
  readonly indexRows: number;
  readonly indexCrc: number;
  readonly terms: readonly TermRun[];
}

/** First entry at or after each 64 KiB step. */
export interface IndexRow {
  readonly index: number;
  /** Offset before the entry. */
  readonly offset: number;
  readonly position: number;
  /** Running maximum of arrival before the entry. */
  readonly arrivalBeforeMs: number;
}

export interface SegmentFooter {
  readonly segmentId: number;
  /** End of the frames, begin of the indexes. */
  readonly indexesPosition: number;
  readonly tablePosition: number;
  readonly extentCount: number;
  /** Of the extent table. */
  readonly crc: number;
}

export function encodeSegmentHeader({ nodeId, incarnation, segmentId }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  HEADER_MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(SEGMENT_FORMAT_VERSION, 8);
  bytes.writeUInt16LE(SEGMENT_FORMAT_VERSION, 10);
  bytes.writeUInt8(CHECKSUM_CRC32, 12);
  bytes.writeUInt32LE(nodeId, 16);
  bytes.write(incarnation, 24, "hex");
  writeU64(bytes, segmentId, 40);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @throws StreamError `corrupt` or `unsupported`, naming `path`. */
export function decodeSegmentHeader(bytes: Buffer, path: string): SegmentHeader {
  const intact =
    bytes.subarray(0, 8).equals(HEADER_MAGIC) &&
    checksum(bytes.subarray(0, 60)) === bytes.readUInt32LE(60);
  if (!intact) throw new StreamError("corrupt", `${path}: damaged segment header at byte 0`);
  if (bytes.readUInt16LE(10) > SEGMENT_FORMAT_VERSION || bytes.readUInt8(12) !== CHECKSUM_CRC32) {
    throw new StreamError("unsupported", `${path}: made by a newer version of this program`);
  }
  return {
    nodeId: bytes.readUInt32LE(16),
    incarnation: bytes.toString("hex", 24, 40),
    segmentId: readU64(bytes, 40),
  };
}

/** Header of the frame of one entry; `crc` covers the rest of the header and the data. */
export function encodeSegmentFrameHeader(entry: LogEntry, into: Buffer, at: number): void {
  into.fill(0, at, at + SEGMENT_FRAME_HEADER_BYTES);
  into.writeUInt32LE(entry.data.byteLength, at + 4);
  writeU64(into, entry.index, at + 8);
  writeU64(into, entry.term, at + 16);
  into.writeUInt8(entryTypeId(entry.type), at + 24);
}

/**
 * The frame at `at`, or how many bytes it needs when the buffer ends before it does.
 *
 * @throws what `failed` makes of the reason, and StreamError `corrupt` for a number that no writer makes.
 */
export function decodeSegmentFrame(
  bytes: Buffer,
  at: number,
  expectedIndex: number,
  failed: (what: string) => StreamError,
): { readonly entry: LogEntry; readonly end: number } | { readonly needBytes: number } {
  if (at + SEGMENT_FRAME_HEADER_BYTES > bytes.byteLength) {
    return { needBytes: SEGMENT_FRAME_HEADER_BYTES };
  }
  const length = bytes.readUInt32LE(at + 4);
  const end = at + SEGMENT_FRAME_HEADER_BYTES + length;
  if (length > ENTRY_BYTES_MAX) throw failed(`frame length ${length} is above ${ENTRY_BYTES_MAX}`);
  if (end > bytes.byteLength) return { needBytes: end - at };
  if (checksum(bytes.subarray(at + 4, end)) !== bytes.readUInt32LE(at)) {
    throw failed(`checksum of entry ${expectedIndex} does not match`);
  }
  const index = readU64(bytes, at + 8);
  if (index !== expectedIndex) throw failed(`entry ${index} where ${expectedIndex} belongs`);
  const entry = {
    term: readU64(bytes, at + 16),
    index,
    type: entryTypeOf(bytes.readUInt8(at + 24)),
    data: bytes.subarray(at + SEGMENT_FRAME_HEADER_BYTES, end),
  };
  return { entry, end };
}

/** Damage below what was synced, and what becomes of it. */
export function damaged(where: string, what: string): StreamError {
  return new StreamError(
    "corrupt",
    `${where}: ${what}. Acknowledged data of this node is damaged; its replicas get it back from ` +
      `their peers, and only a replica without peers has lost it`,
  );
}

export function encodeIndexRow(row: IndexRow, into: ByteWriter): void {
  into.u64(row.index).u64(row.offset).u64(row.position).u64(row.arrivalBeforeMs);
}

export function decodeIndexRows(bytes: Buffer): IndexRow[] {
  const reader = new ByteReader(bytes);
  const rows: IndexRow[] = [];
  while (reader.remaining >= INDEX_ROW_BYTES) {
    rows.push({
      index: reader.u64(),
      offset: reader.u64(),
      position: reader.u64(),
      arrivalBeforeMs: reader.u64(),
    });
  }
  return rows;
}

export function encodeExtent(extent: Extent, into: ByteWriter): void {
  into.u64(extent.groupId).u64(extent.replicaId);
  into.u64(extent.firstIndex).u64(extent.lastIndex);
  into.u64(extent.startOffset).u64(extent.endOffset);
  into.u64(extent.arrivalBeforeMs).u64(extent.arrivalMaxMs);
  into.u64(extent.position).u64(extent.bytes);
  into.u64(extent.indexPosition).u32(extent.indexRows).u32(extent.indexCrc);
  into.u32(extent.terms.length);
  for (const { firstIndex, term } of extent.terms) into.u64(firstIndex).u64(term);
}

export function decodeExtent(segmentId: number, from: ByteReader): Extent {
  const fields = {
    segmentId,
    groupId: from.u64(),
    replicaId: from.u64(),
    firstIndex: from.u64(),
    lastIndex: from.u64(),
    startOffset: from.u64(),
    endOffset: from.u64(),
    arrivalBeforeMs: from.u64(),
    arrivalMaxMs: from.u64(),
    position: from.u64(),
    bytes: from.u64(),
    indexPosition: from.u64(),
    indexRows: from.u32(),
    indexCrc: from.u32(),
  };
  const runs = from.u32();
  const terms: TermRun[] = [];
  for (let at = 0; at < runs; at++) terms.push({ firstIndex: from.u64(), term: from.u64() });
  return { ...fields, terms };
}

export function encodeSegmentFooter(footer: SegmentFooter): Buffer {
  const bytes = Buffer.alloc(SEGMENT_FOOTER_BYTES);
  FOOTER_MAGIC.copy(bytes, 0);
  writeU64(bytes, footer.segmentId, 8);
  writeU64(bytes, footer.indexesPosition, 16);
  writeU64(bytes, footer.tablePosition, 24);
  bytes.writeUInt32LE(footer.extentCount, 32);
  bytes.writeUInt32LE(footer.crc, 36);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 44)), 44);
  return bytes;
}

/** @throws StreamError `corrupt`, naming `path` and the position. */
export function decodeSegmentFooter(bytes: Buffer, path: string, at: number): SegmentFooter {
  const intact =
    bytes.byteLength === SEGMENT_FOOTER_BYTES &&
    bytes.subarray(0, 8).equals(FOOTER_MAGIC) &&
    checksum(bytes.subarray(0, 44)) === bytes.readUInt32LE(44);
  if (!intact) throw damaged(`${path} at byte ${at}`, "the segment's footer is missing or damaged");
  return {
    segmentId: readU64(bytes, 8),
    indexesPosition: readU64(bytes, 16),
    tablePosition: readU64(bytes, 24),
    extentCount: bytes.readUInt32LE(32),
    crc: bytes.readUInt32LE(36),
  };
}
