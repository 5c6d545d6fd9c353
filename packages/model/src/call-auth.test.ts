import { createHash, createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  amzDate,
  canonicalRequest,
  parseAmzDate,
  signature,
  signCall,
  signingKey,
  TokenBucket,
  verifyCall,
} from "./index.ts";
import type { SigningHashes } from "./index.ts";

const hashes: SigningHashes = {
  sha256Hex: (data) => createHash("sha256").update(data).digest("hex"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
};
const NOW = Date.UTC(2026, 10, 25, 1, 55, 19);

describe("Signature Version 4 (AWS's own example, IAM ListUsers of 2015-08-30)", () => {
  it("gives the signature that AWS's guide prints", () => {
    const headers: Record<string, string> = {
      "content-type": "application/x-www-form-urlencoded; charset=utf-8",
      host: "iam.amazonaws.com",
      "x-amz-date": "20150830T123600Z",
    };
    const canonical = canonicalRequest({
      method: "GET",
      path: "/",
      query: "Action=ListUsers&Version=2010-05-08",
      signedHeaders: Object.keys(headers),
      header: (name) => headers[name],
      payloadHash: hashes.sha256Hex(""),
    });
    const scope = { date: "20150830", region: "us-east-1", service: "iam" };
    const key = signingKey(hashes, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
    expect(signature(hashes, key, "20150830T123600Z", scope, canonical)).toBe(
      "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
  });

  it("writes and reads dates without a calendar library", () => {
    for (const ms of [0, NOW, Date.UTC(2028, 1, 29, 23, 59, 59), Date.UTC(2100, 2, 1)]) {
      const text = new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
      expect([amzDate(ms), parseAmzDate(text)]).toEqual([text, ms]);
    }
    expect(parseAmzDate("20261325T000000Z")).toBeUndefined();
  });
});

describe("signed gRPC calls", () => {
  const credentials = { accessKeyId: "AKIA1", secret: "s3cret", region: "us-east-1" };
  const path = "/millrace.data.v1.DataService/Append";
  const known = (id: string) => (id === "AKIA1" ? { secret: "s3cret", account: "0" } : undefined);
  const signed = signCall(hashes, credentials, path, "127.0.0.1:7001", NOW);
  const verify = (change: Record<string, string | undefined> = {}, atPath = path, nowMs = NOW) => {
    const headers: Record<string, string | undefined> = { ...signed, ...change };
    return verifyCall(hashes, atPath, (name) => headers[name], known, nowMs);
  };

  it("accepts what was signed with a known key", () => {
    expect(verify()).toEqual({ kind: "key", accessKeyId: "AKIA1", account: "0" });
  });

  it.each([
    ["no signature", () => verify({ authorization: undefined }), "is not signed"],
    ["another path", () => verify({}, "/millrace.data.v1.DataService/Fetch"), "does not match"],
    ["another host", () => verify({ "x-millrace-host": "127.0.0.1:1" }), "does not match"],
    ["an old date", () => verify({}, path, NOW + 16 * 60_000), "more than 15 minutes"],
    [
      "an unknown key",
      () => verify({ authorization: signed["authorization"]?.replace("AKIA1", "AKIA2") }),
      "not known",
    ],
  ])("refuses %s", (_, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({
        code: "unauthenticated",
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe("the token bucket of a limit (reference/kinesis-api 3.1)", () => {
  it("holds one second, refills steadily, and lets one oversized take through when full", () => {
    const bucket = new TokenBucket(1000, 0);
    expect([bucket.free(0), bucket.admits(5000, 0)]).toEqual([1000, true]);
    bucket.take(5000);
    expect([bucket.free(0), bucket.admits(1, 3999), bucket.waitMs(1, 3999)]).toEqual([0, false, 2]);
    expect([bucket.free(4500), bucket.admits(501, 4500), bucket.admits(500, 4500)]).toEqual([
      500,
      false,
      true,
    ]);
  });
});
