import { describe, expect, it } from "vitest";

import { inspectWal } from "./inspect-wal.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { PAGE_BYTES } from "./limits.ts";
import { copyOf } from "./testing/busy-disk.ts";
import { CONF, createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const OPTIONS = { walFilesMax: 8 };
const wal = (fileSeq: number) => `/lane/wal/000000000${fileSeq}.wal`;

/** Fills log files with entries of group `groupId` until `files` are in use. */
async function fillFiles(lane: LaneStorage, groupId: number, files: number): Promise<void> {
  const group = lane.group(groupId);
  if (group === undefined) throw new Error(`group ${groupId} is missing`);
  while (lane.stats().walFiles < files) {
    const next = group.lastIndex() + 1;
    await write(lane, { group, entries: entriesOf(next, next, 1, 30_000) });
    group.committed(next);
  }
}

/** No flush ends, so log files stay. */
function stuckDisk(): MemoryFileSystem {
  return new MemoryFileSystem({
    latency: async (operation, path) => {
      if (operation === "syncDirectory" && path === "/lane/segments") await new Promise(() => {});
    },
  });
}

/** Position of batch number `at` of a file, -1 for the last one. */
async function positionOf(disk: MemoryFileSystem, path: string, at: number): Promise<number> {
  const positions: number[] = [];
  for await (const { position } of inspectWal(disk, path)) positions.push(position);
  return positions.at(at) ?? 0;
}

const ids = (lane: LaneStorage) => ({
  healthy: lane.groups().map(({ groupId }) => groupId),
  damaged: lane.damagedGroups().map(({ groupId, replicaId }) => [groupId, replicaId]),
});

describe("a quarantined replica", () => {
  it("takes no writes, and is still quarantined after restarts and new log files", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    await createGroup(lane, 2);
    await write(lane, { group, entries: entriesOf(1, 3, 1) });
    await lane.quarantine(1, "a peer has acknowledgements that this log lost");
    await lane.quarantine(1, "again");
    expect(() => lane.submit([{ group, entries: entriesOf(4, 4, 1) }], () => {})).toThrow(
      /not a live group/,
    );
    const damaged = lane.damagedGroups();
    expect(damaged).toEqual([
      {
        groupId: 1,
        replicaId: 10,
        kind: 2,
        description: Buffer.alloc(0),
        reason: "a peer has acknowledgements that this log lost",
      },
    ]);
    const other = lane.group(2);
    if (other === undefined) throw new Error("group 2 is missing");
    while (!disk.paths().includes(wal(3))) {
      const next = other.lastIndex() + 1;
      await write(lane, { group: other, entries: entriesOf(next, next, 1, 30_000) });
      other.committed(next);
    }
    await lane.close();
    const again = await openLane(disk);
    expect([again.damagedGroups(), again.group(1), again.group(2)?.groupId]).toEqual([
      damaged,
      undefined,
      2,
    ]);
    await again.close();
  });

  it("has a reason of at most 200 bytes, cut between characters", async () => {
    const lane = await openLane(new MemoryFileSystem());
    await createGroup(lane, 1);
    await lane.quarantine(1, `${"é".repeat(99)}x😀😀`);
    expect(lane.damagedGroups()[0]?.reason).toBe(`${"é".repeat(99)}x`);
    await lane.close();
  });

  it("makes way for another replica of its group in one batch, and not for itself", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    await createGroup(lane, 1, 10);
    await lane.quarantine(1, "test");
    await expect(createGroup(lane, 1, 10)).rejects.toMatchObject({ code: "already-exists" });
    await createGroup(lane, 1, 11);
    expect(ids(lane)).toEqual({ healthy: [1], damaged: [] });
    await lane.close();
    const batches: string[][] = [];
    for await (const { frames } of inspectWal(disk, wal(1))) {
      batches.push(frames.map(({ type }) => type));
    }
    expect(batches.at(-1)).toEqual(["group-dropped", "group-created"]);
    const again = await openLane(disk);
    expect([ids(again), again.group(1)?.replicaId]).toEqual([{ healthy: [1], damaged: [] }, 11]);
    await again.close();
  });

  it("keeps its segments until it is dropped; then they go to the trash", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    while (lane.stats().segments === 0) {
      const next = group.lastIndex() + 1;
      await write(lane, { group, entries: entriesOf(next, next, 1, 30_000) });
      group.committed(next);
    }
    await lane.quarantine(1, "test");
    await lane.close();
    const again = await openLane(disk);
    const segments = () => disk.paths().filter((path) => path.startsWith("/lane/segments/"));
    expect(segments().length).toBeGreaterThan(0);
    await again.dropGroup(1);
    await again.close();
    expect([ids(again), segments()]).toEqual([{ healthy: [], damaged: [] }, []]);
    await expect(openLane(disk).then(ids)).resolves.toEqual({ healthy: [], damaged: [] });
  });
});

