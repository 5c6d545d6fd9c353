/**
 * Records whose content can be checked by itself. The partition key is the value, which is unique,
 * and how many bytes the record has; the data is one byte repeated, which the length decides.
 */
import type { EncodedRecords, FetchPage } from "@millrace/client";
import type { Shard } from "@millrace/model";
import {
  BATCH_HEADER_BYTES,
  readBatchHeader,
  readEntryHeader,
  readRecord,
  RecordsBuilder,
  viewOf,
} from "@millrace/model";

const ENTRY_HEADER_BYTES = 32;

export function encodeValues(
  shard: Shard,
  values: readonly string[],
  bytesMax: number,
): EncodedRecords {
  const builder = new RecordsBuilder((bytes) => Buffer.alloc(bytes), 64 * values.length);
  const hashKey = Buffer.from(BigInt(shard.startingHashKey).toString(16).padStart(32, "0"), "hex");
  for (const [at, value] of values.entries()) {
    const bytes = ((value.length * 7919 + at * 104_729) % bytesMax) + 1;
    const dataAt = builder.add(hashKey, Buffer.from(`${value} ${bytes}`), bytes);
    builder.buffer.fill(fillOf(bytes), dataAt, dataAt + bytes);
  }
  return { batch: builder.batch(), count: builder.count };
}

export interface DecodedPage {
  readonly offset: number;
  readonly values: readonly string[];
  /** What a checker should say of the page itself. */
  readonly wrong: readonly string[];
}

/** Values of a page from offset `from` on, or from where it begins when it begins later. */
export function decodePage(page: FetchPage, from: number): DecodedPage {
  const values: string[] = [];
  const wrong: string[] = [];
  let offset = from;
  for (const { baseOffset, count, records } of page.slices) {
    const decoded = decodeRecords(records, 0, count);
    wrong.push(...decoded.wrong);
    const skipped = Math.max(0, from - baseOffset);
    if (values.length === 0) offset = Math.max(baseOffset, from);
    else if (baseOffset !== offset + values.length) {
      wrong.push(`poll-skip: one page goes from ${offset + values.length} to ${baseOffset}`);
    }
    values.push(...decoded.values.slice(skipped));
  }
  return { offset, values, wrong };
}

/** Values of one log entry of a shard; undefined for one without records. */
export function decodeEntry(
  data: Uint8Array,
): { readonly baseOffset: number; readonly values: readonly string[] } | undefined {
  const { kind, baseOffset, batchCount } = readEntryHeader(data);
  if (kind !== "records") return undefined;
  const values: string[] = [];
  let at = ENTRY_HEADER_BYTES;
  for (let batch = 0; batch < batchCount; batch++) {
    const { count, lengthBytes } = readBatchHeader(data, at);
    values.push(...decodeRecords(data, at + BATCH_HEADER_BYTES, count).values);
    at += lengthBytes;
  }
  return { baseOffset, values };
}

function decodeRecords(bytes: Uint8Array, from: number, count: number) {
  const values: string[] = [];
  const wrong: string[] = [];
  const view = viewOf(bytes);
  const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
  let at = from;
  for (let index = 0; index < count; index++) {
    at = readRecord(view, at, place);
    const key = Buffer.from(bytes.subarray(place.keyStart, place.keyEnd)).toString("latin1");
    const [value = "", length = ""] = key.split(" ");
    values.push(value);
    const data = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + place.keyEnd,
      place.end - place.keyEnd,
    );
    const expected = Number(length);
    const isSame =
      data.length === expected && data.equals(Buffer.alloc(expected, fillOf(expected)));
    if (!isSame) {
      wrong.push(`unexpected-value: ${value} has ${data.length} bytes, submitted were ${length}`);
    }
  }
  return { values, wrong };
}

function fillOf(bytes: number): number {
  return 33 + (bytes % 90);
}
