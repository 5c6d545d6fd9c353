import { sleep } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { fill } from "./testing/healing-fixture.ts";
import { CONF, createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 100);
const FAST = { bytesPerSecond: 2 ** 40 };

const stateAt = (index: number, bytes: number) => ({
  index,
  term: 1,
  confState: CONF,
  state: Buffer.alloc(bytes, 5),
});

/** Segments of several groups, and a state file. */
async function makeLane() {
  const disk = new MemoryFileSystem();
  const lane = await openLane(disk, { tailCacheBytes: 0, shardSegmentThresholdBytes: 300_000 });
  const [large, small, stuck] = [
    await createGroup(lane, 1),
    await createGroup(lane, 2),
    await createGroup(lane, 3),
  ];
  await write(lane, { group: small, entries: entriesOf(1, 30, 1, 900) });
  small.committed(30);
  await write(lane, { group: stuck, snapshot: stateAt(7, 30_000) });
  await fill(lane, large, 2);
  return { disk, lane };
}

const sizeOf = (disk: MemoryFileSystem, path: string) => disk.bytesOf(path).byteLength;

/** Bytes of a WAL file that was never used before, up to its last page. */
function usedBytes(disk: MemoryFileSystem, path: string): number {
  const bytes = disk.bytesOf(path);
  return Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 4096) * 4096;
}

/** Stamps of pages and sectors are known without reading them, so damage there harms nothing (W4). */
function isStamp(byte: number): boolean {
  const inPage = byte % 4096;
  return byte >= 4096 && (inPage >= 4080 || (inPage % 512 >= 508 && inPage < 7 * 512));
}

/** Lets virtual time pass until the work is done. */
async function driven<Result>(clock: VirtualClock, work: Promise<Result>): Promise<Result> {
  const progress = { done: false };
  const ended = work.finally(() => {
    progress.done = true;
  });
  while (!progress.done) {
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    if (!progress.done) clock.advance(100);
  }
  return ended;
}

const ofKind = (disk: MemoryFileSystem, folder: string) =>
  disk.paths().filter((path) => path.startsWith(`/lane/${folder}/`));

