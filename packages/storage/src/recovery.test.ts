import { SeededRandom } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import type { LaneStorage } from "./lane-storage.ts";
import { PAGE_BYTES } from "./limits.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { BatchBuilder } from "./wal-batch.ts";

const WAL = "/lane/wal/0000000001.wal";
const SECTOR = 512;

/** What a restart shows of group 1. */
async function seen(lane: LaneStorage): Promise<unknown> {
  const group = lane.groups()[0];
  return group && { hardState: group.hardState, log: await wholeLog(group) };
}

/** A disk with three batches behind the checkpoint; the last one takes several pages. */
async function diskWithLog(lastEntries: number, entryBytes: number) {
  const disk = new MemoryFileSystem();
  const lane = await openLane(disk);
  const group = await createGroup(lane, 1);
  await write(lane, {
    group,
    entries: entriesOf(1, 3, 1),
    hardState: { term: 1, vote: 10, commit: 2 },
  });
  await write(lane, { group, entries: entriesOf(4, 6, 1, 3000) });
  const seenBefore = await seen(lane);
  await write(lane, {
    group,
    entries: entriesOf(5, 4 + lastEntries, 2, entryBytes),
    hardState: { term: 2, vote: 20, commit: 4 },
  });
  const seenAfter = await seen(lane);
  await lane.close();
  const after = disk.bytesOf(WAL);
  const { lastPosition: lastFrom } = endOf(after);
  const lastTo = lastFrom + after.readUInt32LE(lastFrom + 4);
  return { disk, after, seenBefore, seenAfter, lastFrom, lastTo };
}

/** Old content under the last batch: zeros, or the batches of an earlier use of the file. */
function underlay(bytes: Buffer, from: number, recycled: boolean): Buffer {
  const base = Buffer.alloc(Math.max(bytes.byteLength, from + 16 * PAGE_BYTES));
  bytes.copy(base, 0, 0, Math.min(from, bytes.byteLength));
  if (!recycled) return base;
  const builder = new BatchBuilder();
  // The number that is expected next, so only the file's number tells that it is old.
  const batchSeq = bytes.readUInt32LE(from + 8);
  const identity = { batchSeq, fileSeq: 6, durableSeqBefore: batchSeq - 1, flags: 0 };
  builder.begin(identity, 12 * PAGE_BYTES);
  builder.put(Buffer.alloc(11 * PAGE_BYTES, 0xa5));
  builder.finish().copy(base, from);
  return base;
}

async function reopen(disk: MemoryFileSystem, bytes: Buffer): Promise<LaneStorage> {
  disk.setBytes(WAL, bytes);
  return openLane(disk);
}

/** A cut log takes new writes at the same place, and they survive. */
async function goesOn(disk: MemoryFileSystem, lane: LaneStorage): Promise<void> {
  const group = lane.groups()[0];
  if (group === undefined) throw new Error("group 1 is missing");
  const from = group.lastIndex() + 1;
  await write(lane, { group, entries: entriesOf(from, from, 9) });
  const expected = await seen(lane);
  await lane.close();
  const again = await openLane(disk);
  expect(await seen(again)).toEqual(expected);
  await again.close();
}

