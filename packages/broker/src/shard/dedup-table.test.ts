import { describe, expect, it } from "vitest";

import { PRODUCER_IDLE_MS, PRODUCERS_MAX } from "../bounds.ts";
import { DedupTable } from "./dedup-table.ts";

const batch = (sequence: number, baseOffset = sequence) => ({
  sequence,
  baseOffset,
  count: 1,
  arrivalMs: 0,
});
const sequences = (table: DedupTable) =>
  [...table.entries()].map(([producer, window]) => [producer, window.map((b) => b.sequence)]);

describe("the table of idempotent producers", () => {
  it("keeps what lies within five sequences of the newest", () => {
    const table = new DedupTable();
    for (const sequence of [1, 2, 3, 4, 5, 6]) table.record(1n, batch(sequence));
    expect([sequences(table), table.newest(1n), table.newest(2n)]).toEqual([
      [[1n, [2, 3, 4, 5, 6]]],
      6,
      -1,
    ]);
  });

  it("never lets late batches push out the newest one", () => {
    const table = new DedupTable();
    for (const sequence of [10, 6, 7, 8, 9, 11]) table.record(1n, batch(sequence));
    expect(sequences(table)).toEqual([[1n, [7, 8, 9, 10, 11]]]);
  });

  it("forgets the producer that was quiet for longest when full", () => {
    const table = new DedupTable();
    for (let id = 0; id < PRODUCERS_MAX; id++) table.record(BigInt(id + 1), batch(0));
    table.record(1n, batch(1));
    table.record(9_999n, batch(0));
    expect([table.size, table.newest(2n), table.newest(1n)]).toEqual([PRODUCERS_MAX, -1, 1]);
  });

  it("forgets producers that are silent too long, the oldest first, and no other (D2)", () => {
    const table = new DedupTable();
    const at = (sequence: number, arrivalMs: number) => ({ ...batch(sequence), arrivalMs });
    table.record(1n, at(1, 1000));
    table.record(2n, at(1, 2000));
    table.record(1n, at(2, 3000));
    table.expire(2000 + PRODUCER_IDLE_MS);
    expect(sequences(table)).toEqual([
      [2n, [1]],
      [1n, [1, 2]],
    ]);
    table.expire(2001 + PRODUCER_IDLE_MS);
    expect(sequences(table)).toEqual([[1n, [1, 2]]]);
    table.expire(3001 + PRODUCER_IDLE_MS);
    expect(table.size).toBe(0);
  });

  it("drops batches below the trim point, and producers that have no other", () => {
    const table = new DedupTable();
    table.record(1n, batch(1, 10));
    table.record(1n, batch(2, 20));
    table.record(2n, batch(1, 15));
    table.trim(20);
    expect(sequences(table)).toEqual([[1n, [2]]]);
  });
});
