import { describe, expect, it } from "vitest";

import { requireAddress } from "./address.ts";

describe("an address", () => {
  it.each(["127.0.0.1:1", "[::1]:65535", "broker-0.millrace.svc:7000"])("may be %s", (address) => {
    expect(() => requireAddress(address)).not.toThrow();
  });
  it.each([
    "",
    "host",
    "host:0",
    "host:65536",
    "::1:80",
    "http://host:80",
    "host:80/path",
    "a b:1",
  ])("may not be %j", (address) => {
    expect(() => requireAddress(address)).toThrow(`address is "${address}", but must be host:port`);
  });
});
