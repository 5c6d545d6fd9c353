/** Values of records: unique, and readable in a failure. Padding follows the value after a blank. */
import type { EncodedRecords, FetchPage } from "@millrace/client";
import type { Shard } from "@millrace/model";
import { readRecord, RecordsBuilder, viewOf } from "@millrace/model";

const PARTITION_KEY = Buffer.from("k");

export function encodeValues(
  shard: Shard,
  values: readonly string[],
  bytesMax: number,
): EncodedRecords {
  const builder = new RecordsBuilder((bytes) => Buffer.alloc(bytes), 64 * values.length);
  const hashKey = Buffer.from(BigInt(shard.startingHashKey).toString(16).padStart(32, "0"), "hex");
  for (const [at, value] of values.entries()) {
    const padding = ((value.length * 7919 + at * 104_729) % bytesMax) + 1;
    const data = Buffer.from(`${value} `.padEnd(padding, "."));
    const dataAt = builder.add(hashKey, PARTITION_KEY, data.length);
    builder.buffer.set(data, dataAt);
  }
  return { batch: builder.batch(), count: builder.count };
}

/** Values of a page from offset `from` on. @throws Error when the page has a gap or begins later. */
export function decodePage(
  page: FetchPage,
  from: number,
): { readonly offset: number; readonly values: readonly string[] } {
  const values: string[] = [];
  const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
  let next = from;
  for (const { baseOffset, count, records } of page.slices) {
    const view = viewOf(records);
    let at = 0;
    for (let index = 0; index < count; index++) {
      at = readRecord(view, at, place);
      const offset = baseOffset + index;
      if (offset < from) continue;
      if (offset !== next) throw new Error(`a page from ${from} goes from ${next} to ${offset}`);
      next += 1;
      const data = Buffer.from(records.subarray(place.keyEnd, place.end)).toString("latin1");
      values.push(data.slice(0, data.indexOf(" ")));
    }
  }
  return { offset: from, values };
}
