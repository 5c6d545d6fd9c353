import { describe, expect, it } from "vitest";

import { parseSequenceNumber, SequenceNumbers } from "./index.ts";

describe("sequence numbers (reference/kinesis-api 2.1, computed vectors)", () => {
  const first = new SequenceNumbers(1_700_000_000, 0);

  it("has AWS's decimal form", () => {
    expect(first.start(1_700_000_000)).toBe(
      "49646437577108476416916876405825929425585429676275269634",
    );
    expect(new SequenceNumbers(1_700_000_000, 1).start(1_700_000_000)).toBe(
      "49646437577130777162115407028967465143858078037781250066",
    );
    expect(first.end(1_700_003_600_000)).toBe(
      "49646437577119626789516141717395488358902386617969803266",
    );
    expect(new SequenceNumbers(1_700_000_000, 17).at(4, 1_700_000_042_999)).toBe(
      "49646437577130777162115407028973509772956154069872804114",
    );
  });

  it("decodes what AWS's own samples say of themselves", () => {
    const sample = "49590338271490256608559692538361571095921575989136588898";
    expect(parseSequenceNumber(sample)).toMatchObject({
      shardIndex: 6,
      arrivalSec: 1_545_084_650,
      offset: 1_734_642_198,
    });
  });

  it("puts the first record above the shard's start and every later one above it", () => {
    const numbers = [first.start(1_700_000_000), first.at(0, 1_700_000_000_000)];
    numbers.push(first.at(1, 1_700_000_000_000), first.at(2, 1_700_009_999_000));
    numbers.push(first.end(1_700_000_001_000));
    const sorted = numbers.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    expect(numbers).toEqual(sorted);
  });

  it("round-trips offset, second and shard", () => {
    const parts = { shardCreatedSec: 1_700_000_000, shardIndex: 42, arrivalSec: 1_700_000_777 };
    const numbers = new SequenceNumbers(parts.shardCreatedSec, parts.shardIndex);
    const offset = 2 ** 53 - 2;
    expect(parseSequenceNumber(numbers.at(offset, 1_700_000_777_123))).toEqual({
      ...parts,
      offset,
    });
    expect(parseSequenceNumber(numbers.end(1_700_000_777_000))?.offset).toBe(Infinity);
    expect(parseSequenceNumber(numbers.start(1_700_000_000))?.offset).toBe(-1);
  });

  it.each([
    "",
    "0",
    "1",
    "01",
    "-5",
    "abc",
    "4959033827149025660855969253836157109592157598913658889812345",
  ])("calls %j invalid", (text) => {
    expect(parseSequenceNumber(text)).toBeUndefined();
  });
});
