import { crc32 } from "node:zlib";

import { describe, expect, it } from "vitest";

import {
  BATCH_HEADER_BYTES,
  checkBatch,
  evenHashKeyRanges,
  HashKeyBounds,
  hashKey,
  hashKeyBytes,
  prefixWithin,
  readRecord,
  RecordsBuilder,
  sealBatch,
  viewOf,
} from "./index.ts";
import type { BatchRules } from "./index.ts";

const [lower, upper] = evenHashKeyRanges(2);
if (lower === undefined || upper === undefined) throw new Error("two ranges were asked for");
const rules = (range = lower): BatchRules => ({
  bounds: new HashKeyBounds(range),
  recordBytesMax: 1024,
  crc32,
});
const text = (value: string) => new TextEncoder().encode(value);

function build(records: readonly (readonly [string, string])[]): Uint8Array {
  const builder = new RecordsBuilder((bytes) => new Uint8Array(bytes), 16);
  for (const [key, data] of records) {
    const at = builder.add(hashKeyBytes(hashKey(5n)), text(key), data.length);
    builder.buffer.set(text(data), at);
  }
  const batch = builder.batch();
  sealBatch(batch, builder.count, { id: new Uint8Array(8).fill(0xab), sequence: 2 ** 40 }, crc32);
  return batch;
}

describe("record batches (the layout in record-batch.ts)", () => {
  const batch = build([
    ["key", "first"],
    ["other", ""],
  ]);

  it("gives back what was put in", () => {
    const view = viewOf(batch);
    const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
    const read = (at: number) => {
      const next = readRecord(view, at, place);
      const part = (from: number, to: number) => new TextDecoder().decode(batch.subarray(from, to));
      return { next, key: part(place.keyStart, place.keyEnd), data: part(place.keyEnd, place.end) };
    };
    const first = read(BATCH_HEADER_BYTES);
    const second = read(first.next);
    expect([first.key, first.data, second.key, second.data, second.next]).toEqual([
      "key",
      "first",
      "other",
      "",
      batch.byteLength,
    ]);
    expect(checkBatch(batch, rules())).toEqual({
      lengthBytes: batch.byteLength,
      count: 2,
      producerId: "abababababababab",
      producerSequence: 2 ** 40,
      payloadBytes: "keyfirstother".length,
    });
  });

  it("refuses any flipped bit (B1-B4)", () => {
    for (let bit = 0; bit < batch.byteLength * 8; bit++) {
      const damaged = batch.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (bit >> 3 === 3) continue; // flags carry nothing in version 1
      expect(() => checkBatch(damaged, rules()), `bit ${bit}`).toThrow();
    }
  });

  it("refuses a record that is too large (B4) and one of another shard (B5)", () => {
    expect(() => checkBatch(build([["key", "x".repeat(1022)]]), rules())).toThrow("has 1025 bytes");
    expect(() => checkBatch(batch, rules(upper))).toThrow(
      expect.objectContaining({ code: "stale-epoch" }),
    );
  });

  it("finds the longest prefix within both budgets, never cutting a lone first record", () => {
    const view = viewOf(batch);
    const take = (records: number, bytes: number) =>
      prefixWithin(view, BATCH_HEADER_BYTES, 2, records, bytes).count;
    expect([take(2, 13), take(2, 12), take(1, 13), take(2, 0), take(0, 99)]).toEqual([
      2, 1, 1, 1, 0,
    ]);
  });
});
