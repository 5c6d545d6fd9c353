import { describe, expect, it } from "vitest";

import { formatTable } from "./output.ts";

describe("tables", () => {
  it("aligns columns and leaves no blanks at the end of a line", () => {
    const rows = [
      { stream: "orders", shards: 4 },
      { stream: "a", shards: 10_000 },
    ];
    expect(formatTable(rows)).toBe(["STREAM  SHARDS", "orders  4", "a       10000"].join("\n"));
  });
});
