import { describe, expect, it } from "vitest";

import { createHash } from "node:crypto";

import {
  evenHashKeyRanges,
  HASH_KEY_MAX,
  hashKey,
  HashKeyBounds,
  hashKeyBytes,
  hashKeyFromBytes,
  viewOf,
} from "./index.ts";

const md5 = (text: string) => createHash("md5").update(text).digest();

describe("hash keys (reference/kinesis-api 2.2)", () => {
  it.each([
    ["a", 16_955_237_001_963_240_173_058_271_559_858_726_497n],
    ["1", 261_578_874_264_819_908_609_102_035_485_573_088_411n],
    ["foo", 229_609_063_533_823_256_041_787_889_330_700_985_560n],
    ["partitionKey-03", 183_955_990_062_578_521_952_773_094_788_915_351_226n],
  ])("reads the MD5 of %s as a big-endian number", (key, expected) => {
    expect(hashKeyFromBytes(md5(key))).toBe(expected);
    expect(hashKeyBytes(hashKey(expected))).toEqual(new Uint8Array(md5(key)));
  });

  it("cuts the ring as AWS does", () => {
    const ends = (count: number) => evenHashKeyRanges(count).map((range) => range.endingHashKey);
    expect(ends(2)).toEqual([170_141_183_460_469_231_731_687_303_715_884_105_727n, HASH_KEY_MAX]);
    expect(ends(3)).toEqual([
      113_427_455_640_312_821_154_458_202_477_256_070_484n,
      226_854_911_280_625_642_308_916_404_954_512_140_969n,
      HASH_KEY_MAX,
    ]);
    expect(ends(4)[0]).toBe(85_070_591_730_234_615_865_843_651_857_942_052_863n);
  });

  it("knows membership from bytes alone, both ends included", () => {
    const [, range] = evenHashKeyRanges(3);
    if (range === undefined) throw new Error("three ranges were asked for");
    const bounds = new HashKeyBounds(range);
    const inside = (key: bigint) => bounds.contains(viewOf(hashKeyBytes(hashKey(key))), 0);
    const { startingHashKey: start, endingHashKey: end } = range;
    expect([start - 1n, start, start + 1n, end - 1n, end, end + 1n].map(inside)).toEqual([
      false,
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});
