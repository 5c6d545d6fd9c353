/** Source: etcd-raft v3.7 log_test, types_test; each title ends in the name of the behaviour. */
import { describe, expect, it } from "vitest";
import { entriesSize, entrySize } from "./entry-size.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftLog } from "./raft-log.ts";
import { confStateOf, entryOf } from "./testing/test-cluster.ts";
import type { Snapshot } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

/** A log with entries of the given terms from index 1, durable up to `stable`. */
function logOf(terms: readonly number[], stable = 0, maxApplying = Infinity): RaftLog {
  const storage = new MemoryStorage();
  const entries = terms.map((term, i) => entryOf(term, i + 1));
  storage.append(entries.slice(0, stable));
  const log = new RaftLog(storage, maxApplying);
  log.append(entries.slice(stable));
  return log;
}

function terms(log: RaftLog): number[] {
  return Array.from({ length: log.lastIndex() }, (_, i) => log.termOrZero(i + 1));
}

const snapshotAt = (index: number, term: number): Snapshot => ({
  index,
  term,
  confState: confStateOf([1]),
  data: EMPTY_DATA,
});

function snapshotLog(index: number, term: number): RaftLog {
  const storage = new MemoryStorage();
  storage.applySnapshot(snapshotAt(index, term));
  return new RaftLog(storage);
}

