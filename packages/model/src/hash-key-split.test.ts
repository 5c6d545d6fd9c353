import { describe, expect, it } from "vitest";

import { areAdjacent, mayStartAt, middleOf } from "./hash-key-split.ts";
import type { HashKey, HashKeyRange } from "./hash-key.ts";
import { evenHashKeyRanges, HASH_KEY_MAX } from "./hash-key.ts";

const range = (from: bigint, to: bigint): HashKeyRange => {
  return { startingHashKey: from as HashKey, endingHashKey: to as HashKey };
};

describe("cutting a range of hash keys", () => {
  it("takes keys above the first one plus one and below the last", () => {
    const keys = [9n, 10n, 11n, 12n, 19n, 20n, 21n];
    expect(keys.filter((key) => mayStartAt(range(10n, 20n), key))).toEqual([12n, 19n]);
  });

  it("finds a middle where there is a place to cut, and none in fewer than four keys", () => {
    const ends = [10n, 11n, 12n, 13n, 14n];
    expect(ends.map((end) => mayStartAt(range(10n, end), middleOf(range(10n, end))))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    const [lower, upper] = evenHashKeyRanges(2);
    expect([middleOf(range(0n, HASH_KEY_MAX)), lower?.endingHashKey]).toEqual([
      upper?.startingHashKey,
      (1n << 127n) - 1n,
    ]);
  });
});

describe("joining two ranges", () => {
  it("takes the one that begins where the other ends, in this order", () => {
    const [a, b, c] = [range(0n, 9n), range(10n, 19n), range(20n, 29n)];
    expect([areAdjacent(a, b), areAdjacent(b, a), areAdjacent(a, c), areAdjacent(a, a)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
