/** Source: etcd-raft v3.7 log_unstable_test; each title ends in the name of the behaviour. */
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

  it("has for writing the entries that nobody is writing (TestUnstableNextEntries)", () => {
    const at = (inProgress: number): readonly Entry[] => {
      const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)]);
      log.offsetInProgress = inProgress;
      expect(log.hasNextEntries()).toBe(inProgress < 7);
      return log.nextEntries();
    };
    expect([5, 6, 7].map(at)).toEqual([[entryOf(1, 5), entryOf(1, 6)], [entryOf(1, 6)], []]);
  });

  it("has for writing the snapshot that nobody is writing (TestUnstableNextSnapshot)", () => {
    const log = unstable(5, [], snapshotAt(4, 1));
    const [none, next] = [unstable(5, []).nextSnapshot(), log.nextSnapshot()];
    log.acceptInProgress();
    expect([none, next, log.nextSnapshot()]).toEqual([undefined, snapshotAt(4, 1), undefined]);
  });

  it.each([
    { entries: [], snapshot: false, from: 5 },
    { entries: [1], snapshot: false, from: 5 },
    { entries: [1, 1], snapshot: false, from: 5 },
    { entries: [1, 1], snapshot: false, from: 6 },
    { entries: [1, 1], snapshot: false, from: 7 },
    { entries: [], snapshot: true, from: 5 },
    { entries: [1], snapshot: true, from: 5 },
    { entries: [1, 1], snapshot: true, from: 6 },
  ])(
    "with entries $entries, snapshot $snapshot, being written below $from takes all as begun (TestUnstableAcceptInProgress)",
    (row) => {
      const entries = row.entries.map((term, i) => entryOf(term, 5 + i));
      const log = unstable(5, entries, row.snapshot ? snapshotAt(4, 1) : undefined);
      log.offsetInProgress = row.from;
      log.acceptInProgress();
      expect([log.offsetInProgress, log.snapshotInProgress, log.nextEntries()]).toEqual([
        5 + entries.length,
        row.snapshot,
        [],
      ]);
    },
  );

  it("hands out what comes after it has begun to write, and nothing twice (TestUnstableAcceptInProgress)", () => {
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
    { id: [1, 3], offset: 5, left: 2, why: "was compacted long ago" },
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

  it("is empty and stays where it is when nothing was unstable (TestUnstableStableTo)", () => {
    const log = unstable(5, []);
    log.stableTo({ term: 1, index: 5 });
    expect([log.offset, log.offsetInProgress, log.entries]).toEqual([5, 5, []]);
  });

  it("drops entries before the end of those that are being written (TestUnstableStableTo)", () => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6), entryOf(1, 7)]);
    log.offsetInProgress = 7;
    log.stableTo({ term: 1, index: 5 });
    expect([log.offset, log.offsetInProgress, log.nextEntries()]).toEqual([6, 7, [entryOf(1, 7)]]);
  });

  it("does not take the snapshot's own place for a written entry (TestUnstableStableTo)", () => {
    const log = unstable(5, [entryOf(1, 5)], snapshotAt(4, 1));
    log.stableTo({ term: 1, index: 4 });
    expect([log.offset, log.entries, log.snapshot]).toEqual([5, [entryOf(1, 5)], snapshotAt(4, 1)]);
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
    {
      name: "appends after what is not written",
      at: 7,
      terms: [1, 1, 2],
      offset: 5,
      progress: 5,
      from: 5,
    },
    {
      name: "truncates what is not written",
      at: 6,
      terms: [1, 2],
      offset: 5,
      progress: 5,
      from: 5,
    },
    { name: "replaces everything from its offset", at: 5, terms: [2], offset: 5, progress: 5 },
    {
      name: "replaces everything from before its offset",
      at: 4,
      terms: [2],
      offset: 4,
      progress: 4,
    },
    { name: "truncates in the middle", at: 6, terms: [1, 2], offset: 5, progress: 6 },
  ] as {
    name: string;
    at: number;
    terms: number[];
    offset: number;
    progress: number;
    from?: number;
  }[])("$name, and writes what changed again (TestUnstableTruncateAndAppend)", (row) => {
    const log = unstable(5, [entryOf(1, 5), entryOf(1, 6)]);
    log.acceptInProgress();
    if (row.from !== undefined) log.offsetInProgress = row.from;
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
