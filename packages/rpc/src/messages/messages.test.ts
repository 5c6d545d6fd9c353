/** Hand-written codecs against the serializers that proto-loader makes from the .proto files. */
import type { ErrorHint } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type {
  AppendRequestInput,
  AppendResponseInput,
  FetchRequestInput,
  FetchResponseInput,
} from "@millrace/proto";
import { DataService, ReplicationService } from "@millrace/proto";
import { describe, expect, it } from "vitest";

import {
  decodeAppendRequest,
  decodeAppendResponse,
  encodeAppendRequest,
  encodeAppendResponse,
} from "./append.ts";
import {
  decodeExchangeRequest,
  decodeExchangeResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
} from "./exchange.ts";
import {
  decodeFetchRequest,
  decodeFetchResponse,
  encodeFetchRequest,
  encodeFetchResponse,
} from "./fetch.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const FAILURE = new StreamError("throttled", "the shard takes 1 MiB/s", {
  hint: { recordsFree: 12, bytesFree: 0, retryAfterMs: 250 },
});

describe("AppendRequest", () => {
  const header = { requestId: MAX, groupId: 300, shardEpoch: 0, expectedTerm: 2 ** 31 };
  const batch = [Buffer.from("head"), Buffer.alloc(70_000, 5)];

  it("is read by proto-loader, and made of the caller's own buffers", () => {
    const parts = encodeAppendRequest(header, batch);
    expect(parts.slice(1)).toEqual(batch);
    expect(parts[2]).toBe(batch[1]);
    expect(DataService.Append.requestDeserialize(Buffer.concat(parts))).toEqual({
      ...header,
      batch: Buffer.concat(batch),
    });
  });

  it("is read as proto-loader writes it, with the batch as a view", () => {
    const message: AppendRequestInput = { ...header, batch: Buffer.concat(batch) };
    const bytes = DataService.Append.requestSerialize(message);
    const read = decodeAppendRequest(bytes);
    expect(read).toEqual(message);
    expect(read.batch.buffer).toBe(bytes.buffer);
  });

  it("refuses a number above 2^53 - 1 and names the field", () => {
    expect(() => encodeAppendRequest({ ...header, groupId: 2 ** 53 }, [])).toThrow(/groupId/);
    const bytes = DataService.Append.requestSerialize({ groupId: "9007199254740992" });
    expect(() => decodeAppendRequest(bytes)).toThrow(
      new StreamError(
        "invalid-argument",
        `AppendRequest: groupId is more than ${MAX} (byte 9 of 9)`,
      ),
    );
  });

  it("passes over fields of a later version", () => {
    const later = Buffer.concat(
      [
        [0x50, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // 10: all 64 bits
        [0x59, 1, 2, 3, 4, 5, 6, 7, 8], // 11: fixed64
        [0x62, 2, 9, 9], // 12: bytes
        [0x6d, 1, 2, 3, 4], // 13: fixed32
        [0x82, 0x01, 1, 0], // 16: a key of two bytes
        [0x08, 5],
      ].map((field) => Buffer.from(field)),
    );
    expect(decodeAppendRequest(later).requestId).toBe(5);
  });

  it.each([
    ["a varint that is cut off", [0x08, 0x80]],
    ["a length beyond the message", [0x2a, 5, 1]],
    ["a group", [0x0b]],
    ["field 0", [0x00, 1]],
    ["another wire type than declared", [0x0a, 0]],
    ["a varint of eleven bytes", [0x50, ...Array.from({ length: 10 }, () => 0xff), 1]],
  ])("refuses %s", (_name, bytes) => {
    expect(() => decodeAppendRequest(Buffer.from(bytes))).toThrow(/^AppendRequest: /);
  });
});

describe("AppendResponse", () => {
  const stored = {
    requestId: 3,
    baseOffset: 2 ** 40,
    count: 0xffff_ffff,
    arrivalMs: 1_700_000_000_000,
    term: 7,
    duplicate: true,
  };

  it("agrees with proto-loader in both directions", () => {
    const bytes = DataService.Append.responseSerialize(stored);
    expect(Buffer.concat(encodeAppendResponse(stored))).toEqual(bytes);
    expect(decodeAppendResponse(bytes)).toEqual(stored);
  });

  it("carries a failure with its hint", () => {
    const message: AppendResponseInput = {
      requestId: 3,
      failure: { code: "throttled", message: FAILURE.message, recordsFree: 12, retryAfterMs: 250 },
    };
    const bytes = DataService.Append.responseSerialize(message);
    expect(Buffer.concat(encodeAppendResponse({ requestId: 3, failure: FAILURE }))).toEqual(bytes);
    const read = decodeAppendResponse(bytes);
    expect(read.failure?.code).toBe("throttled");
    expect([read.requestId, read.failure?.message, read.failure?.hint]).toEqual([
      3,
      FAILURE.message,
      FAILURE.hint,
    ]);
  });

  it("reads a failure of a later version as internal and keeps its name", () => {
    const bytes = DataService.Append.responseSerialize({
      failure: { code: "moon-phase", message: "full" },
    });
    const { failure } = decodeAppendResponse(bytes);
    expect([failure?.code, failure?.message]).toEqual([
      "internal",
      'unknown error code "moon-phase": full',
    ]);
  });

  it("carries all of a redirect", () => {
    const hint = { leaderNodeId: 2, leaderAddress: "10.0.0.2:7000", term: 5, shardEpoch: 9 };
    const failure = new StreamError("not-leader", "node 2 leads", { hint });
    const bytes = Buffer.concat(encodeAppendResponse({ requestId: 1, failure }));
    expect(decodeAppendResponse(bytes).failure?.hint).toEqual(hint);
    expect(DataService.Append.responseDeserialize(bytes).failure).toMatchObject(hint);
  });

  it("carries the word of a sealed shard, and says nothing of it elsewhere", () => {
    const read = (hint: ErrorHint) => {
      const failure = new StreamError("stale-epoch", "sealed", { hint });
      const bytes = Buffer.concat(encodeAppendResponse({ requestId: 1, failure }));
      const { sealed } = DataService.Append.responseDeserialize(bytes).failure ?? {};
      return [decodeAppendResponse(bytes).failure?.hint, sealed];
    };
    const sealed = { shardEpoch: 4, sealed: true };
    expect([read(sealed), read({ shardEpoch: 4 })]).toEqual([
      [sealed, true],
      [{ shardEpoch: 4 }, false],
    ]);
  });
});

describe("FetchRequest", () => {
  const request = {
    requestId: 1,
    groupId: 2,
    offset: MAX,
    maxBytes: 10_485_760,
    maxRecords: 10_000,
    waitMs: 30_000,
    limited: true,
  };

  it("agrees with proto-loader in both directions", () => {
    const input: FetchRequestInput = request;
    const bytes = DataService.Fetch.requestSerialize(input);
    expect(Buffer.concat(encodeFetchRequest(request))).toEqual(bytes);
    expect(decodeFetchRequest(bytes)).toEqual(request);
  });

  it("refuses a bound above 32 bits", () => {
    expect(() => encodeFetchRequest({ ...request, waitMs: 2 ** 32 })).toThrow(
      "waitMs is 4294967296, but must be a whole number in 0..4294967295",
    );
  });
});

describe("FetchResponse", () => {
  const page = {
    requestId: 9,
    nextOffset: 1003,
    endOffset: 2 ** 33,
    trimOffset: 0,
    term: 4,
    nowMs: 1_700_000_000_123,
    sealed: true,
  };
  const slices = [
    { baseOffset: 1000, count: 2, arrivalMs: 1_700_000_000_000 },
    { baseOffset: 0, count: 0, arrivalMs: 0 },
    { baseOffset: 1002, count: 1, arrivalMs: 1_700_000_000_100 },
  ];
  const records = [Buffer.alloc(200, 1), Buffer.alloc(0), Buffer.alloc(20_000, 2)];
  const whole = {
    ...page,
    slices: slices.map((slice, index) => ({ ...slice, records: records[index] as Buffer })),
  };

  it("is read by proto-loader, whatever parts the records are in", () => {
    const split = whole.slices.map((slice) => ({
      ...slice,
      records: [slice.records.subarray(0, 50), slice.records.subarray(50)],
    }));
    const written = Buffer.concat(encodeFetchResponse({ ...page, slices: split }));
    expect(DataService.Fetch.responseDeserialize(written)).toEqual({ ...whole, failure: null });
  });

  it("is read as proto-loader writes it, with the records as views", () => {
    const input: FetchResponseInput = whole;
    const bytes = DataService.Fetch.responseSerialize(input);
    const read = decodeFetchResponse(bytes);
    expect(read).toEqual(whole);
    const first = read.failure === undefined ? read.slices[0]?.records : undefined;
    expect(first?.buffer).toBe(bytes.buffer);
  });

  it("carries a failure", () => {
    const bytes = Buffer.concat(encodeFetchResponse({ requestId: 9, failure: FAILURE }));
    const read = decodeFetchResponse(bytes);
    expect([read.requestId, read.failure?.code, read.failure?.hint]).toEqual([
      9,
      "throttled",
      FAILURE.hint,
    ]);
  });
});

describe("Exchange", () => {
  it("puts a frame into its envelope without copying it", () => {
    const frame = [Buffer.from("head"), Buffer.alloc(5000, 3)];
    const parts = encodeExchangeRequest(frame);
    expect(parts[2]).toBe(frame[1]);
    const bytes = ReplicationService.Exchange.requestSerialize({ frame: Buffer.concat(frame) });
    expect(Buffer.concat(parts)).toEqual(bytes);
    expect(decodeExchangeRequest(bytes)).toEqual(Buffer.concat(frame));
    expect(decodeExchangeRequest(Buffer.concat(encodeExchangeRequest([])))).toEqual(
      Buffer.alloc(0),
    );
  });

  it("tells who answered", () => {
    const response = { nodeId: 3, incarnation: "a1b2", bootEpoch: 17 };
    const bytes = ReplicationService.Exchange.responseSerialize(response);
    expect(Buffer.concat(encodeExchangeResponse(response))).toEqual(bytes);
    expect(decodeExchangeResponse(bytes)).toEqual(response);
  });
});
