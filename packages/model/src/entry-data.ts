/**
 * The data of one Raft log entry of any group: a fixed header, then a body.
 *
 *   byte 0      1         2         4       8            16          24          28         32
 *        | kind | version | command | count | baseOffset | arrivalMs | bodyParts | reserved | body
 *        | u8   | u8      | u16     | u32   | u64        | u64       | u32       | 0        |
 *
 * `kind` 1: `bodyParts` record batches back to back, `count` records from `baseOffset` on, all of
 * which arrived at `arrivalMs`. `kind` 2: one command, numbered by `command`, with no records; its
 * `baseOffset` is the group's next offset, its `arrivalMs` the proposer's clock. Followers index an
 * entry by this header and never parse the body. Little-endian.
 *
 *   E1  records entries tile the shard: each baseOffset is the sum of all counts before it (S3)
 *   E2  arrivalMs never decreases along the log
 */
import { StreamError } from "@millrace/base";

import { safeU64, setSafeU64, viewOf } from "./record-batch.ts";

export const ENTRY_HEADER_BYTES = 32;
const VERSION = 1;
const KIND_RECORDS = 1;
const KIND_COMMAND = 2;

export interface EntryHeader {
  kind: "records" | "command";
  command: number;
  count: number;
  baseOffset: number;
  arrivalMs: number;
  batchCount: number;
}

/** Writes the header of a records entry into the first 32 bytes of `data`. */
export function writeRecordsHeader(
  data: Uint8Array,
  header: {
    readonly count: number;
    readonly baseOffset: number;
    readonly arrivalMs: number;
    readonly batchCount: number;
  },
): void {
  const view = viewOf(data);
  data.fill(0, 0, ENTRY_HEADER_BYTES);
  view.setUint8(0, KIND_RECORDS);
  view.setUint8(1, VERSION);
  view.setUint32(4, header.count, true);
  setSafeU64(view, 8, header.baseOffset);
  setSafeU64(view, 16, header.arrivalMs);
  view.setUint32(24, header.batchCount, true);
}

/** A command entry: header and `body`, copied into one buffer. @param command 0..65535. */
export function commandEntry(
  command: number,
  body: Uint8Array,
  at: { readonly baseOffset: number; readonly arrivalMs: number },
): Uint8Array {
  const data = new Uint8Array(ENTRY_HEADER_BYTES + body.byteLength);
  const view = viewOf(data);
  view.setUint8(0, KIND_COMMAND);
  view.setUint8(1, VERSION);
  view.setUint16(2, command, true);
  setSafeU64(view, 8, at.baseOffset);
  setSafeU64(view, 16, at.arrivalMs);
  view.setUint32(24, 1, true);
  data.set(body, ENTRY_HEADER_BYTES);
  return data;
}

/** @throws StreamError `corrupt` for bytes that are no entry, `unsupported` for a later version. */
export function readEntryHeader(data: Uint8Array): EntryHeader {
  if (data.byteLength < ENTRY_HEADER_BYTES) {
    throw new StreamError("corrupt", `log entry: ${data.byteLength} bytes are no header`);
  }
  const view = viewOf(data);
  const kind = view.getUint8(0);
  const version = view.getUint8(1);
  if (version !== VERSION) {
    throw new StreamError("unsupported", `log entry: version ${version}, known is ${VERSION}`);
  }
  if (kind !== KIND_RECORDS && kind !== KIND_COMMAND) {
    throw new StreamError("corrupt", `log entry: kind ${kind} is not known`);
  }
  return {
    kind: kind === KIND_RECORDS ? "records" : "command",
    command: view.getUint16(2, true),
    count: view.getUint32(4, true),
    baseOffset: safeU64("baseOffset", view, 8),
    arrivalMs: safeU64("arrivalMs", view, 16),
    batchCount: view.getUint32(24, true),
  };
}

/** What storage needs of an entry to index it. Fills `into`; false for an entry without records. */
export function readEntryMeta(
  data: Uint8Array,
  into: { baseOffset: number; count: number; arrivalMs: number },
): boolean {
  if (data.byteLength < ENTRY_HEADER_BYTES || data[0] !== KIND_RECORDS) return false;
  const view = viewOf(data);
  into.count = view.getUint32(4, true);
  into.baseOffset = safeU64("baseOffset", view, 8);
  into.arrivalMs = safeU64("arrivalMs", view, 16);
  return true;
}

/** The body of an entry, a view. */
export function entryBody(data: Uint8Array): Uint8Array {
  return data.subarray(ENTRY_HEADER_BYTES);
}
