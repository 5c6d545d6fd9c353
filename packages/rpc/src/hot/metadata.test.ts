import { describe, expect, it } from "vitest";

import { binaryHeader, encodeMetadata, plainHeaders } from "./metadata.ts";

describe("call metadata (gRPC over HTTP/2, Custom-Metadata)", () => {
  it("goes as text, or as base64 under a name that ends in -bin", () => {
    const headers = encodeMetadata({ "x-kind": "bulk", "x-key-bin": Buffer.from([0, 255]) });
    expect(headers).toEqual({ "x-kind": "bulk", "x-key-bin": "AP8=" });
    expect(binaryHeader(headers, "x-key-bin")).toEqual(Buffer.from([0, 255]));
    expect(binaryHeader(headers, "x-none-bin")).toBeUndefined();
  });

  it("reads base64 without padding and the first of several values", () => {
    expect(binaryHeader({ "x-bin": "AP8,AAA" }, "x-bin")).toEqual(Buffer.from([0, 255]));
  });

  it.each([
    ["a name in upper case", { "X-Kind": "a" }],
    ["a pseudo header", { ":path": "/" }],
    ["a name of gRPC itself", { "grpc-status": "0" }],
    ["text beyond ASCII", { "x-kind": "ü" }],
    ["a line break", { "x-kind": "a\r\nb" }],
    ["text under -bin", { "x-bin": "text" }],
    ["bytes without -bin", { "x-kind": Buffer.from("a") }],
  ])("refuses %s", (_name, metadata) => {
    expect(() => encodeMetadata(metadata as Record<string, string>)).toThrow(/^metadata /);
  });

  it("is given to the server without pseudo headers, several values joined", () => {
    expect({ ...plainHeaders({ ":path": "/a", "x-kind": "b", "set-cookie": ["c", "d"] }) }).toEqual(
      {
        "x-kind": "b",
        "set-cookie": "c,d",
      },
    );
  });
});
