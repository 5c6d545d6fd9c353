import { SeededRandom } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { CountingFileSystem } from "./counting-file-system.ts";
import { inspectWal } from "./inspect-wal.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import {
  CONF,
  createGroup,
  entriesOf,
  entry,
  openLane,
  wholeLog,
  write,
} from "./testing/lane-fixture.ts";

const hard = (term: number, vote: number, commit: number) => ({ term, vote, commit });

describe("a lane's log", () => {
  it("gives back after a restart what it acknowledged", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 5);
    await write(lane, { group, entries: entriesOf(1, 20, 3), hardState: hard(3, 50, 18) });
    await write(lane, { group, entries: entriesOf(19, 25, 4), hardState: hard(4, 60, 18) });
    const before = await wholeLog(group);
    await lane.close();
    const again = await openLane(disk);
    const recovered = again.groups()[0];
    expect(recovered && (await wholeLog(recovered))).toEqual(before);
    expect(recovered?.hardState).toEqual(hard(4, 60, 18));
    expect([18, 19, 25].map((index) => recovered?.term(index))).toEqual([3, 4, 4]);
    expect(again.identity).toEqual({
      incarnation: lane.identity.incarnation,
      bootEpoch: 2,
      clusterId: undefined,
    });
    await again.close();
  });

  it("commits all groups of one turn with one synced write, and a lone submit with one too", async () => {
    const disk = new CountingFileSystem(new MemoryFileSystem());
    const lane = await openLane(disk);
    const groups = await Promise.all(
      Array.from({ length: 200 }, (_, at) => createGroup(lane, at + 1)),
    );
    const before = disk.counts.wal.syncedWrites;
    await write(
      lane,
      ...groups.map((group) => ({ group, entries: entriesOf(1, 2, 1), hardState: hard(1, 1, 0) })),
    );
    expect(disk.counts.wal.syncedWrites - before).toBe(1);
    const [first] = groups;
    if (first === undefined) throw new Error("no group");
    await write(lane, { group: first, entries: entriesOf(3, 3, 1) });
    expect(disk.counts.wal.syncedWrites - before).toBe(2);
    await lane.close();
  });

  it("rolls, flushes committed entries to segments and reads them back after a restart", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    const sleeper = await createGroup(lane, 2);
    await write(lane, { group: sleeper, hardState: hard(7, 20, 0) });
    for (let from = 1; from <= 400; from += 8) {
      group.committed(from - 1);
      await write(lane, {
        group,
        entries: entriesOf(from, from + 7, 1, 16_384),
        hardState: hard(1, 10, from - 1),
      });
    }
    const before = await wholeLog(group);
    expect(before.length).toBe(400);
    expect(lane.stats().flushes).toBeGreaterThan(3);
    await lane.close();
    const again = await openLane(disk, { tailCacheBytes: 0 });
    const [recovered, slept] = again.groups();
    expect(recovered && (await wholeLog(recovered))).toEqual(before);
    expect(slept?.hardState).toEqual(hard(7, 20, 0));
    expect(recovered?.entries(1, 9, 1)).toBe("temporarily-unavailable");
    await again.close();
  });

  it("takes one record of 11 MiB whatever the file size", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    const data = Buffer.alloc(11 << 20, 5);
    await write(lane, { group, entries: [entry(1, 1, data)] });
    await write(lane, { group, entries: [entry(2, 1)] });
    await lane.close();
    const again = await openLane(disk);
    const entries = again.groups()[0]?.entries(1, 3, 100);
    const same = typeof entries === "object" && entries.map((found) => data.equals(found.data));
    expect(same).toEqual([true]);
    await again.close();
  });

  it("refuses a group that exists, and one that was dropped answers no more", async () => {
    const lane = await openLane(new MemoryFileSystem());
    const group = await createGroup(lane, 1);
    await expect(createGroup(lane, 1)).rejects.toMatchObject({ code: "already-exists" });
    await lane.dropGroup(1);
    expect(() => lane.submit([{ group, hardState: hard(1, 0, 0) }], () => {})).toThrow(
      /live group/,
    );
    const reborn = await createGroup(lane, 1, 99);
    expect([reborn.replicaId, reborn.confState, reborn.lastIndex()]).toEqual([99, CONF, 0]);
    await lane.close();
  });

  it("joins one cluster once", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    await lane.setClusterId("c-1");
    await lane.setClusterId("c-1");
    await expect(lane.setClusterId("c-2")).rejects.toMatchObject({ code: "wrong-state" });
    await lane.close();
    const again = await openLane(disk);
    expect(again.identity).toEqual({ ...lane.identity, bootEpoch: 2, clusterId: "c-1" });
    await again.close();
  });

  it("can be read offline, batch by batch (W5, W7, W8)", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    await write(lane, { group, entries: entriesOf(1, 2, 1), hardState: hard(1, 10, 1) });
    await lane.close();
    const seen: unknown[] = [];
    const reader = inspectWal(disk, "/lane/wal/0000000001.wal");
    let step = await reader.next();
    for (; step.done !== true; step = await reader.next()) {
      const { position, header, frames } = step.value;
      const { batchSeq, durableSeqBefore, flags } = header;
      const types = frames.map(({ type }) => type);
      seen.push([position, batchSeq, durableSeqBefore, flags, types]);
    }
    expect(seen).toEqual([
      [4096, 1, 0, 1, ["lane-checkpoint"]],
      [8192, 2, 1, 0, ["group-created"]],
      [12_288, 3, 2, 0, ["hard-state", "entries"]],
    ]);
    expect(step.value).toBe("clean at byte 16384");
  });

  it("never reads bytes of an earlier use of a recycled file (W8, W12)", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { walFilesMax: 2 });
    const group = await createGroup(lane, 1);
    for (let next = 1; next <= 600; next++) {
      group.committed(next - 1);
      await write(lane, { group, entries: entriesOf(next, next, 1, 15_000) });
    }
    expect(lane.stats().flushes).toBeGreaterThan(6);
    const last = await wholeLog(group);
    disk.crash({ lose: "none", random: new SeededRandom(1) });
    const again = await openLane(disk);
    const recovered = again.groups()[0];
    expect(recovered?.lastIndex()).toBe(600);
    expect(recovered && (await wholeLog(recovered))).toEqual(last);
    await again.close();
  });
});
