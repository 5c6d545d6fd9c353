import { StreamError } from "@millrace/base";
import { describe, expect, it } from "vitest";

import { formatGrpcTimeout, parseGrpcTimeout } from "./deadline.ts";
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  errorOfHttpStatus,
  errorOfStatus,
  statusOf,
} from "./status.ts";

describe("errors on the wire", () => {
  it("keep code, text and hint", () => {
    const sent = new StreamError("stale-epoch", "epoch 3, now 4", {
      hint: { shardEpoch: 4, leaderAddress: "a:1", term: 2, sealed: true },
    });
    const { status, message, details } = statusOf(sent);
    expect([status, message]).toEqual([9, "epoch 3, now 4"]);
    const read = errorOfStatus(status, message, details);
    expect([read.code, read.message, read.hint]).toEqual([sent.code, sent.message, sent.hint]);
  });

  it("without details never promise that nothing was stored", () => {
    expect(errorOfStatus(14, "gone", undefined).code).toBe("indeterminate");
    expect(errorOfStatus(2, "", undefined)).toMatchObject({
      code: "internal",
      message: "gRPC status 2",
    });
  });

  it.each(["not json", "null", '{"code":"moon"}', '{"code":"expired"}'])(
    "fall back to the status when the details are %s",
    (details) => {
      expect(errorOfStatus(5, "no such", Buffer.from(details)).code).toBe("not-found");
    },
  );

  it("drop hints that are no numbers", () => {
    const details = Buffer.from(
      '{"code":"expired","message":"m","hint":{"term":"x","leaderAddress":3,"bytesFree":1}}',
    );
    expect(errorOfStatus(9, "", details).hint).toEqual({ bytesFree: 1 });
  });

  it("follow gRPC where an answer is plain HTTP", () => {
    expect([404, 503, 401, 418].map((status) => errorOfHttpStatus(status).code)).toEqual([
      "unsupported",
      "indeterminate",
      "unauthenticated",
      "internal",
    ]);
  });
});

describe("grpc-message (gRPC over HTTP/2, Status-Message)", () => {
  it("percent-encodes all but printable ASCII", () => {
    expect(encodeGrpcMessage("50 % ü\n")).toBe("50 %25 %C3%BC%0A");
    expect(decodeGrpcMessage("50 %25 %C3%BC%0A")).toBe("50 % ü\n");
  });
  it("keeps text that is no percent-encoding", () => {
    expect(decodeGrpcMessage("100 %")).toBe("100 %");
  });
});

describe("grpc-timeout", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3000],
    ["4m", 4],
    ["1u", 1],
    ["1n", 1],
  ])("reads %s", (value, ms) => {
    expect(parseGrpcTimeout(value)).toBe(ms);
  });
  it.each(["", "5", "123456789m", "1.5S", "-1S", "1x"])("refuses %j", (value) => {
    expect(() => parseGrpcTimeout(value)).toThrow(/^grpc-timeout is /);
  });
  it("writes milliseconds, and seconds where they would be too long", () => {
    expect([0.2, 1500, 1e8].map(formatGrpcTimeout)).toEqual(["1m", "1500m", "100000S"]);
  });
});
