import { describe, expect, it } from "vitest";

import { chosenExtents } from "./chosen-extents.ts";
import { extentHolding, extentRanges } from "./extents.ts";
import type { Extent } from "./segment-format.ts";

function extent(segmentId: number, firstIndex: number, lastIndex: number, replicaId = 10): Extent {
  return {
    segmentId,
    groupId: 1,
    replicaId,
    firstIndex,
    lastIndex,
    startOffset: firstIndex - 1,
    endOffset: lastIndex,
    arrivalBeforeMs: 0,
    arrivalMaxMs: 0,
    position: 64,
    bytes: 1,
    indexPosition: 65,
    indexRows: 1,
    indexCrc: 0,
    terms: [],
  };
}

const owner = { groupId: 1, replicaId: 10, compactedIndex: 50 };

const chosen = (...extents: readonly Extent[]) =>
  chosenExtents(owner, extents).map(({ segmentId, firstIndex, lastIndex }) => [
    segmentId,
    firstIndex,
    lastIndex,
  ]);

describe("the extents that make up a log (G5)", () => {
  it("are all of the replica's, as far as they are kept, in order of their entries", () => {
    expect(
      chosen(extent(3, 61, 80), extent(2, 41, 60), extent(1, 1, 40), extent(4, 81, 90, 11)),
    ).toEqual([
      [2, 41, 60],
      [3, 61, 80],
    ]);
  });

  it("are of two with the same entries the one in the newer segment (repair)", () => {
    expect(chosen(extent(2, 41, 60), extent(9, 41, 60), extent(3, 61, 80))).toEqual([
      [9, 41, 60],
      [3, 61, 80],
    ]);
    expect(chosen(extent(9, 51, 60), extent(2, 41, 60), extent(3, 61, 80))).toEqual([
      [9, 51, 60],
      [3, 61, 80],
    ]);
  });

  it("are the newer ones also where these are many, or reach less far (repair in parts, import)", () => {
    expect(
      chosen(extent(2, 41, 60), extent(8, 41, 50), extent(9, 51, 55), extent(10, 56, 60)),
    ).toEqual([
      [9, 51, 55],
      [10, 56, 60],
    ]);
    expect(chosen(extent(2, 41, 60), extent(3, 61, 80), extent(9, 31, 200))).toEqual([
      [9, 31, 200],
    ]);
    expect(chosen(extent(7, 51, 60), extent(8, 61, 200), extent(9, 61, 100))).toEqual([
      [7, 51, 60],
      [9, 61, 100],
      [8, 61, 200],
    ]);
  });

  it("are read from the first one that reaches an entry, wherever later ones begin", () => {
    const list = [extent(7, 51, 60), extent(9, 61, 100), extent(8, 31, 200)];
    expect([50, 51, 60, 61, 100, 101, 200, 201].map((index) => extentHolding(list, index))).toEqual(
      [undefined, ...[0, 0, 1, 1, 2, 2].map((at) => list[at]), undefined],
    );
    expect(
      extentRanges(list, 55).map(({ firstIndex, lastIndex }) => [firstIndex, lastIndex]),
    ).toEqual([
      [55, 60],
      [61, 100],
      [101, 200],
    ]);
  });

  it("end at a hole", () => {
    expect(chosen(extent(2, 41, 60), extent(3, 62, 80))).toEqual([[2, 41, 60]]);
    expect(chosen(extent(3, 62, 80))).toEqual([]);
  });
});
