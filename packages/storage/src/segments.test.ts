import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import type { LaneStorage } from "./lane-storage.ts";
import type { GroupLog } from "./group-log.ts";
import {
  CONF,
  createGroup,
  entriesOf,
  entry,
  openLane,
  recordData,
  wholeLog,
  write,
} from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const stateAt = (index: number, term: number, bytes = 10) => ({
  index,
  term,
  confState: CONF,
  state: Buffer.alloc(bytes, index),
});

/** Appends until `count` flushes were finished; entries are committed one behind. */
async function fill(
  lane: LaneStorage,
  group: GroupLog,
  count: number,
  bytes = 20_000,
): Promise<void> {
  while (lane.stats().flushes < count) {
    const next = group.lastIndex() + 1;
    group.committed(next - 1);
    await write(lane, { group, entries: entriesOf(next, next, 1, bytes) });
  }
}

const segmentPaths = (disk: MemoryFileSystem) =>
  disk.paths().filter((path) => path.startsWith("/lane/segments/"));

describe("segments (G1..G4, F1, F2)", () => {
  it("find records by offset and by time, on disk and in memory alike", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    await fill(lane, group, 3, 3000);
    const last = group.lastIndex();
    const answers: unknown[] = [];
    for (let index = 1; index <= last; index++) {
      const offset = await group.locateOffsetAsync(index - 1);
      const time = await group.locateTimeAsync(index * 10 - 5);
      if (offset !== index || time !== index) answers.push({ index, offset, time });
    }
    expect(answers).toEqual([]);
    expect([
      group.locateOffset(0),
      group.locateOffset(last - 1),
      group.locateOffset(last),
      await group.locateTimeAsync(last * 10 + 1),
    ]).toEqual(["temporarily-unavailable", last, undefined, undefined]);
    await lane.close();
  });

  it("never take a membership change for records, whatever its bytes are", async () => {
    const lane = await openLane(new MemoryFileSystem(), { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    const change = { ...entry(2, 1, recordData(900, 5, 9000)), type: "EntryConfChangeV2" as const };
    const first = entry(1, 1, recordData(0, 1, 10));
    await write(lane, { group, entries: [first, change, entry(3, 1, recordData(1, 2, 20))] });
    const answers = async () => ({
      offsets: await Promise.all([0, 1, 900].map((at) => group.locateOffsetAsync(at))),
      time: await group.locateTimeAsync(15),
    });
    const expected = { offsets: [1, 3, undefined], time: 3 };
    expect(await answers()).toEqual(expected);
    await fill(lane, group, 1);
    expect(group.locateOffset(0)).toBe("temporarily-unavailable");
    expect(await answers()).toEqual(expected);
    await lane.close();
  });

  it("orders times that go back by their running maximum", async () => {
    const lane = await openLane(new MemoryFileSystem());
    const group = await createGroup(lane, 1);
    const arrivals = [100, 300, 200, 250, 400];
    const entries = arrivals.map((ms, at) => entry(at + 1, 1, recordData(at * 2, 2, ms)));
    await write(lane, { group, entries });
    expect([50, 100, 101, 300, 301, 401].map((ms) => group.locateTime(ms))).toEqual([
      1,
      1,
      2,
      2,
      5,
      undefined,
    ]);
    expect([0, 1, 2, 9, 10].map((offset) => group.locateOffset(offset))).toEqual([
      1,
      1,
      2,
      5,
      undefined,
    ]);
    await lane.close();
  });

  it("give a group with much to flush a segment of its own, and the others one together", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { shardSegmentThresholdBytes: 300_000 });
    const [large, small, tiny] = [
      await createGroup(lane, 1),
      await createGroup(lane, 2),
      await createGroup(lane, 3),
    ];
    for (const group of [small, tiny]) {
      await write(lane, { group, entries: entriesOf(1, 5, 1) });
      group.committed(5);
    }
    await fill(lane, large, 1);
    expect(segmentPaths(disk).length).toBe(2);
    await lane.close();
  });

  it("keep an uncommitted tail in the log across many files, and a later leader can replace it", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const stuck = await createGroup(lane, 1);
    const busy = await createGroup(lane, 2);
    await write(lane, { group: stuck, entries: entriesOf(1, 30, 1, 2000) });
    stuck.committed(10);
    await fill(lane, busy, 5);
    await write(lane, { group: stuck, entries: entriesOf(21, 22, 2) });
    const before = await wholeLog(stuck);
    await lane.close();
    const again = await openLane(disk);
    const recovered = again.groups()[0];
    expect(recovered && (await wholeLog(recovered))).toEqual(before);
    expect(recovered?.lastIndex()).toBe(22);
    await again.close();
  });

  it("go to the trash when retention has dropped all they hold, and are removed after the grace time", async () => {
    const disk = new MemoryFileSystem();
    const clock = new VirtualClock();
    const lane = await openLane(disk, { clock });
    const group = await createGroup(lane, 1);
    await fill(lane, group, 3);
    const kept = segmentPaths(disk).length;
    const through = group.lastIndex() - 2;
    await write(lane, { group, trim: { throughIndex: through, snapshot: stateAt(through, 1) } });
    expect([group.firstIndex(), group.entries(1, 2, 10), group.term(through)]).toEqual([
      through + 1,
      "compacted",
      1,
    ]);
    await lane.close();
    expect(segmentPaths(disk)).toEqual([]);
    const again = await openLane(disk, { clock });
    expect(again.groups()[0]?.firstIndex()).toBe(through + 1);
    expect(again.groups()[0]?.baseSnapshot()).toEqual(stateAt(through, 1));
    expect(await again.emptyTrash(1000)).toBe(0);
    clock.advance(1000);
    expect(await again.emptyTrash(1000)).toBe(kept);
    await again.close();
  });

  it("are released by a dropped group, and a new replica of that group does not see them", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1, 10);
    await fill(lane, group, 2);
    await lane.dropGroup(1);
    await createGroup(lane, 1, 11);
    await lane.close();
    const again = await openLane(disk);
    expect(again.groups().map((found) => [found.replicaId, found.lastIndex()])).toEqual([[11, 0]]);
    expect(segmentPaths(disk)).toEqual([]);
    await again.close();
  });

  it("report damage by file and byte, never as a hole", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    await fill(lane, group, 2);
    const [path = ""] = segmentPaths(disk);
    disk.flipBit(path, 30_000, 2);
    const read = group.fetchEntries(1, 10, 1 << 20);
    await expect(read).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(
        /segments\/\d+\.seg at byte \d+: .*get it back from their peers/,
      ),
    });
    await lane.close();
    await disk.remove(path);
    const again = await openLane(disk);
    expect(again.damagedGroups().map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/the segment is missing/),
    ]);
    await again.close();
  });

  it("that no log names were never finished and are set aside", async () => {
    const disk = new MemoryFileSystem();
    await (await openLane(disk)).close();
    disk.setBytes("/lane/segments/0000000009.seg", Buffer.from("half"));
    const lane = await openLane(disk);
    expect(segmentPaths(disk)).toEqual([]);
    expect(disk.paths().filter((path) => path.startsWith("/lane/trash/")).length).toBe(1);
    await lane.close();
  });
});

