import type { StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { CountingFileSystem } from "./counting-file-system.ts";
import { DelayedSyncFileSystem } from "./delayed-sync-file-system.ts";
import { createGroup, entriesOf, openLane, write } from "./testing/lane-fixture.ts";
import { diskError, MemoryFileSystem } from "./testing/memory-file-system.ts";

describe("an error of the disk (rule 8)", () => {
  it.each(["EIO", "ENOSPC"] as const)(
    "%s on the log: nothing is acknowledged ever again",
    async (code) => {
      const disk = new MemoryFileSystem();
      const lane = await openLane(disk);
      const group = await createGroup(lane, 1);
      const failures: StreamError[] = [];
      lane.onFailure((error) => failures.push(error));
      disk.fault = (operation, path) => (operation === "write" ? diskError(code, path) : undefined);
      const acknowledged: number[] = [];
      lane.submit([{ group, entries: entriesOf(1, 1, 1) }], () => acknowledged.push(1));
      await expect(createGroup(lane, 2)).rejects.toThrow(code);
      disk.fault = undefined;
      lane.submit([{ group, entries: entriesOf(2, 2, 1) }], () => acknowledged.push(2));
      await lane.close();
      expect(acknowledged).toEqual([]);
      expect(failures).toEqual([lane.failed]);
      expect(lane.failed?.message).toMatch(/write-ahead log failed.*injected/);
      expect(lane.failed?.code).toBe(code === "ENOSPC" ? "disk-full" : "unavailable");
    },
  );

  it("a flush that fails stops the lane too: its files could never be freed", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    disk.fault = (operation, path) =>
      operation === "sync" && path.includes("/segments/") ? diskError("EIO", path) : undefined;
    const append = async () => {
      for (let next = 1; next < 500; next++) {
        group.committed(next - 1);
        await write(lane, { group, entries: entriesOf(next, next, 1, 20_000) });
      }
    };
    await expect(append()).rejects.toThrow(/EIO/);
    await lane.close();
  });

  it("a failed read is the reader's error alone", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    while (lane.stats().flushes < 1) {
      const next = group.lastIndex() + 1;
      group.committed(next - 1);
      await write(lane, { group, entries: entriesOf(next, next, 1, 20_000) });
    }
    disk.fault = (operation, path) => (operation === "read" ? diskError("EIO", path) : undefined);
    await expect(group.fetchEntries(1, 3, 100)).rejects.toThrow(/EIO/);
    disk.fault = undefined;
    expect((await group.fetchEntries(1, 3, 100_000)).length).toBe(2);
    expect(lane.failed).toBeUndefined();
    await lane.close();
  });
});

describe("bounds", () => {
  it("commits wait when the flush falls behind, the host can see it, and go on after it", async () => {
    const gate: { open?: () => void } = {};
    const shut = new Promise<void>((resolve) => (gate.open = resolve));
    const disk = new MemoryFileSystem({
      latency: (operation, path) =>
        operation === "write" && path.includes("/segments/") ? shut : Promise.resolve(),
    });
    const lane = await openLane(disk, { walFilesMax: 3 });
    const group = await createGroup(lane, 1);
    let acknowledged = 0;
    for (let next = 1; next <= 300; next++) {
      group.committed(next - 1);
      lane.submit([{ group, entries: entriesOf(next, next, 1, 20_000) }], () => acknowledged++);
    }
    while (!lane.stats().waitingForFlush) await new Promise((resolve) => setImmediate(resolve));
    const stalled = lane.stats();
    expect([stalled.walFiles, stalled.flushes]).toEqual([3, 0]);
    expect(stalled.queuedWrites).toBeGreaterThan(0);
    expect(acknowledged).toBeLessThan(300);
    gate.open?.();
    await write(lane);
    expect(acknowledged).toBe(300);
    await lane.close();
  });

  it("refuses input outside its bounds, naming field, value and bound", async () => {
    const disk = new MemoryFileSystem();
    await expect(openLane(disk, { walFileBytes: 1000 })).rejects.toThrow(/walFileBytes is 1000/);
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    await write(lane, {
      group,
      entries: entriesOf(1, 3, 2),
      hardState: { term: 2, vote: 7, commit: 1 },
    });
    const submit = (part: object) => () => lane.submit([{ group, ...part }], () => {});
    expect(submit({ entries: entriesOf(5, 6, 2) })).toThrow(/entries\[0\].index is 5.* 1..4/);
    expect(submit({ hardState: { term: 1, vote: 0, commit: 1 } })).toThrow(/hardState.term is 1/);
    expect(submit({ hardState: { term: 2, vote: 8, commit: 1 } })).toThrow(
      /7 has the vote of term 2/,
    );
    expect(
      submit({
        entries: [{ index: 4, term: 2, type: "EntryNormal", data: Buffer.alloc((11 << 20) + 1) }],
      }),
    ).toThrow(/at most 11534336/);
    expect(submit({ trim: { throughIndex: 4, snapshot: group.baseSnapshot() } })).toThrow(
      /trim.throughIndex is 4/,
    );
    await lane.close();
  });
});

describe("group commit", () => {
  it("turns 200 submits over many turns into few writes when the disk is slow", async () => {
    const clock = new VirtualClock();
    const counting = new CountingFileSystem(new MemoryFileSystem());
    const disk = new DelayedSyncFileSystem(counting, clock, 20);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    /** Lets time pass until the slow disk has answered. */
    const patiently = async <Result>(work: Promise<Result>): Promise<Result> => {
      const state = { done: false };
      const finished = work.finally(() => (state.done = true));
      while (!state.done) {
        clock.advance(20);
        await turn();
      }
      return finished;
    };
    const lane = await patiently(openLane(disk, { clock }));
    const group = await patiently(createGroup(lane, 1));
    const before = counting.counts.wal.syncedWrites;
    const order: number[] = [];
    for (let index = 1; index <= 200; index++) {
      lane.submit([{ group, entries: entriesOf(index, index, 1) }], () => order.push(index));
      clock.advance(1);
      await turn();
    }
    while (order.length < 200) {
      clock.advance(20);
      await turn();
    }
    expect(counting.counts.wal.syncedWrites - before).toBeLessThanOrEqual(12);
    expect(order).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
  });
});