describe("the end of the log after a crash (W4, W9)", () => {
  it.each([false, true])(
    "any subset of the last batch's pages: whole or cut (recycled: %s)",
    async (recycled) => {
      const { disk, after, seenBefore, seenAfter, lastFrom, lastTo } = await diskWithLog(5, 3000);
      const pages = (lastTo - lastFrom) / PAGE_BYTES;
      expect(pages).toBeGreaterThan(3);
      for (let subset = 0; subset < 2 ** pages; subset++) {
        const bytes = underlay(after, lastFrom, recycled);
        for (let page = 0; page < pages; page++) {
          if ((subset >> page) % 2 === 0) continue;
          const at = lastFrom + page * PAGE_BYTES;
          after.copy(bytes, at, at, at + PAGE_BYTES);
        }
        const lane = await reopen(disk, bytes);
        const whole = subset === 2 ** pages - 1;
        expect(await seen(lane), `subset ${subset}`).toEqual(whole ? seenAfter : seenBefore);
        await goesOn(disk, lane);
      }
    },
  );

  it("a file that ends anywhere in the last batch is cut there", async () => {
    const { disk, after, seenBefore, seenAfter, lastFrom, lastTo } = await diskWithLog(5, 3000);
    for (let length = lastFrom; length <= lastTo; length += SECTOR) {
      const lane = await reopen(disk, after.subarray(0, length));
      expect(await seen(lane), `length ${length}`).toEqual(
        length === lastTo ? seenAfter : seenBefore,
      );
      await goesOn(disk, lane);
    }
  });

  it("pages of a torn batch never complete a later one at the same place", async () => {
    const { disk, after, seenBefore, lastFrom, lastTo } = await diskWithLog(5, 3000);
    const torn = Buffer.from(after);
    torn.fill(0, lastFrom, lastFrom + PAGE_BYTES);
    await (await reopen(disk, torn)).close();
    const cut = disk.bytesOf(WAL);
    expect(cut.subarray(lastFrom, lastTo).every((byte) => byte === 0)).toBe(true);
    // The next batch has the same number and length, and only its first page arrives.
    after.copy(cut, lastFrom, lastFrom, lastFrom + PAGE_BYTES);
    cut.writeUInt8(cut.readUInt8(lastFrom + 200) ^ 1, lastFrom + 200);
    const lane = await reopen(disk, cut);
    expect(await seen(lane)).toEqual(seenBefore);
    await goesOn(disk, lane);
  });

  it("a single sector of a torn batch leaves nothing that a later one could take for its own", async () => {
    const { disk, after, lastFrom, lastTo } = await diskWithLog(2, 3000);
    for (let at = lastFrom + SECTOR; at < lastTo; at += SECTOR) {
      const bytes = underlay(after, lastFrom, false);
      after.copy(bytes, at, at, at + SECTOR);
      await (await reopen(disk, bytes)).close();
      const left = disk.bytesOf(WAL).subarray(lastFrom, lastTo);
      expect(
        left.every((byte) => byte === 0),
        `sector at ${at}`,
      ).toBe(true);
    }
  });

  it("any subset of the last batch's sectors is cut, and never taken for damage", async () => {
    const { disk, after, seenBefore, seenAfter, lastFrom, lastTo } = await diskWithLog(2, 3000);
    const sectors = (lastTo - lastFrom) / SECTOR;
    const random = new SeededRandom(11);
    for (let round = 0; round < 400; round++) {
      const bytes = underlay(after, lastFrom, round % 2 === 1);
      // All but one, one alone, and what chance leaves.
      const arrives = (sector: number) =>
        round < 2 * sectors ? (sector === round >> 1) === round < sectors : random.uniform(2) === 1;
      let arrived = 0;
      for (let sector = 0; sector < sectors; sector++) {
        if (!arrives(sector)) continue;
        const at = lastFrom + sector * SECTOR;
        after.copy(bytes, at, at, at + SECTOR);
        arrived++;
      }
      const lane = await reopen(disk, bytes);
      const found = await seen(lane);
      // A sector that lost nothing but its stamp, or its padding, is proven by the checksum.
      const allowed = arrived === 0 ? [seenBefore] : [seenBefore, seenAfter];
      expect(allowed, `round ${round}`).toContainEqual(found);
      await goesOn(disk, lane);
    }
  });
});

