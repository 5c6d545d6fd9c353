/**
 * How much a node hands out to be applied, and how much a leader takes in, at a time.
 * Source: etcd-raft v3.7 node_test, rawnode_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { entriesSize, entrySize } from "./entry-size.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftNode } from "./node.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, entryOf, TestCluster } from "./testing/test-cluster.ts";
import type { Entry, LogGap, Message } from "./types.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD } from "./types.ts";

const indexes = (entries: readonly Entry[]): number[] => entries.map(({ index }) => index);

/** A group of one with asynchronous writes: writes are done at once, applying is up to the test. */
class Applier {
  readonly node: RaftNode;
  readonly #storage = new MemoryStorage(confStateOf([1]));
  readonly #waiting: Message[] = [];

  constructor(maxCommittedSizePerReady: number) {
    this.node = new RaftNode({
      id: 1,
      storage: this.#storage,
      random: () => 0,
      preVote: false,
      maxCommittedSizePerReady,
    });
    this.node.campaign();
    this.write();
    this.apply();
  }

  propose(count: number): void {
    for (let i = 0; i < count; i += 1) this.node.propose(asciiBytes("a".repeat(100)));
    this.write();
  }

  /** Lots that are out to be applied. */
  get out(): number[][] {
    return this.#waiting.map(({ entries }) => indexes(entries));
  }

  write(): void {
    while (this.node.hasReady()) {
      for (const m of this.node.ready().messages) {
        if (m.to === LOCAL_APPLY_THREAD) this.#waiting.push(m);
        if (m.to !== LOCAL_APPEND_THREAD) continue;
        this.#storage.append(m.entries);
        for (const response of m.responses) this.node.step(response);
      }
    }
  }

  /** The oldest lot is applied. */
  apply(): void {
    for (const response of this.#waiting.shift()?.responses ?? []) this.node.step(response);
    this.write();
  }
}

const BYTES = entrySize(entryOf(1, 2, "a".repeat(100)));

describe("committed entries with asynchronous writes", () => {
  it("are out within the limit, whatever is committed meanwhile (TestCommitPaginationWithAsyncStorageWrites)", () => {
    const one = new Applier(BYTES * 2);
    one.propose(1);
    one.propose(1);
    const two = one.out;
    one.propose(2);
    const full = one.out;
    one.apply();
    const next = one.out;
    one.apply();
    const rest = one.out;
    one.apply();
    one.apply();
    expect([two, full, next, rest, one.out, one.node.appliedIndex]).toEqual([
      [[2], [3]],
      [[2], [3]],
      [[3], [4]],
      [[4], [5]],
      [],
      5,
    ]);
  });

  it("larger than the limit are out alone (TestCommitPaginationWithAsyncStorageWrites)", () => {
    const one = new Applier(1);
    one.propose(3);
    const seen: number[][][] = [];
    while (one.out.length > 0) {
      seen.push(one.out);
      one.apply();
    }
    expect(seen).toEqual([[[2]], [[3]], [[4]]]);
  });
});

/** A log that gives more than it was asked for. */
class GenerousStorage extends MemoryStorage {
  override entries(lo: number, hi: number): readonly Entry[] | LogGap {
    return super.entries(lo, hi, Infinity);
  }
}

describe("a restart with more to apply than the limit lets out", () => {
  const COUNT = 10;
  const entries = Array.from({ length: COUNT + 1 }, (_, i) => entryOf(1, i + 1, "a"));
  // One byte less than all that is committed.
  const limit = entriesSize(entries.slice(0, COUNT)) - 1;

  function lots(storage: MemoryStorage): number[][] {
    storage.append(entries);
    storage.setHardState({ term: 1, vote: 1, commit: COUNT });
    const node = new RaftNode({
      id: 1,
      storage,
      random: () => 0,
      asyncStorageWrites: false,
      maxSizePerMsg: limit,
    });
    const seen: number[][] = [];
    while (node.hasReady()) {
      const { committedEntries } = node.ready();
      if (committedEntries.length > 0) seen.push(indexes(committedEntries));
      node.advance();
    }
    expect(node.appliedIndex).toBe(COUNT);
    return seen;
  }

  it("applies everything that is committed, in lots within the limit (TestNodeCommitPaginationAfterRestart)", () => {
    expect(lots(new MemoryStorage(confStateOf([1])))).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], [10]]);
  });

  it("skips and repeats nothing when storage gives more than it should (TestRawNodeCommitPaginationAfterRestart)", () => {
    const all = lots(new GenerousStorage(confStateOf([1]))).flat();
    expect(all).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("a leader that commits nothing", () => {
  it("refuses proposals at its limit, and takes them again when it commits (TestRawNodeBoundedLogGrowthWithPartition)", () => {
    const data = "testdata";
    const cluster = TestCluster.of(3, { maxUncommittedEntriesSize: 16 * data.length });
    cluster.campaign(1);
    cluster.isolate(1);
    const answers = Array.from({ length: 1_024 }, () => cluster.propose(1, data));
    const { node } = cluster.at(1);
    expect([answers.filter((code) => code === undefined).length, node.lastIndex]).toEqual([16, 17]);
    expect(new Set(answers.slice(16))).toEqual(new Set(["proposal-dropped"]));
    expect(node.uncommittedSize).toBe(16 * data.length);
    cluster.recover();
    cluster.tick(1);
    expect([node.commitIndex, node.uncommittedSize]).toEqual([17, 0]);
    expect([cluster.propose(1, data), node.commitIndex]).toEqual([undefined, 18]);
  });
});
