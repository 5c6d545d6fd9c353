import { describe, expect, it } from "vitest";

import { parseFlags } from "./start.ts";

describe("flags of millrace start", () => {
  it("reads both ways of giving a value", () => {
    expect(parseFlags(["--rpc-port", "1", "--data-dir=/x=y"])).toEqual({
      rpcPort: "1",
      dataDir: "/x=y",
    });
  });

  it.each([
    [["rpc-port"], '"rpc-port" is no setting'],
    [["--rpc-port"], "--rpc-port needs a value"],
    [["-p", "1"], '"-p" is no setting'],
  ])("refuses %j", (words, message) => {
    expect(() => parseFlags(words)).toThrow(message);
  });
});