describe("a scrub", () => {
  it("finds nothing on a sound disk, and counts what it read", async () => {
    const { disk, lane } = await makeLane();
    const report = await lane.scrub(FAST);
    expect(report).toEqual({
      complete: true,
      bytes: report.bytes,
      segments: ofKind(disk, "segments").length,
      extents: 3,
      stateFiles: 1,
      walFiles: lane.stats().walFiles,
      damagedExtents: 0,
      damagedStateFiles: 0,
      damagedWalFiles: 0,
      damagedIdentity: false,
    });
    const size = ofKind(disk, "segments").reduce((sum, path) => sum + sizeOf(disk, path), 0);
    expect(report.bytes).toBeGreaterThan(size);
    const { scrubbedBytes, scrubErrors, secondsSinceScrub } = lane.stats();
    expect([scrubbedBytes, scrubErrors, secondsSinceScrub]).toEqual([report.bytes, 0, 0]);
    await lane.close();
  });

  it("finds each single flipped bit of a segment that somebody may read", async () => {
    const { disk, lane } = await makeLane();
    const paths = ofKind(disk, "segments");
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const path = paths[seed % paths.length] ?? "";
        const byte = Math.floor(seed / paths.length) % sizeOf(disk, path);
        disk.flipBit(path, byte, seed % 8);
        const { damagedExtents } = await lane.scrub(FAST);
        disk.flipBit(path, byte, seed % 8);
        const after = await lane.scrub(FAST);
        expect([path, byte, damagedExtents > 0, after.damagedExtents]).toEqual([
          path,
          byte,
          true,
          0,
        ]);
      }),
      { numRuns: RUNS },
    );
    expect(lane.groups().map((group) => group.damagedRanges())).toEqual([[], [], []]);
    await lane.close();
  });

  it("finds each single flipped bit of a state in a file, and writes the state anew", async () => {
    const { disk, lane } = await makeLane();
    const flips = Array.from({ length: 30 }, (_, at) => 32 + at * 997);
    for (const byte of flips) {
      const [path = ""] = ofKind(disk, "states");
      disk.flipBit(path, byte, byte % 8);
      const report = await lane.scrub(FAST);
      expect([byte, report.damagedStateFiles]).toEqual([byte, 1]);
      expect((await lane.scrub(FAST)).damagedStateFiles).toBe(0);
      expect(ofKind(disk, "states")).not.toContain(path);
    }
    await lane.close();
    const again = await openLane(disk);
    expect(again.group(3)?.baseSnapshot()).toEqual(stateAt(7, 30_000));
    await again.close();
  });

  it("finds each single flipped bit of the log, and a restart then needs none of it", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const disk = new MemoryFileSystem();
        const lane = await openLane(disk, { tailCacheBytes: 0 });
        const group = await createGroup(lane, 1);
        await write(lane, { group, entries: entriesOf(1, 25, 1, 20_000) });
        group.committed(20);
        const path = "/lane/wal/0000000001.wal";
        const byte = seed % usedBytes(disk, path);
        const expected = await wholeLog(group);
        disk.flipBit(path, byte, seed % 8);
        const { damagedWalFiles } = await lane.scrub(FAST);
        expect([seed, byte, damagedWalFiles]).toEqual([seed, byte, isStamp(byte) ? 0 : 1]);
        await lane.close();
        const again = await openLane(disk);
        const recovered = again.group(1);
        expect(again.damagedGroups()).toEqual([]);
        expect(recovered && (await wholeLog(recovered))).toEqual(expected);
        await again.close();
      }),
      { numRuns: RUNS },
    );
  });

  it("finds each single flipped bit of log files that wait for their flush", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const disk = new MemoryFileSystem({
      latency: async (operation, path) => {
        if (operation === "syncDirectory" && path === "/lane/segments") await held;
      },
    });
    const lane = await openLane(disk, { walFilesMax: 8 });
    const group = await createGroup(lane, 1);
    for (let index = 1; index < 120; index++) {
      await write(lane, { group, entries: entriesOf(index, index, 1, 30_000) });
      group.committed(index);
    }
    const expected = await wholeLog(group);
    const closed = ofKind(disk, "wal").slice(0, 3);
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const path = closed[seed % closed.length] ?? "";
        const byte = Math.floor(seed / 4) % usedBytes(disk, path);
        disk.flipBit(path, byte, seed % 8);
        const { damagedWalFiles } = await lane.scrub(FAST);
        disk.flipBit(path, byte, seed % 8);
        expect([path, byte, damagedWalFiles]).toEqual([path, byte, isStamp(byte) ? 0 : 1]);
      }),
      { numRuns: RUNS },
    );
    expect((await lane.scrub(FAST)).damagedWalFiles).toBe(0);
    release();
    await lane.close();
    const again = await openLane(disk);
    const recovered = again.group(1);
    expect(recovered && (await wholeLog(recovered))).toEqual(expected);
    await again.close();
  });

  it("does not take a file for damaged whose first batch is still on its way", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let disk = new MemoryFileSystem();
    const opened = new Promise<void>((resolve) => {
      disk = new MemoryFileSystem({
        latency: async (operation, path) => {
          if (operation !== "write" || path !== "/lane/wal/0000000002.wal") return;
          resolve();
          await held;
        },
      });
    });
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1);
    for (let index = 1; index < 60; index++) {
      lane.submit([{ group, entries: entriesOf(index, index, 1, 30_000) }], () => {});
    }
    await opened;
    const report = await lane.scrub(FAST);
    expect([report.walFiles, report.damagedWalFiles]).toEqual([2, 0]);
    release();
    await lane.close();
  });

  it("writes a damaged identity anew", async () => {
    const { disk, lane } = await makeLane();
    await lane.setClusterId("c1");
    disk.flipBit("/lane/identity", 20, 1);
    expect((await lane.scrub(FAST)).damagedIdentity).toBe(true);
    const { identity } = lane;
    await lane.close();
    const again = await openLane(disk);
    expect(again.identity).toEqual({ ...identity, bootEpoch: identity.bootEpoch + 1 });
    await again.close();
  });

  it("reads no faster than it may, ends with its signal or the lane, and runs once at a time", async () => {
    const disk = new MemoryFileSystem();
    const clock = new VirtualClock();
    const lane = await openLane(disk, { clock });
    const group = await createGroup(lane, 1);
    await fill(lane, group, 2);
    const bytesPerSecond = 100_000;
    const startMs = clock.monotonicMs();
    const scrub = lane.scrub({ bytesPerSecond });
    await expect(lane.scrub(FAST)).rejects.toMatchObject({ code: "wrong-state" });
    const { bytes } = await driven(clock, scrub);
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    // The first read need not wait, and is one window of the log at most.
    expect(bytes / seconds).toBeLessThan(bytesPerSecond * 4);
    expect(seconds).toBeGreaterThan(5);
    const ended = new AbortController();
    const second = lane.scrub({ bytesPerSecond, signal: ended.signal });
    void sleep(clock, 3000).then(() => ended.abort());
    expect((await driven(clock, second)).complete).toBe(false);
    const third = lane.scrub({ bytesPerSecond: 1 });
    await lane.close();
    expect((await third).complete).toBe(false);
    await expect(lane.scrub(FAST)).rejects.toMatchObject({ code: "wrong-state" });
  });
});
