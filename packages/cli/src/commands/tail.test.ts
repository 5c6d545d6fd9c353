import { describe, expect, it } from "vitest";

import { positionOf } from "./tail.ts";

describe("where tail begins", () => {
  it.each([
    [undefined, undefined, { kind: "TRIM_HORIZON" }],
    [undefined, "LATEST", { kind: "LATEST" }],
    [undefined, "4968", { kind: "AT_SEQUENCE_NUMBER", sequenceNumber: "4968" }],
    ["10s", undefined, { kind: "AT_TIMESTAMP", timestampMs: 90_000 }],
  ])("with --since %s and --from %s is %j", (since, from, expected) => {
    expect(positionOf(since, from, 100_000)).toEqual(expected);
  });

  it.each([
    ["10s", "LATEST", "exclude each other"],
    [undefined, "latest", "--from is latest, but must be"],
  ])("is refused for --since %s with --from %s", (since, from, message) => {
    expect(() => positionOf(since, from, 0)).toThrow(message);
  });
});
