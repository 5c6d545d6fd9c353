import { describe, expect, it } from "vitest";

import { parseDuration, parseSince } from "./durations.ts";

describe("times as people type them", () => {
  const now = Date.UTC(2026, 10, 25);
  it.each([
    ["10m", now - 600_000],
    ["1.5h", now - 5_400_000],
    ["1700000000", 1_700_000_000_000],
    ["2026-11-24T00:00:00Z", now - 86_400_000],
  ])("reads %s", (text, expected) => {
    expect(parseSince(text, now)).toBe(expected);
  });

  it("reads a length of time, and names the option that has another", () => {
    expect(["500ms", "90s", "15m", "1.5h"].map((text) => parseDuration("--x", text))).toEqual([
      500, 90_000, 900_000, 5_400_000,
    ]);
    expect(() => parseDuration("--replace-after", "15")).toThrow("--replace-after is 15, but");
  });

  it("refuses the rest with examples", () => {
    expect(() => parseSince("yesterday-ish", now)).toThrow("10m, 2h, 1d");
  });
});
