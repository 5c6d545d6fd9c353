import { readFileSync } from "node:fs";

import { StreamError } from "@millrace/base";
import { describe, expect, it } from "vitest";

import { describeFailure, formatTable, wantsColour } from "./output.ts";

describe("tables", () => {
  it("aligns columns and leaves no blanks at the end of a line", () => {
    const rows = [
      { stream: "orders", shards: 4 },
      { stream: "a", shards: 10_000 },
    ];
    expect(formatTable(rows)).toBe(["STREAM  SHARDS", "orders  4", "a       10000"].join("\n"));
  });
});

describe("colour", () => {
  it.each([
    [{}, true, true],
    [{ NO_COLOR: "" }, true, true],
    [{ NO_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
    [{}, false, false],
  ])("with %j on a terminal: %s, is used: %s", (environment, isTTY, expected) => {
    expect(wantsColour(environment, { isTTY })).toBe(expected);
  });
});

describe("failures as a person sees them", () => {
  it("shows the stack of bugs alone", () => {
    expect(describeFailure(new StreamError("not-found", "no such stream"))).toBe("no such stream");
    expect(describeFailure(new TypeError("a bug"))).toContain("output.test.ts");
    let refused: unknown;
    try {
      readFileSync("/nowhere/at/all");
    } catch (error) {
      refused = error;
    }
    expect(describeFailure(refused)).toBe(
      "ENOENT: no such file or directory, open '/nowhere/at/all'",
    );
  });
});