describe("checkpoints (W7)", () => {
  it("keep states of any size, and restart from the newest durable one", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    const small = await createGroup(lane, 2);
    await write(lane, { group: small, entries: entriesOf(1, 4, 1) });
    small.committed(4);
    group.setStateProvider(() => stateAt(Math.max(0, group.lastIndex() - 3), 1, 50_000));
    small.setStateProvider(() => stateAt(4, 1, 100));
    await fill(lane, group, 3);
    await lane.close();
    const files = disk.paths().filter((path) => path.startsWith("/lane/states/"));
    expect(files.length).toBe(1);
    const again = await openLane(disk);
    const [recovered, other] = again.groups();
    const at = recovered?.recoveredState().index ?? 0;
    expect(at).toBeGreaterThan(50);
    expect(recovered?.recoveredState()).toEqual(stateAt(at, 1, 50_000));
    expect(other?.recoveredState()).toEqual(stateAt(4, 1, 100));
    await again.close();
  });

  it("without any readable state quarantine the group, and name the file", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    await write(lane, { group, snapshot: stateAt(7, 3, 9000) });
    await lane.close();
    const [path = ""] = disk.paths().filter((name) => name.startsWith("/lane/states/"));
    disk.flipBit(path, 100, 1);
    const again = await openLane(disk);
    expect(again.damagedGroups()).toEqual([
      {
        groupId: 1,
        replicaId: 10,
        kind: 2,
        description: Buffer.alloc(0),
        reason: expect.stringMatching(/states\/\d+\.state at byte 32: /),
      },
    ]);
    await again.close();
  });
});