describe("damage below what was acknowledged (W2, W9)", () => {
  it("a flipped bit anywhere gives the same log, or a quarantine that names file and byte and lasts", async () => {
    const { disk, after, seenAfter, lastTo } = await diskWithLog(3, 2000);
    let quarantined = 0;
    for (let byte = 0; byte < lastTo; byte += byte % PAGE_BYTES < 64 ? 3 : 131) {
      const copy = disk.clone();
      copy.setBytes(WAL, after);
      copy.flipBit(WAL, byte, byte % 8);
      const lane = await openLane(copy);
      const damaged = lane.damagedGroups();
      if (damaged.length === 0) {
        // The frame that makes the group may be what is damaged: then this node lacks the replica.
        const isLost = lane.groups().length === 0;
        if (!isLost) expect(await seen(lane), `byte ${byte}`).toEqual(seenAfter);
        else expect(byte >= 2 * PAGE_BYTES && byte < 3 * PAGE_BYTES, `byte ${byte}`).toBe(true);
      } else {
        quarantined++;
        expect([damaged.length, damaged[0]?.replicaId, lane.groups()]).toEqual([1, 10, []]);
        expect(damaged[0]?.reason).toMatch(/0000000001\.wal at byte \d+: /);
      }
      await lane.close();
      if (byte % 4 !== 0) continue;
      const again = await openLane(copy);
      expect(again.damagedGroups(), `byte ${byte}`).toEqual(damaged);
      await again.close();
    }
    expect(quarantined).toBeGreaterThan(100);
  });

  it("a page that lost all it held below the last batch is damage, not the end of the log", async () => {
    const { disk, after, lastFrom } = await diskWithLog(3, 2000);
    for (let page = 3 * PAGE_BYTES; page < lastFrom; page += PAGE_BYTES) {
      const bytes = Buffer.from(after);
      bytes.fill(0, page, page + PAGE_BYTES);
      const copy = disk.clone();
      const lane = await reopen(copy, bytes);
      expect([lane.groups(), lane.damagedGroups().length], `page at ${page}`).toEqual([[], 1]);
      await lane.close();
    }
  });

  it("names the damaged batch when a later file proves that it was durable", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { walFilesMax: 8 });
    const group = await createGroup(lane, 1);
    let index = 1;
    while (!disk.paths().includes("/lane/wal/0000000002.wal") || lane.stats().walFiles < 2) {
      await write(lane, { group, entries: entriesOf(index, index, 1, 30_000) });
      index++;
    }
    const bytes = disk.clone();
    await lane.close();
    const { lastPosition } = endOf(bytes.bytesOf(WAL));
    bytes.settle();
    // The last one is the seal; entries are in the one before it.
    bytes.flipBit(WAL, lastPosition - PAGE_BYTES + 100, 3);
    const again = await openLane(bytes);
    expect(again.damagedGroups().map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/0000000001.wal at byte \d+: .*0000000002.wal proves/),
    ]);
    await again.close();
  });

  it("notices any missing WAL file that was used, also the newest (W14)", async () => {
    // A flush that never ends keeps all files needed.
    const disk = new MemoryFileSystem({
      latency: async (operation, path) => {
        if (operation === "syncDirectory" && path === "/lane/segments") await new Promise(() => {});
      },
    });
    const lane = await openLane(disk, { walFilesMax: 8 });
    const group = await createGroup(lane, 1);
    for (let index = 1; index < 120; index++) {
      await write(lane, { group, entries: entriesOf(index, index, 1, 30_000) });
      group.committed(index);
    }
    const files = disk.paths().filter((path) => path.endsWith(".wal"));
    const wasUsed = (path: string) => disk.bytesOf(path).readUInt32LE(PAGE_BYTES) !== 0;
    const used = files.filter(wasUsed);
    expect(used.length).toBeGreaterThan(3);
    for (const gone of used) {
      // With and without the file that was made ready behind the newest.
      for (const kept of [files, used]) {
        const copy = new MemoryFileSystem();
        for (const path of disk.paths()) {
          if (path === gone || (path.endsWith(".wal") && !kept.includes(path))) continue;
          copy.setBytes(path, disk.bytesOf(path));
        }
        const again = await openLane(copy, { walFilesMax: 8 });
        expect(again.damagedGroups().map(({ reason }) => reason)).toEqual([
          expect.stringMatching(`${gone}.*: this WAL file is missing`),
        ]);
        await again.close();
      }
    }
  });

  it("makes durable what a killed process had only written, before anything builds on it", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk.attach());
    const group = await createGroup(lane, 1);
    await write(lane, { group, entries: entriesOf(1, 1, 1) });
    const random = new SeededRandom(1);
    // Killed inside the write: its bytes are in the page cache, and nobody has synced them.
    disk.observe = (operation) => {
      if (operation === "write") disk.crash({ lose: "process", random });
    };
    lane.submit([{ group, entries: entriesOf(2, 2, 1) }], () => {});
    disk.observe = undefined;
    const lastIndexOf = (found: LaneStorage) => found.group(1)?.lastIndex();
    expect(lastIndexOf(await openLane(disk.attach()))).toBe(2);
    disk.crash({ lose: "all", random });
    expect(lastIndexOf(await openLane(disk.attach()))).toBe(2);
  });

  it("refuses a directory whose identity is gone or belongs to another node", async () => {
    const { disk } = await diskWithLog(1, 24);
    await expect(openLane(disk, { nodeId: 2 })).rejects.toMatchObject({ code: "wrong-state" });
    await disk.remove("/lane/identity");
    await disk.remove("/lane/identity.copy");
    await expect(openLane(disk)).rejects.toThrow(/identity is missing/);
  });
});

/** Position of the last batch of a file, by the stamps of first pages. */
function endOf(bytes: Buffer): { lastPosition: number } {
  let lastPosition = 0;
  for (let at = PAGE_BYTES; at + PAGE_BYTES <= bytes.byteLength; at += PAGE_BYTES) {
    if (bytes.readUInt32LE(at + 4088) === 0 && bytes.readUInt32LE(at + 4080) > 0) lastPosition = at;
  }
  return { lastPosition };
}