describe("frames that are lost (W13, W15)", () => {
  it("cost only the groups that have entries there, when a later checkpoint is intact", async () => {
    const disk = stuckDisk();
    const lane = await openLane(disk, OPTIONS);
    const early = await createGroup(lane, 1);
    await createGroup(lane, 2);
    const open = await createGroup(lane, 3);
    const sleeper = await createGroup(lane, 4);
    // 1 knows before the loss that its entries are committed, 3 does not, and 4 has voted alone.
    const hardState = { term: 1, vote: 10, commit: 2 };
    await write(
      lane,
      { group: early, entries: entriesOf(1, 2, 1), hardState: { ...hardState, commit: 0 } },
      { group: open, entries: entriesOf(1, 2, 1), hardState: { ...hardState, commit: 1 } },
      { group: sleeper, hardState: { term: 9, vote: 3, commit: 0 } },
    );
    await write(lane, { group: early, hardState });
    await fillFiles(lane, 2, 3);
    const expected = { 1: await wholeLog(early), 4: sleeper.hardState };
    const copy = copyOf(disk);
    copy.flipBit(wal(1), (await positionOf(copy, wal(1), -3)) + 100, 0);
    const again = await openLane(copy, OPTIONS);
    expect(ids(again)).toEqual({
      healthy: [1, 4],
      damaged: [
        [2, 20],
        [3, 30],
      ],
    });
    const log = again.group(1);
    expect({ 1: log && (await wholeLog(log)), 4: again.group(4)?.hardState }).toEqual(expected);
    await again.close();
    // The damaged file is kept for a person, whoever freed it.
    expect(copy.paths().some((path) => /trash\/\d+-0000000001\.wal$/.test(path))).toBe(true);
    const third = await openLane(copy, OPTIONS);
    expect(ids(third)).toEqual(ids(again));
    await third.close();
  });

  it("cost all groups when nothing follows, and a crash before the verdict changes nothing", async () => {
    const disk = stuckDisk();
    const lane = await openLane(disk, OPTIONS);
    await createGroup(lane, 1);
    await createGroup(lane, 2);
    await fillFiles(lane, 2, 2);
    await createGroup(lane, 5);
    await fillFiles(lane, 2, 2);
    const copy = copyOf(disk);
    const at = await positionOf(copy, wal(2), 0);
    copy.flipBit(wal(2), at + PAGE_BYTES / 2, 0);
    // Each crash falls one operation later, until the lane is open.
    for (let left = 1; ; left++) {
      const victim = copyOf(copy);
      let operations = 0;
      victim.fault = () => (++operations > left ? new Error("the process is gone") : undefined);
      const opened = await openLane(victim, OPTIONS).catch(() => undefined);
      const isOpen = opened !== undefined && operations <= left;
      victim.fault = undefined;
      const survivor = copyOf(victim);
      const again = await openLane(survivor, OPTIONS);
      expect(ids(again), `after ${left} operations`).toEqual({
        healthy: [],
        damaged: [
          [1, 10],
          [2, 20],
          [5, 50],
        ],
      });
      await again.close();
      if (isOpen) break;
    }
  });

  it("never count what lost its place, when the commit index that vouches for it is there already", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    await write(lane, {
      group,
      entries: entriesOf(1, 3, 1),
      hardState: { term: 1, vote: 0, commit: 1 },
    });
    // Larger than a batch: the hard state and the entries are written apart (W16).
    const entries = entriesOf(2, 3, 2, 400_000);
    await write(lane, { group, entries, hardState: { term: 2, vote: 0, commit: 3 } });
    await lane.close();
    const order: unknown[] = [];
    for (const path of disk.paths().filter((name) => name.endsWith(".wal"))) {
      for await (const { frames } of inspectWal(disk, path)) {
        for (const frame of frames) {
          if (frame.type === "hard-state") order.push(frame.hardState);
          if (frame.type === "entries")
            order.push(frame.entries.map(({ index, term }) => [index, term]));
        }
      }
    }
    expect(order.slice(-3)).toEqual([
      { term: 2, vote: 0, commit: 1 },
      [
        [2, 2],
        [3, 2],
      ],
      { term: 2, vote: 0, commit: 3 },
    ]);
  });
});

describe("a replica whose newest state is lost", () => {
  it("starts from the older one, and still knows how far its log is committed (S6, S8)", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    const other = await createGroup(lane, 2);
    const hardState = { term: 1, vote: 10, commit: 2 };
    await write(lane, { group, hardState, entries: entriesOf(1, 5, 1) });
    // The host has applied all; the commit index waits for another write of the group.
    const state = Buffer.alloc(9000, 5);
    group.setStateProvider(() => ({ index: 5, term: 1, confState: CONF, state }));
    const flushes = lane.stats().flushes + 1;
    while (lane.stats().flushes < flushes) {
      const next = other.lastIndex() + 1;
      await write(lane, { group: other, entries: entriesOf(next, next, 1, 30_000) });
      other.committed(next);
    }
    await lane.close();
    const found = disk.paths().filter((path) => path.startsWith("/lane/states/"));
    for (const path of found) disk.flipBit(path, 5000, 1);
    const again = await openLane(disk);
    const recovered = again.group(1);
    expect([found.length, recovered?.recoveredState().index, recovered?.hardState]).toEqual([
      1,
      0,
      { ...hardState, commit: 5 },
    ]);
    await again.close();
  });
});
