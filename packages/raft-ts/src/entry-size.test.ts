/**
 * The ruler of every limit in bytes.
 * Source: etcd-raft v3.7 util_test; raftpb `Entry`. Each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { confChangeEntry, LEAVE_JOINT } from "./conf-change-codec.ts";
import { entriesSize, entrySize, limitEnd, payloadsSize } from "./entry-size.ts";
import { entryOf } from "./testing/test-cluster.ts";
import { EMPTY_DATA } from "./types.ts";

describe("the size of an entry", () => {
  // Term (2), index (2); then data with its tag and its length; a type (2) unless it is normal.
  it.each([
    { term: 1, index: 1, data: 0, bytes: 4 },
    { term: 1, index: 1, data: 1, bytes: 7 },
    { term: 127, index: 127, data: 127, bytes: 4 + 129 },
    { term: 128, index: 1, data: 0, bytes: 5 },
    { term: 1, index: 128, data: 128, bytes: 5 + 131 },
    { term: 1, index: 2 ** 53 - 1, data: 0, bytes: 4 + 7 },
  ])(
    "of term $term, index $index and $data payload bytes is $bytes, as raftpb writes it",
    (row) => {
      expect(entrySize(entryOf(row.term, row.index, "a".repeat(row.data)))).toBe(row.bytes);
    },
  );

  it("without data has no payload, so that no limit can refuse it (TestPayloadSizeOfEmptyEntry)", () => {
    const leave = { ...confChangeEntry(LEAVE_JOINT), term: 3, index: 9 };
    const empty = { term: 3, index: 9, type: "EntryNormal" as const, data: EMPTY_DATA };
    expect(payloadsSize([leave, empty])).toBe(0);
    expect(entriesSize([leave, empty])).toBe(10);
  });
});

describe("a limit in bytes", () => {
  const entries = [entryOf(4, 4), entryOf(5, 5), entryOf(6, 6)];
  const [first, second, third] = entries.map(entrySize) as [number, number, number];

  it.each([
    { max: Infinity, end: 3 },
    { max: 0, end: 1 }, // one always, or the log would stop
    { max: first - 1, end: 1 },
    { max: first + second - 1, end: 1 },
    { max: first + second, end: 2 },
    { max: first + second + Math.floor(third / 2), end: 2 },
    { max: first + second + third - 1, end: 2 },
    { max: first + second + third, end: 3 },
  ])("of $max lets $end of three entries through (TestLimitSize)", ({ max, end }) => {
    expect(limitEnd(entries, 0, 3, max)).toBe(end);
  });

  it("counts from where it is asked to, and lets nothing of nothing through (TestLimitSize)", () => {
    expect([
      limitEnd(entries, 1, 3, second),
      limitEnd(entries, 1, 3, second + third),
      limitEnd(entries, 2, 2, 100),
      limitEnd([], 0, 0, 0),
    ]).toEqual([2, 3, 2, 0]);
  });
});
