import type { GroupLog, GroupWrite, LaneStorage } from "@millrace/storage";
import { describe, expect, it } from "vitest";

import { DiskPromises } from "./disk-promises.ts";

interface Found {
  readonly term?: number;
  readonly vote?: number;
  /** Terms of the entries from 1 on. */
  readonly terms?: readonly number[];
}

/** A log as the check reads it. */
function logOf({ term = 0, vote = 0, terms = [] }: Found): GroupLog {
  return {
    groupId: 7,
    replicaId: 3,
    hardState: { term, vote, commit: 0 },
    firstIndex: () => 1,
    lastIndex: () => terms.length,
    term: (index: number) => terms[index - 1] ?? "unavailable",
  } as unknown as GroupLog;
}

/** A process's storage; what it is told is called durable when `sync` is called. */
class FakeStorage {
  readonly identity = { incarnation: "a".repeat(32) };
  readonly #log: GroupLog | undefined;
  #waiting: (() => void)[] = [];

  readonly #damaged: readonly unknown[];

  constructor(found: Found | undefined, damaged: readonly unknown[] = []) {
    this.#damaged = damaged;
    this.#log = found === undefined ? undefined : logOf(found);
  }

  damagedGroups = (): readonly unknown[] => this.#damaged;
  groups = (): readonly GroupLog[] => (this.#log === undefined ? [] : [this.#log]);
  group = (): GroupLog | undefined => this.#log;
  submit = (_: readonly GroupWrite[], onDurable: () => void): void => {
    this.#waiting.push(onDurable);
  };
  createGroup = async (): Promise<GroupLog> => logOf({});
  dropGroup = async (): Promise<void> => {};

  sync(): void {
    for (const run of this.#waiting) run();
    this.#waiting = [];
  }
}

const entry = (index: number, term: number) =>
  ({ index, term, type: "EntryNormal", data: new Uint8Array(1) }) as const;
const WRITE: Omit<GroupWrite, "group"> = {
  hardState: { term: 4, vote: 3, commit: 0 },
  entries: [entry(1, 4), entry(2, 4)],
};

/** What the checks say when a process writes, and the next one finds something else. */
function comeBack(found: Found | undefined, isSynced: boolean, ordered = true) {
  const broken: string[] = [];
  const promises = new DiskPromises({
    broken: (sentence) => void broken.push(sentence),
    isRotten: () => false,
    hasForgotten: () => false,
    appliedTerm: () => undefined,
    newestApplied: () => 0,
    isDropOrdered: () => ordered,
  });
  const open = (storage: FakeStorage): LaneStorage => {
    promises.opened(1, storage as unknown as LaneStorage);
    return storage as unknown as LaneStorage;
  };
  const before = new FakeStorage({ terms: [] });
  const storage = open(before);
  storage.submit([{ ...WRITE, group: logOf({}) }], () => {});
  if (isSynced) before.sync();
  const durable = promises.replica(1, 7);
  const had = { term: durable?.term, last: durable?.last };
  open(new FakeStorage(found));
  return { broken, had, storage };
}

describe("what a disk has promised", () => {
  it("is not set aside as damaged while nothing has damaged it (O19)", () => {
    const broken: string[] = [];
    const promises = new DiskPromises({
      broken: (sentence) => void broken.push(sentence),
      isRotten: (nodeId) => nodeId === 2,
      hasForgotten: () => false,
      appliedTerm: () => undefined,
      newestApplied: () => 0,
      isDropOrdered: () => true,
    });
    const damaged = [{ groupId: 7, replicaId: 3, reason: "torn" }];
    for (const nodeId of [1, 2]) {
      promises.opened(nodeId, new FakeStorage(undefined, damaged) as unknown as LaneStorage);
    }
    expect(broken).toEqual(["O19: node 1 group 7 is set aside: torn"]);
  });

  it("is there when the next process finds all of it", () => {
    const { broken, had } = comeBack({ term: 4, vote: 3, terms: [4, 4] }, true);
    expect([broken, had]).toEqual([[], { term: 4, last: 2 }]);
  });

  it("may be there or not while it was not durable", () => {
    expect(comeBack({ term: 0, vote: 0, terms: [] }, false).broken).toEqual([]);
    expect(comeBack({ term: 4, vote: 3, terms: [4] }, false).broken).toEqual([]);
  });

  it("is broken by a vote that is forgotten (O5)", () => {
    expect(comeBack({ term: 4, vote: 0, terms: [4, 4] }, true).broken).toEqual([
      "O5: node 1 group 7 came back with term 4, vote 0, after term 4, vote 3 was durable",
    ]);
  });

  it("is broken by an entry that is gone, or another one (O6)", () => {
    expect(comeBack({ term: 4, vote: 3, terms: [4] }, true).broken).toEqual([
      "O6: node 1 group 7 came back without entry 2 of term 4, with 1..1",
    ]);
    expect(comeBack({ term: 4, vote: 3, terms: [2, 4] }, true).broken).toEqual([
      "O6: node 1 group 7 came back without entry 1 of term 4, with 1..2",
    ]);
  });

  it("is broken by a replica that is gone (O7)", () => {
    expect(comeBack(undefined, true).broken).toEqual([
      "O7: node 1 group 7 came back without replica 3",
    ]);
  });

  it("is broken by a replica that is dropped unasked (O12)", async () => {
    const { broken, storage } = comeBack({ term: 4, vote: 3, terms: [4, 4] }, true, false);
    await storage.dropGroup(7);
    expect(broken).toEqual(["O12: node 1 drops replica 3 of group 7 unasked"]);
  });

  it("keeps what was applied when a later write would cut it (O23)", () => {
    const broken: string[] = [];
    const promises = new DiskPromises({
      broken: (sentence) => void broken.push(sentence),
      isRotten: () => false,
      hasForgotten: () => false,
      appliedTerm: (_, index) => (index <= 2 ? 4 : undefined),
      newestApplied: () => 2,
      isDropOrdered: () => true,
    });
    const disk = new FakeStorage({ terms: [4, 4, 4] });
    promises.opened(1, disk as unknown as LaneStorage);
    disk.submit([{ group: logOf({}), entries: [entry(3, 5)] }], () => {});
    disk.sync();
    expect(broken).toEqual([]);
    disk.submit([{ group: logOf({}), entries: [entry(1, 4)] }], () => {});
    disk.sync();
    expect(broken).toEqual([
      "O23: node 1 has cut entry 2 of term 4 from group 7, which was applied",
    ]);
  });
});