describe("the raft log", () => {
  it.each([
    { entries: [], conflict: 0 },
    { entries: [entryOf(1, 1), entryOf(2, 2), entryOf(3, 3)], conflict: 0 },
    { entries: [entryOf(2, 2), entryOf(3, 3)], conflict: 0 },
    { entries: [entryOf(3, 3)], conflict: 0 },
    { entries: [entryOf(1, 1), entryOf(2, 2), entryOf(3, 3), entryOf(4, 4)], conflict: 4 },
    { entries: [entryOf(3, 3), entryOf(4, 4), entryOf(4, 5)], conflict: 4 },
    { entries: [entryOf(4, 4)], conflict: 4 },
    { entries: [entryOf(4, 1), entryOf(4, 2)], conflict: 1 },
    { entries: [entryOf(1, 2), entryOf(4, 3)], conflict: 2 },
    { entries: [entryOf(1, 3), entryOf(2, 4), entryOf(4, 5)], conflict: 3 },
  ])("finds the first conflict at $conflict (TestFindConflict)", ({ entries, conflict }) => {
    expect(logOf([1, 2, 3]).findConflict(entries)).toBe(conflict);
  });

  it.each([
    [100, 2, 100],
    [7, 5, 7],
    [6, 6, 6],
    [6, 5, 6],
    [6, 4, 5],
    [6, 3, 2],
    [6, 1, 0],
    [5, 5, 5],
    [5, 4, 5],
    [4, 2, 2],
    [3, 1, 0],
    [1, 2, 1],
    [0, 0, 0],
  ])("guesses for (index %i, term %i) agreement at %i (TestFindConflictByTerm)", (i, t, at) => {
    // Indexes above the log are answered as they are, with term 0.
    expect(logOf([2, 2, 4, 4, 4, 5]).findConflictByTerm(i, t).index).toBe(at);
  });

  it("looks no further for agreement than its log reaches (TestFindConflictByTerm)", () => {
    const log = snapshotLog(10, 3);
    log.append([entryOf(4, 11), entryOf(6, 12)]);
    const guesses = [5, 4, 3, 2].map((term) => log.findConflictByTerm(12, term));
    // At the snapshot the term is known; before it nothing is, so the guess has no term.
    expect(guesses).toEqual([
      { index: 11, term: 4 },
      { index: 11, term: 4 },
      { index: 10, term: 3 },
      { index: 9, term: 0 },
    ]);
  });

  it.each([
    [4, 1, true],
    [4, 3, true],
    [4, 4, true],
    [2, 2, false],
    [2, 9, false],
    [3, 2, false],
    [3, 3, true],
    [3, 4, true],
  ])("takes a log that ends in term %i at %i as up to date: %s (TestIsUpToDate)", (t, i, yes) => {
    expect(logOf([1, 2, 3]).isUpToDate(t, i)).toBe(yes);
  });

  it("appends after the end, and replaces from a conflict on (TestAppend)", () => {
    const log = logOf([1, 2], 2);
    expect([log.append([]), log.append([entryOf(2, 3)])]).toEqual([2, 3]);
    expect([log.append([entryOf(1, 1)]), log.unstable.offset]).toEqual([1, 1]);
    expect([log.append([entryOf(3, 1), entryOf(3, 2)]), log.termOrZero(2)]).toEqual([2, 3]);
    // In the middle of what is durable: the rest will be overwritten.
    const other = logOf([1, 2], 2);
    expect([other.append([entryOf(3, 2)]), other.unstable.offset, terms(other)]).toEqual([
      2,
      2,
      [1, 3],
    ]);
  });

  it.each([
    { name: "another term before", prev: [3, 2], entries: [4], commit: 3, last: undefined, to: 1 },
    { name: "a gap before", prev: [4, 3], entries: [4], commit: 3, last: undefined, to: 1 },
    { name: "no entries", prev: [3, 3], entries: [], commit: 3, last: 3, to: 3 },
    { name: "a commit above what is sent", prev: [3, 3], entries: [], commit: 9, last: 3, to: 3 },
    { name: "a commit below ours", prev: [3, 3], entries: [], commit: 0, last: 3, to: 1 },
    { name: "new entries", prev: [3, 3], entries: [4], commit: 3, last: 4, to: 3 },
    { name: "new, committed entries", prev: [3, 3], entries: [4], commit: 4, last: 4, to: 4 },
    { name: "a commit above new ones", prev: [3, 3], entries: [4, 4], commit: 9, last: 5, to: 5 },
    { name: "what is there already", prev: [1, 1], entries: [2], commit: 9, last: 2, to: 2 },
    { name: "nothing before it", prev: [0, 0], entries: [], commit: 3, last: 0, to: 1 },
    { name: "a conflict above the commit", prev: [1, 1], entries: [4], commit: 9, last: 2, to: 2 },
  ])("with $name answers $last and commits $to (TestLogMaybeAppend)", (row) => {
    const log = logOf([1, 2, 3]);
    log.committed = 1;
    const [term = 0, index = 0] = row.prev;
    const entries = row.entries.map((one, i) => entryOf(one, index + 1 + i));
    expect(log.maybeAppend(index, term, entries, row.commit)).toBe(row.last);
    expect(log.committed).toBe(row.to);
  });

  it("throws rather than replace a committed entry (TestLogMaybeAppend)", () => {
    const log = logOf([1, 2, 3]);
    log.committed = 2;
    expect(() => log.maybeAppend(1, 1, [entryOf(4, 2)], 2)).toThrow(
      "entry 2 conflict with committed entry [committed(2)]",
    );
    expect(() => log.append([entryOf(4, 2)])).toThrow("after(1) is out of range [committed(2)]");
  });

  it("keeps the terms that are left after a compaction (TestCompactionSideEffects)", () => {
    const storage = new MemoryStorage();
    storage.append([1, 2, 3, 4].map((i) => entryOf(i, i)));
    const log = new RaftLog(storage);
    log.commitTo(4);
    log.appliedTo(4, 0);
    storage.compact(2);
    expect([1, 2, 3, 4, 5].map((i) => log.term(i))).toEqual(["compacted", 2, 3, 4, "unavailable"]);
    expect(log.append([entryOf(5, 5)])).toBe(5);
  });

  // Entries 1 to 3, of which 1 is durable and 2 are committed.
  it.each([
    { applied: 0, applying: 0, allow: true, paused: false, snapshot: false, indexes: [1, 2] },
    { applied: 0, applying: 1, allow: true, paused: false, snapshot: false, indexes: [2] },
    { applied: 1, applying: 1, allow: true, paused: false, snapshot: false, indexes: [2] },
    { applied: 1, applying: 2, allow: true, paused: false, snapshot: false, indexes: [] },
    { applied: 2, applying: 2, allow: true, paused: false, snapshot: false, indexes: [] },
    { applied: 0, applying: 0, allow: false, paused: false, snapshot: false, indexes: [1] },
    { applied: 0, applying: 1, allow: false, paused: false, snapshot: false, indexes: [] },
    { applied: 1, applying: 1, allow: false, paused: false, snapshot: false, indexes: [] },
    { applied: 0, applying: 0, allow: true, paused: true, snapshot: false, indexes: [] },
    { applied: 0, applying: 0, allow: true, paused: false, snapshot: true, indexes: [] },
  ])(
    "with applied $applied, applying $applying, unstable $allow, paused $paused, snapshot " +
      "$snapshot gives $indexes to apply (TestHasNextCommittedEnts, TestNextCommittedEnts)",
    (row) => {
      const log = logOf([1, 1, 1], 1);
      log.commitTo(2);
      log.applied = row.applied;
      log.applying = row.applying;
      log.applyingEntsPaused = row.paused;
      if (row.snapshot) log.unstable.snapshot = snapshotAt(4, 1);
      const indexes = log.nextCommittedEntries(row.allow).map(({ index }) => index);
      expect([indexes, log.hasNextCommittedEntries(row.allow)]).toEqual([
        row.indexes,
        row.indexes.length > 0,
      ]);
    },
  );

  // Entries 1 to 3 of which 1 is durable and 2 are committed; limit 100 bytes.
  it.each([
    { index: 2, bytes: 99, allow: true, paused: false },
    { index: 2, bytes: 100, allow: true, paused: true },
    { index: 2, bytes: 101, allow: true, paused: true },
    { index: 1, bytes: 99, allow: true, paused: true }, // less than there is: the limit cut it
    { index: 1, bytes: 99, allow: false, paused: false },
    { index: 1, bytes: 100, allow: false, paused: true },
    { index: 2, bytes: 99, allow: false, paused: false },
  ])(
    "handing out up to $index, $bytes bytes, unstable $allow, pauses it: $paused (TestAcceptApplying)",
    (row) => {
      const log = logOf([1, 1, 1], 1, 100);
      log.commitTo(2);
      log.acceptApplying(row.index, row.bytes, row.allow);
      expect([log.applying, log.applyingEntsSize, log.applyingEntsPaused]).toEqual([
        row.index,
        row.bytes,
        row.paused,
      ]);
    },
  );

  it.each([
    { index: 1, bytes: 4, applying: 2, left: 101, paused: true },
    { index: 1, bytes: 5, applying: 2, left: 100, paused: true },
    { index: 1, bytes: 6, applying: 2, left: 99, paused: false },
    { index: 2, bytes: 105, applying: 2, left: 0, paused: false },
    { index: 2, bytes: 110, applying: 2, left: 0, paused: false },
    { index: 3, bytes: 105, applying: 3, left: 0, paused: false }, // by a snapshot
  ])(
    "with $bytes of 105 bytes applied up to $index has $left left, paused $paused (TestAppliedTo)",
    (row) => {
      const log = logOf([1, 1, 1], 3, 100);
      log.commitTo(3);
      log.acceptApplying(2, 105, true);
      log.appliedTo(row.index, row.bytes);
      expect([log.applied, log.applying, log.applyingEntsSize, log.applyingEntsPaused]).toEqual([
        row.index,
        row.applying,
        row.left,
        row.paused,
      ]);
    },
  );

  it("throws if more is applied than committed, or applied goes back (TestAppliedTo)", () => {
    const log = logOf([1, 1, 1], 3);
    log.commitTo(2);
    expect(() => log.appliedTo(3, 0)).toThrow(
      "applied(3) is out of range [prevApplied(0), committed(2)]",
    );
    log.appliedTo(2, 0);
    expect(() => log.appliedTo(1, 0)).toThrow(
      "applied(1) is out of range [prevApplied(2), committed(2)]",
    );
  });

  it("never commits beyond its end, and never takes a commit back (TestCommitTo)", () => {
    const log = logOf([1, 2, 3]);
    log.commitTo(2);
    log.commitTo(1);
    expect(log.committed).toBe(2);
    expect(() => log.commitTo(4)).toThrow(
      "tocommit(4) is out of range [lastIndex(3)]. Was the raft log corrupted, truncated, or lost?",
    );
  });

  it("commits by counting only an entry of the leader's term (thesis 3.6.2)", () => {
    const log = logOf([1, 2]);
    expect([log.maybeCommit(1, 2), log.maybeCommit(2, 0), log.maybeCommit(2, 2)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("starts at a snapshot with nothing before it (TestLogRestore)", () => {
    const log = snapshotLog(1000, 7);
    expect([log.firstIndex(), log.committed, log.unstable.offset, log.term(1000)]).toEqual([
      1001, 1000, 1001, 7,
    ]);
    expect(log.term(999)).toBe("compacted");
  });

  it("starts with its storage, whose entries count as durable and not as committed (TestLogRestore)", () => {
    const log = logOf([1, 2, 2], 3);
    expect([log.firstIndex(), log.lastIndex(), log.committed, log.unstable.offset]).toEqual([
      1, 3, 0, 4,
    ]);
  });

  it("has for writing what is neither durable nor being written (TestNextUnstableEnts)", () => {
    const log = logOf([1, 2, 2], 2);
    const next = log.unstable.nextEntries();
    log.unstable.acceptInProgress();
    const whileWriting = log.unstable.nextEntries();
    log.unstable.stableTo({ term: 2, index: 3 });
    expect([next, whileWriting, logOf([1, 2], 2).unstable.nextEntries()]).toEqual([
      [entryOf(2, 3)],
      [],
      [],
    ]);
    expect([log.unstable.offset, log.hasNextOrInProgressUnstableEntries()]).toEqual([4, false]);
  });

  it.each([
    { term: 1, index: 1, offset: 2 },
    { term: 2, index: 2, offset: 3 },
    { term: 1, index: 2, offset: 1 }, // replaced since
    { term: 1, index: 3, offset: 1 }, // never there
  ])("with ($term, $index) durable is unstable from $offset on (TestStableTo)", (row) => {
    const log = logOf([1, 2]);
    log.unstable.stableTo(row);
    expect(log.unstable.offset).toBe(row.offset);
  });

  it.each([
    { entries: [], term: 2, index: 6, offset: 6 },
    { entries: [], term: 2, index: 5, offset: 6 }, // the snapshot itself is no entry
    { entries: [], term: 2, index: 4, offset: 6 },
    { entries: [], term: 9, index: 6, offset: 6 },
    { entries: [2], term: 2, index: 6, offset: 7 },
    { entries: [2], term: 2, index: 5, offset: 6 },
    { entries: [2], term: 2, index: 4, offset: 6 },
    { entries: [2], term: 9, index: 6, offset: 6 },
  ])(
    "after a snapshot at 5 with $entries, ($term, $index) durable: unstable from $offset (TestStableToWithSnap)",
    (row) => {
      const log = snapshotLog(5, 2);
      log.append(row.entries.map((term, i) => entryOf(term, 6 + i)));
      log.unstable.stableTo(row);
      expect(log.unstable.offset).toBe(row.offset);
    },
  );

  it("is cut from its start as often as its storage is, and never beyond its end (TestCompaction)", () => {
    const storage = new MemoryStorage();
    storage.append([1, 2, 3, 4, 5].map((i) => entryOf(1, i)));
    const log = new RaftLog(storage);
    log.commitTo(5);
    const left = [3, 4, 5].map((index) => {
      storage.compact(index);
      return [log.firstIndex(), log.lastIndex()];
    });
    expect(left).toEqual([
      [4, 5],
      [5, 5],
      [6, 5],
    ]);
    expect(() => storage.compact(6)).toThrow("compact 6 is out of bound lastindex(5)");
    expect(() => storage.compact(4)).toThrow("requested index is unavailable due to compaction");
  });

  it("knows the term of its snapshot and of every entry, and of nothing else (TestTerm)", () => {
    const log = snapshotLog(100, 1);
    log.append([2, 3, 3].map((term, i) => entryOf(term, 101 + i)));
    expect([98, 99, 100, 101, 103, 104].map((index) => log.term(index))).toEqual([
      "compacted",
      "compacted",
      1,
      2,
      3,
      "unavailable",
    ]);
  });

  it("takes terms from a snapshot that is not installed, not from the log under it (TestTermWithUnstableSnapshot)", () => {
    const log = snapshotLog(100, 1);
    log.restore(snapshotAt(105, 2));
    expect([100, 101, 104, 105, 106].map((index) => log.term(index))).toEqual([
      "compacted",
      "compacted",
      "compacted",
      2,
      "unavailable",
    ]);
  });

  it("names its end by term and index, wherever the last entry lies (TestEntryID)", () => {
    const restored = snapshotLog(100, 1);
    restored.restore(snapshotAt(105, 2));
    expect(
      [new RaftLog(new MemoryStorage()), logOf([1, 3], 2), logOf([1, 3], 1), restored].map((log) =>
        log.lastEntryId(),
      ),
    ).toEqual([
      { term: 0, index: 0 },
      { term: 3, index: 2 },
      { term: 3, index: 2 },
      { term: 2, index: 105 },
    ]);
  });

  it.each([0, 20, 25, 60, Infinity])(
    "is read to its end in pages of %d bytes, every entry once (TestScan)",
    (bytes) => {
      const log = logOf(
        Array.from({ length: 20 }, (_, i) => 1 + (i >> 2)),
        11,
      );
      const read: number[] = [];
      while (read.length < 20) {
        const page = log.slice(read.length + 1, 21, bytes);
        if (typeof page === "string" || page.length === 0) break;
        expect(page.length === 1 || entriesSize(page) <= bytes).toBe(true);
        read.push(...page.map(({ index }) => index));
      }
      expect(read).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    },
  );

  it.each([
    { lo: 9, hi: 11, as: "compacted" },
    { lo: 10, hi: 11, as: "compacted" }, // the snapshot is no entry
    { lo: 11, hi: 11, as: [] },
    { lo: 11, hi: 13, as: [11, 12] },
    { lo: 12, hi: 13, as: [12] },
    { lo: 13, hi: 13, as: [] },
  ])("from a snapshot at 10 to 12 gives [$lo, $hi) as $as (TestIsOutOfBounds)", (row) => {
    const log = snapshotLog(10, 1);
    log.append([entryOf(1, 11), entryOf(1, 12)]);
    const got = log.slice(row.lo, row.hi, Infinity);
    expect(typeof got === "string" ? got : got.map(({ index }) => index)).toEqual(row.as);
  });

  it("refuses slices outside of itself (TestIsOutOfBounds)", () => {
    const log = snapshotLog(10, 1);
    log.append([entryOf(1, 11), entryOf(1, 12)]);
    expect(log.slice(10, 12, Infinity)).toBe("compacted");
    expect(() => log.slice(12, 11, Infinity)).toThrow("invalid slice 12 > 11");
    expect(() => log.slice(11, 14, Infinity)).toThrow("slice[11,14) out of bound [11,12]");
  });

  it("slices across durable and unstable entries within a limit (TestSlice)", () => {
    const log = logOf([1, 1, 1, 1], 2);
    const bytes = entrySize(entryOf(1, 1));
    const indexes = (max: number, lo = 1, hi = 5): number[] => {
      const entries = log.slice(lo, hi, max);
      return typeof entries === "string" ? [] : entries.map(({ index }) => index);
    };
    expect([
      indexes(Infinity),
      indexes(0),
      indexes(bytes * 2),
      indexes(bytes * 3 - 1),
      indexes(bytes * 3),
      indexes(bytes, 2),
      indexes(bytes, 3),
      indexes(bytes + 1, 2, 4),
      indexes(bytes * 2, 2, 4),
      indexes(Infinity, 2, 2),
    ]).toEqual([[1, 2, 3, 4], [1], [1, 2], [1, 2], [1, 2, 3], [2], [3], [2], [2, 3], []]);
  });

  it("waits for cold entries to apply until they are there (raft-rs LogTemporarilyUnavailable)", () => {
    const storage = new MemoryStorage();
    storage.append([entryOf(1, 1)]);
    const log = new RaftLog(storage);
    log.commitTo(1);
    const entries = storage.entries.bind(storage);
    storage.entries = () => "temporarily-unavailable";
    expect(log.nextCommittedEntries(true)).toEqual([]);
    storage.entries = entries;
    expect(log.hasNextCommittedEntries(true)).toBe(false);
    log.awaitsCommittedEntries = false;
    expect(log.nextCommittedEntries(true)).toEqual([entryOf(1, 1)]);
  });
});
