/** `FetchRequest` and `FetchResponse` of data.proto, without copying the records. */
import type { StreamError } from "@millrace/base";

import { decodeFailure, encodeFailure } from "./failure.ts";
import { WireReader } from "./wire-reader.ts";
import { LENGTH_BYTES_MAX, SCALAR_BYTES_MAX, varintBytes, WireWriter } from "./wire-writer.ts";

export interface FetchRequestMessage {
  /** Unique among the unanswered requests of the stream. */
  readonly requestId: number;
  readonly groupId: number;
  /** First record wanted; below the trim point it continues at the trim point. */
  readonly offset: number;
  readonly maxBytes: number;
  readonly maxRecords: number;
  /** With nothing to read, wait this long for a record before an empty answer. */
  readonly waitMs: number;
  /** Counts against the shard's read limits. */
  readonly limited: boolean;
}

/** Neighbouring records with one arrival time. `records` are views, back to back. */
export interface RecordSliceMessage<Records> {
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
  readonly records: Records;
}

interface FetchedPage<Records> {
  readonly requestId: number;
  readonly failure?: undefined;
  readonly slices: readonly RecordSliceMessage<Records>[];
  /** Where the next fetch should start. */
  readonly nextOffset: number;
  /** One past the newest committed record. */
  readonly endOffset: number;
  /** Oldest record that is still readable. */
  readonly trimOffset: number;
  readonly term: number;
  /** The leader's wall clock when it answered. */
  readonly nowMs: number;
  /** The shard takes no more records: `endOffset` is final. */
  readonly sealed: boolean;
}

interface FetchFailure {
  readonly requestId: number;
  readonly failure: StreamError;
}

/** As received: each slice's records are one view. */
export type FetchResponseMessage = FetchFailure | FetchedPage<Buffer>;
/** As sent: each slice's records may lie in several places. */
export type FetchResponseParts = FetchFailure | FetchedPage<readonly Uint8Array[]>;

/** @throws StreamError `invalid-argument` naming a number that is not whole or out of its range. */
export function encodeFetchRequest(request: FetchRequestMessage): Uint8Array[] {
  const writer = new WireWriter(7 * SCALAR_BYTES_MAX);
  writer.uint64(1, "requestId", request.requestId);
  writer.uint64(2, "groupId", request.groupId);
  writer.uint64(3, "offset", request.offset);
  writer.uint32(4, "maxBytes", request.maxBytes);
  writer.uint32(5, "maxRecords", request.maxRecords);
  writer.uint32(6, "waitMs", request.waitMs);
  writer.bool(7, request.limited);
  return writer.finish();
}

/** @throws StreamError `invalid-argument` for bytes that are no FetchRequest. */
export function decodeFetchRequest(bytes: Buffer): FetchRequestMessage {
  const reader = new WireReader("FetchRequest", bytes);
  let requestId = 0;
  let groupId = 0;
  let offset = 0;
  let maxBytes = 0;
  let maxRecords = 0;
  let waitMs = 0;
  let limited = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) requestId = reader.uint64("requestId");
    else if (field === 2) groupId = reader.uint64("groupId");
    else if (field === 3) offset = reader.uint64("offset");
    else if (field === 4) maxBytes = reader.uint32("maxBytes");
    else if (field === 5) maxRecords = reader.uint32("maxRecords");
    else if (field === 6) waitMs = reader.uint32("waitMs");
    else if (field === 7) limited = reader.bool("limited");
    else reader.skip();
  }
  return { requestId, groupId, offset, maxBytes, maxRecords, waitMs, limited };
}

const SLICE_BYTES_MAX = 2 * LENGTH_BYTES_MAX + 3 * SCALAR_BYTES_MAX;

export function encodeFetchResponse(response: FetchResponseParts): Uint8Array[] {
  if (response.failure !== undefined) {
    const failure = encodeFailure(response.failure);
    const writer = new WireWriter(SCALAR_BYTES_MAX + LENGTH_BYTES_MAX + failure.length);
    writer.uint64(1, "requestId", response.requestId);
    writer.bytes(2, failure);
    return writer.finish();
  }
  const { slices } = response;
  const writer = new WireWriter(7 * SCALAR_BYTES_MAX + slices.length * SLICE_BYTES_MAX);
  writer.uint64(1, "requestId", response.requestId);
  for (const slice of slices) writeSlice(writer, slice);
  writer.uint64(4, "nextOffset", response.nextOffset);
  writer.uint64(5, "endOffset", response.endOffset);
  writer.uint64(6, "trimOffset", response.trimOffset);
  writer.uint64(7, "term", response.term);
  writer.uint64(8, "nowMs", response.nowMs);
  writer.bool(9, response.sealed);
  return writer.finish();
}

function writeSlice(writer: WireWriter, slice: RecordSliceMessage<readonly Uint8Array[]>): void {
  let recordBytes = 0;
  for (const part of slice.records) recordBytes += part.length;
  const scalar = (value: number): number => (value === 0 ? 0 : 1 + varintBytes(value));
  const payload = recordBytes === 0 ? 0 : 1 + varintBytes(recordBytes) + recordBytes;
  const { baseOffset, count, arrivalMs } = slice;
  writer.length(3, scalar(baseOffset) + scalar(count) + scalar(arrivalMs) + payload);
  writer.uint64(1, "baseOffset", baseOffset);
  writer.uint32(2, "count", count);
  writer.uint64(3, "arrivalMs", arrivalMs);
  writer.payload(4, slice.records);
}

type PageNumber = "requestId" | "nextOffset" | "endOffset" | "trimOffset" | "term" | "nowMs";

const PAGE_NUMBERS: Readonly<Record<number, PageNumber>> = {
  1: "requestId",
  4: "nextOffset",
  5: "endOffset",
  6: "trimOffset",
  7: "term",
  8: "nowMs",
};

/** @throws StreamError `invalid-argument` for bytes that are no FetchResponse. */
export function decodeFetchResponse(bytes: Buffer): FetchResponseMessage {
  const reader = new WireReader("FetchResponse", bytes);
  let failure: StreamError | undefined;
  const slices: RecordSliceMessage<Buffer>[] = [];
  const numbers = { requestId: 0, nextOffset: 0, endOffset: 0, trimOffset: 0, term: 0, nowMs: 0 };
  let sealed = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const number = PAGE_NUMBERS[field];
    if (number !== undefined) numbers[number] = reader.uint64(number);
    else if (field === 2) failure = decodeFailure(reader.bytes("failure"));
    else if (field === 3) slices.push(readSlice(reader.bytes("slices")));
    else if (field === 9) sealed = reader.bool("sealed");
    else reader.skip();
  }
  if (failure !== undefined) return { requestId: numbers.requestId, failure };
  return { ...numbers, slices, sealed };
}

function readSlice(bytes: Buffer): RecordSliceMessage<Buffer> {
  const reader = new WireReader("RecordSlice", bytes);
  let baseOffset = 0;
  let count = 0;
  let arrivalMs = 0;
  let records = bytes.subarray(0, 0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) baseOffset = reader.uint64("baseOffset");
    else if (field === 2) count = reader.uint32("count");
    else if (field === 3) arrivalMs = reader.uint64("arrivalMs");
    else if (field === 4) records = reader.bytes("records");
    else reader.skip();
  }
  return { baseOffset, count, arrivalMs, records };
}
