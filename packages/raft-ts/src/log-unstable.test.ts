/** Source: etcd-raft log_unstable_test. */
import { describe, expect, it } from "vitest";
import { UnstableLog } from "./log-unstable.ts";
import { confStateOf, entryOf } from "./testing/test-cluster.ts";
import type { Entry, Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const snapshotAt = (index: number, term: number): Snapshot => ({
  index,
  term,
  confState: confStateOf([1]),
  data: EMPTY_DATA,
});

function unstable(offset: number, entries: Entry[], snapshot?: Snapshot): UnstableLog {
  const log = new UnstableLog(offset);
  log.entries = entries;
  log.snapshot = snapshot;
  return log;
}

describe("the unstable end of the log", () => {
  it("knows the first index only from a snapshot (TestUnstableMaybeFirstIndex)", () => {
    expect([
      unstable(5, [entryOf(1, 5)]).firstIndex(),
      unstable(0, []).firstIndex(),
      unstable(5, [entryOf(1, 5)], snapshotAt(4, 1)).firstIndex(),
      unstable(5, [], snapshotAt(4, 1)).firstIndex(),
    ]).toEqual([undefined, undefined, 5, 5]);
  });

  it("knows the last index from entries, else from a snapshot (TestMaybeLastIndex)", () => {
    expect([
      unstable(5, [entryOf(1, 5)]).lastIndex(),
      unstable(5, [entryOf(1, 5)], snapshotAt(4, 1)).lastIndex(),
      unstable(5, [], snapshotAt(4, 1)).lastIndex(),
      unstable(0, []).lastIndex(),
    ]).toEqual([5, 5, 4, undefined]);
  });

  it("knows the terms of its entries and of its snapshot (TestUnstableMaybeTerm)", () => {
    const log = unstable(5, [entryOf(2, 5)], snapshotAt(4, 1));
    expect([3, 4, 5, 6].map((index) => log.term(index))).toEqual([undefined, 1, 2, undefined]);
    expect(unstable(5, [entryOf(1, 5)]).term(4)).toBeUndefined();
  });

  it("holds nothing but the snapshot after a restore (TestUnstableRestore)", () => {
    const log = unstable(5, [entryOf(1, 5)], snapshotAt(4, 1));
    log.acceptInProgress();
    log.restore(snapshotAt(6, 2));
    expect([
      log.offset,
      log.offsetInProgress,
      log.entries,
      log.snapshot,
      log.nextSnapshot(),
    ]).toEqual([7, 7, [], snapshotAt(6, 2), snapshotAt(6, 2)]);
  });

  it("hands out each entry and snapshot for writing once (TestUnstableNextEntries, …Snapshot)", () => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)], snapshotAt(4, 1));
    expect([log.nextEntries(), log.nextSnapshot()]).toEqual([
      [entryOf(1, 5), entryOf(1, 6)],
      snapshotAt(4, 1),
    ]);
    log.acceptInProgress();
    log.truncateAndAppend([entryOf(1, 7)]);
    expect([log.nextEntries(), log.nextSnapshot()]).toEqual([[entryOf(1, 7)], undefined]);
  });

  it.each([
    { id: [1, 4], offset: 5, left: 2, why: "is older than all" },
    { id: [1, 5], offset: 6, left: 1, why: "is the first" },
    { id: [1, 6], offset: 7, left: 0, why: "is the last" },
    { id: [2, 6], offset: 5, left: 2, why: "has another term: it was replaced" },
    { id: [1, 9], offset: 5, left: 2, why: "is newer than all" },
  ])("keeps $left entries when a written one $why (TestUnstableStableTo)", (row) => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)]);
    log.acceptInProgress();
    const [term = 0, index = 0] = row.id;
    log.stableTo({ term, index });
    expect([log.offset, log.entries.length, log.offsetInProgress]).toEqual([
      row.offset,
      row.left,
      7,
    ]);
  });

  it("does not take the acknowledgement of an older snapshot for the newer one", () => {
    const log = unstable(7, [], snapshotAt(6, 1));
    log.stableSnapshotTo(5);
    expect(log.snapshot).toEqual(snapshotAt(6, 1));
    log.stableSnapshotTo(6);
    expect(log.snapshot).toBeUndefined();
  });

  it.each([
    { name: "appends after the end", at: 7, terms: [1, 1, 2], offset: 5, progress: 7 },
    { name: "replaces everything from its offset", at: 5, terms: [2], offset: 5, progress: 5 },
    {
      name: "replaces everything from before its offset",
      at: 4,
      terms: [2],
      offset: 4,
      progress: 4,
    },
    { name: "truncates in the middle", at: 6, terms: [1, 2], offset: 5, progress: 6 },
  ])("$name, and writes what changed again (TestUnstableTruncateAndAppend)", (row) => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)]);
    log.acceptInProgress();
    log.truncateAndAppend([entryOf(2, row.at)]);
    expect([log.offset, log.offsetInProgress, log.entries.map(({ term }) => term)]).toEqual([
      row.offset,
      row.progress,
      row.terms,
    ]);
  });

  it("does not change a list that it has handed out", () => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)]);
    const out = log.nextEntries();
    log.truncateAndAppend([entryOf(2, 6), entryOf(2, 7)]);
    expect(out).toEqual([entryOf(1, 5), entryOf(1, 6)]);
  });
});
