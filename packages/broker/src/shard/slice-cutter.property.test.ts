import { writeRecordsHeader } from "@millrace/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { encodeBatch, recordTexts, nth } from "../testing/fixtures.ts";
import { SliceCutter } from "./slice-cutter.ts";

const SEED = 20_260_821;
const KEY_BYTES = 3;

/** Entries of batches of records; a record is its data's length. */
const shards = fc.array(
  fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 1, maxLength: 5 },
);

function encodeEntries(shape: readonly (readonly (readonly number[])[])[]) {
  const texts: string[] = [];
  const entries = shape.map((batches, entry) => {
    const baseOffset = texts.length;
    const encoded = batches.map((lengths) => {
      const records = lengths.map((length, index) =>
        `${texts.length + index}:`.padEnd(length, "x"),
      );
      texts.push(...records);
      return encodeBatch(records);
    });
    const data = Buffer.concat([Buffer.alloc(32), ...encoded]);
    const count = texts.length - baseOffset;
    const arrivalMs = 100 * entry;
    writeRecordsHeader(data, { count, baseOffset, arrivalMs, batchCount: batches.length });
    return { term: 1, index: entry + 1, type: "EntryNormal" as const, data };
  });
  return { texts, entries };
}

/** The longest run from `offset` on within both budgets, at least one record. */
function expectedRun(
  texts: readonly string[],
  offset: number,
  recordsMax: number,
  bytesMax: number,
) {
  const run: string[] = [];
  let bytes = 0;
  for (const text of texts.slice(offset, offset + recordsMax)) {
    bytes += text.length + KEY_BYTES;
    if (run.length > 0 && bytes > bytesMax) break;
    run.push(text);
  }
  return run;
}

describe("cutting a page out of log entries", () => {
  it("gives exactly the longest run of records within both budgets, from any offset", () => {
    fc.assert(
      fc.property(
        shards,
        fc.nat(200),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 400 }),
        (shape, at, recordsMax, bytesMax) => {
          const { texts, entries } = encodeEntries(shape);
          const offset = at % texts.length;
          const cutter = new SliceCutter(offset, recordsMax, bytesMax);
          for (const entry of entries) {
            if (!cutter.full) cutter.add(entry);
          }
          const run = expectedRun(texts, offset, recordsMax, bytesMax);
          expect(cutter.slices.flatMap(({ records }) => recordTexts(records))).toEqual(run);
          expect(cutter.nextOffset).toBe(offset + run.length);
          let next = offset;
          for (const slice of cutter.slices) {
            expect(slice.baseOffset).toBe(next);
            expect(slice.count).toBe(recordTexts(slice.records).length);
            next += slice.count;
          }
          const bytes = run.reduce((sum, text) => sum + text.length + KEY_BYTES, 0);
          expect(cutter.payloadBytes).toBe(bytes);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("says which records are missing when the log has a hole", () => {
    const { entries } = encodeEntries([[[1]], [[1]], [[1]]]);
    const cutter = new SliceCutter(0, 10, 1000);
    cutter.add(nth(entries, 0));
    expect(() => cutter.add(nth(entries, 2))).toThrow("records 1..1 are missing");
  });
});
