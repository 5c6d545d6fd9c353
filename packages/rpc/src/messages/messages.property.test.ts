import { StreamError } from "@millrace/base";
import { DataService } from "@millrace/proto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeAppendRequest, encodeAppendRequest } from "./append.ts";
import { decodeFetchResponse, encodeFetchResponse } from "./fetch.ts";

const seed = Number(process.env["MILLRACE_SEED"] ?? Date.now() & 0x7fff_ffff);
const number = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 127, 128, 2 ** 31, 2 ** 32),
);
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));

describe(`hand-written codecs (MILLRACE_SEED=${seed})`, () => {
  it("write any AppendRequest so that proto-loader and they themselves read it", () => {
    fc.assert(
      fc.property(
        number,
        number,
        number,
        number,
        bytes,
        (requestId, groupId, shardEpoch, expectedTerm, batch) => {
          const header = { requestId, groupId, shardEpoch, expectedTerm };
          const written = Buffer.concat(encodeAppendRequest(header, [batch]));
          expect(DataService.Append.requestDeserialize(written)).toEqual({ ...header, batch });
          expect(decodeAppendRequest(written)).toEqual({ ...header, batch });
        },
      ),
      { seed },
    );
  });

  it("write any page of records so that proto-loader and they themselves read it", () => {
    const slice = fc.record({
      baseOffset: number,
      count: fc.nat(),
      arrivalMs: number,
      records: bytes,
    });
    const page = fc.record({
      requestId: number,
      slices: fc.array(slice, { maxLength: 5 }),
      nextOffset: number,
      endOffset: number,
      trimOffset: number,
      term: number,
      nowMs: number,
      sealed: fc.boolean(),
    });
    fc.assert(
      fc.property(page, (whole) => {
        const parts = whole.slices.map((one) => ({ ...one, records: [one.records] }));
        const written = Buffer.concat(encodeFetchResponse({ ...whole, slices: parts }));
        expect(DataService.Fetch.responseDeserialize(written)).toEqual({ ...whole, failure: null });
        expect(decodeFetchResponse(written)).toEqual(whole);
      }),
      { seed },
    );
  });

  it("answer any bytes with a message or a StreamError", () => {
    fc.assert(
      fc.property(bytes, (garbage) => {
        for (const decode of [decodeAppendRequest, decodeFetchResponse]) {
          try {
            decode(garbage);
          } catch (error) {
            expect(error).toBeInstanceOf(StreamError);
          }
        }
      }),
      { seed, numRuns: 1000 },
    );
  });
});
