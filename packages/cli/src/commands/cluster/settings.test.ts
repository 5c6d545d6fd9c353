import { StreamError } from "@millrace/base";
import { checkPlacementPolicy } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { wantedPolicy } from "./settings.ts";

describe("the settings of how replicas are looked after", () => {
  it("are those that were named, in the cluster's units", () => {
    expect(wantedPolicy({})).toEqual({});
    const flags = { replaceAfter: "5m", movesMax: 2, moveRate: "1.5MiB", dropGrace: "0s" };
    expect(wantedPolicy(flags)).toEqual({
      replaceAfterMs: 300_000,
      movesMax: 2,
      moveBytesPerSecond: 1_572_864,
      dropGraceMs: 0,
    });
  });

  it("are refused with the option or setting, its value and what it must be", () => {
    expect(() => wantedPolicy({ moveRate: "100" })).toThrow("--move-rate is 100, but must be");
    expect(() => wantedPolicy({ dropGrace: "soon" })).toThrow("--drop-grace is soon, but must be");
    expect(() => checkPlacementPolicy({ replaceAfterMs: 9_999 })).toThrow(StreamError);
    expect(() => checkPlacementPolicy({ replaceAfterMs: 9_999 })).toThrow(
      "replaceAfterMs is 9999, but must be in 10000..2592000000",
    );
    expect(() => checkPlacementPolicy({ moves: 1 })).toThrow("setting is moves, but must be one");
  });
});
