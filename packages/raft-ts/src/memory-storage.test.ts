/** Source: etcd-raft v3.7 storage_test; each title ends in the name of the behaviour. */
import { describe, expect, it } from "vitest";
import { entrySize } from "./entry-size.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { confStateOf, entryOf } from "./testing/test-cluster.ts";
import { EMPTY_DATA } from "./types.ts";

/** Compacted up to 3, with entries of terms 4, 5, 6 at 4, 5, 6. */
function storage(): MemoryStorage {
  const one = new MemoryStorage();
  one.append([1, 2, 3, 4, 5, 6].map((i) => entryOf(i, i)));
  one.compact(3);
  return one;
}

describe("the log in memory", () => {
  it("knows terms from the compaction on (TestStorageTerm)", () => {
    expect([2, 3, 4, 6, 7].map((i) => storage().term(i))).toEqual([
      "compacted",
      3,
      4,
      6,
      "unavailable",
    ]);
  });

  it("gives entries within a limit, at least one (TestStorageEntries)", () => {
    const bytes = entrySize(entryOf(4, 4));
    const read = (lo: number, hi: number, max: number): unknown => {
      const entries = storage().entries(lo, hi, max);
      return typeof entries === "string" ? entries : entries.map(({ index }) => index);
    };
    expect([
      read(3, 5, Infinity),
      read(4, 5, Infinity),
      read(5, 7, Infinity),
      read(4, 4, Infinity),
      read(4, 7, 0),
      read(4, 7, bytes * 2),
      read(4, 7, bytes * 3 - 1),
      read(4, 7, bytes * 3),
    ]).toEqual(["compacted", [4], [5, 6], [], [4], [4, 5], [4, 5], [4, 5, 6]]);
    expect(() => read(4, 8, 1)).toThrow("entries' hi(8) is out of bound lastindex(6)");
  });

  it("ends at its newest entry (TestStorageLastIndex)", () => {
    const one = storage();
    const before = one.lastIndex();
    one.append([entryOf(6, 7)]);
    expect([before, one.lastIndex()]).toEqual([6, 7]);
  });

  it("starts after what is compacted (TestStorageFirstIndex)", () => {
    const one = storage();
    const before = one.firstIndex();
    one.compact(4);
    expect([before, one.firstIndex()]).toEqual([4, 5]);
  });

  it("compacts forward only, and not beyond its end (TestStorageCompact)", () => {
    const one = storage();
    expect(() => one.compact(3)).toThrow("requested index is unavailable due to compaction");
    one.compact(5);
    expect([one.firstIndex(), one.lastIndex(), one.term(5)]).toEqual([6, 6, 5]);
    expect(() => one.compact(7)).toThrow("compact 7 is out of bound lastindex(6)");
  });

  it("makes snapshots of what it holds (TestStorageCreateSnapshot)", () => {
    const one = storage();
    const confState = confStateOf([1, 2, 3]);
    const made = one.createSnapshot(5, confState, EMPTY_DATA);
    expect([made, one.snapshot()]).toEqual([
      { index: 5, term: 5, confState, data: EMPTY_DATA },
      made,
    ]);
    expect(() => one.createSnapshot(4, undefined, EMPTY_DATA)).toThrow(
      "requested index is older than the existing snapshot",
    );
  });

  it.each([
    { at: [1, 2], terms: [4, 5, 6], why: "all of it is compacted" },
    { at: [3, 4], terms: [9], why: "a part of it is compacted" },
    { at: [5], terms: [4, 9], why: "it replaces the end" },
    { at: [7], terms: [4, 5, 6, 9], why: "it follows the end" },
    { at: [2, 3, 4, 5], terms: [9, 9], why: "its start is compacted and it replaces the end" },
    { at: [4, 5, 6, 7], terms: [9, 9, 9, 9], why: "it replaces everything" },
  ])("after an append has terms $terms, because $why (TestStorageAppend)", ({ at, terms }) => {
    const one = storage();
    one.append(at.map((index) => entryOf(9, index)));
    const entries = one.entries(4, one.lastIndex() + 1, Infinity);
    expect(typeof entries === "string" ? entries : entries.map(({ term }) => term)).toEqual(terms);
  });

  it("refuses an append after a gap", () => {
    expect(() => storage().append([entryOf(9, 8)])).toThrow(
      "missing log entry [last: 6, append at: 8]",
    );
  });

  it("takes a newer snapshot and no older one (TestStorageApplySnapshot)", () => {
    const one = new MemoryStorage();
    const at = (index: number) => ({
      index,
      term: index,
      confState: confStateOf([1]),
      data: EMPTY_DATA,
    });
    one.applySnapshot(at(4));
    expect(() => one.applySnapshot(at(3))).toThrow("requested index is older");
    expect([one.firstIndex(), one.lastIndex(), one.term(4)]).toEqual([5, 4, 4]);
    one.append([entryOf(4, 5)]);
    one.applySnapshot(at(4)); // asked for by a node that does not trust its log
    expect([one.firstIndex(), one.lastIndex(), one.term(4)]).toEqual([5, 4, 4]);
    expect(() => new MemoryStorage().applySnapshot(at(0))).toThrow("requested index is older");
  });
});
