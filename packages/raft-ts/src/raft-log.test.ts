/** Source: etcd-raft log_test. */
import { describe, expect, it } from "vitest";
import { entrySize } from "./entry-size.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftLog } from "./raft-log.ts";
import { confStateOf, entryOf } from "./testing/test-cluster.ts";
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

function snapshotLog(index: number, term: number): RaftLog {
  const storage = new MemoryStorage();
  storage.applySnapshot({ index, term, confState: confStateOf([1]), data: EMPTY_DATA });
  return new RaftLog(storage);
}

describe("the raft log", () => {
  it.each([
    { entries: [], conflict: 0 },
    { entries: [entryOf(1, 1), entryOf(2, 2), entryOf(3, 3)], conflict: 0 },
    { entries: [entryOf(3, 3)], conflict: 0 },
    { entries: [entryOf(3, 3), entryOf(4, 4)], conflict: 4 },
    { entries: [entryOf(4, 1), entryOf(4, 2)], conflict: 1 },
    { entries: [entryOf(1, 2), entryOf(4, 3)], conflict: 2 },
  ])("finds the first conflict at $conflict (TestFindConflict)", ({ entries, conflict }) => {
    expect(logOf([1, 2, 3]).findConflict(entries)).toBe(conflict);
  });

  it.each([
    [100, 2, 100],
    [6, 4, 5],
    [5, 4, 5],
    [4, 2, 2],
    [3, 1, 0],
    [0, 0, 0],
  ])("guesses for (index %i, term %i) agreement at %i (TestFindConflictByTerm)", (i, t, at) => {
    // Indexes above the log are answered as they are, with term 0.
    expect(logOf([2, 2, 4, 4, 4, 5]).findConflictByTerm(i, t).index).toBe(at);
  });

  it.each([
    [4, 1, true],
    [4, 4, true],
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
  });

  it.each([
    { name: "another term before", prev: [3, 2], entries: [4], commit: 3, last: undefined, to: 1 },
    { name: "a gap before", prev: [4, 3], entries: [4], commit: 3, last: undefined, to: 1 },
    { name: "no entries", prev: [3, 3], entries: [], commit: 3, last: 3, to: 3 },
    { name: "a commit above what is sent", prev: [3, 3], entries: [], commit: 9, last: 3, to: 3 },
    { name: "a commit below ours", prev: [3, 3], entries: [], commit: 0, last: 3, to: 1 },
    { name: "new entries", prev: [3, 3], entries: [4], commit: 4, last: 4, to: 4 },
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

  it.each([
    { applied: 0, applying: 0, unstable: true, paused: false, from: 1, to: 2 },
    { applied: 1, applying: 1, unstable: true, paused: false, from: 2, to: 2 },
    { applied: 1, applying: 2, unstable: true, paused: false, from: 0, to: 0 },
    { applied: 0, applying: 0, unstable: false, paused: false, from: 1, to: 1 },
    { applied: 0, applying: 0, unstable: true, paused: true, from: 0, to: 0 },
  ])("hands out committed entries once, durable ones if asked (TestNextCommittedEnts)", (row) => {
    const log = logOf([1, 1, 1], 1);
    log.commitTo(2);
    Object.assign(log, {
      applied: row.applied,
      applying: row.applying,
      applyingEntsPaused: row.paused,
    });
    const got = log.nextCommittedEntries(row.unstable).map(({ index }) => index);
    const expected = row.from === 0 ? [] : row.from === row.to ? [row.to] : [row.from, row.to];
    expect([got, log.hasNextCommittedEntries(row.unstable)]).toEqual([expected, row.from > 0]);
  });

  it("hands out nothing while a snapshot is being installed (TestHasNextCommittedEnts)", () => {
    const log = snapshotLog(3, 1);
    log.append([entryOf(1, 4)]);
    log.commitTo(4);
    log.unstable.snapshot = { index: 4, term: 1, confState: confStateOf([1]), data: EMPTY_DATA };
    expect(log.hasNextCommittedEntries(true)).toBe(false);
  });

  it("pauses when what is out reaches the limit, and goes on below it (TestAcceptApplying)", () => {
    const log = logOf([1, 1, 1], 3, 100);
    log.commitTo(3);
    log.acceptApplying(3, 99, true);
    expect(log.applyingEntsPaused).toBe(false);
    log.acceptApplying(3, 1, true);
    expect(log.applyingEntsPaused).toBe(true);
    log.appliedTo(2, 1);
    expect([log.applyingEntsPaused, log.applyingEntsSize]).toEqual([false, 99]);
    log.acceptApplying(2, 0, true); // less than there is: the limit has cut it
    expect(log.applyingEntsPaused).toBe(true);
  });

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
      indexes(bytes, 3),
      indexes(Infinity, 2, 2),
    ]).toEqual([[1, 2, 3, 4], [1], [1, 2], [1, 2], [1, 2, 3], [3], []]);
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
