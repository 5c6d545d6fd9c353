import { describe, expect, it } from "vitest";

import type { LaneStorage } from "./lane-storage.ts";
import { BadSectorFileSystem } from "./testing/bad-sectors.ts";
import { busyDisk, copyOf } from "./testing/busy-disk.ts";
import type { BusyDisk } from "./testing/busy-disk.ts";
import { addAll, chunksOf, makeSource } from "./testing/healing-fixture.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const OPTIONS = { walFilesMax: 8, tailCacheBytes: 0 };
const SECTOR_BYTES = 4096;
const ALLOWED = ["same", "quarantined", "damaged entries"];

/** What came of each group of `before`. */
async function fates(lane: LaneStorage, before: BusyDisk): Promise<readonly string[]> {
  const damaged = lane.damagedGroups().map(({ groupId }) => groupId);
  const found: string[] = [];
  for (const { groupId, promises, log } of before.groups) {
    const group = lane.group(groupId);
    if (group === undefined) {
      found.push(damaged.includes(groupId) ? "quarantined" : `group ${groupId} is gone`);
      continue;
    }
    const { replicaId, hardState } = group;
    const now = [replicaId, hardState, group.firstIndex(), group.lastIndex()];
    const isSame = JSON.stringify(now) === JSON.stringify(promises);
    const read = await wholeLog(group).then(JSON.stringify, () => undefined);
    if (!isSame) found.push(`group ${groupId} has ${JSON.stringify(now)}`);
    else if (read === undefined) found.push("damaged entries");
    else found.push(read === log ? "same" : `group ${groupId} has another log`);
  }
  return found;
}

describe("a lane with a sector that cannot be read (S1, S2, S7)", () => {
  it("opens; each group is as it was, quarantined, or says what is damaged", async () => {
    const before = await busyDisk();
    const seen = new Map<string, number>();
    for (const path of before.disk.paths()) {
      const sectors = Math.ceil(before.disk.bytesOf(path).byteLength / SECTOR_BYTES);
      const step = Math.max(1, Math.floor(sectors / 5));
      const chosen = new Set([0, 1, 2, sectors - 1]);
      for (let sector = 3; sector < sectors; sector += step) chosen.add(sector);
      for (const sector of chosen) {
        if (sector >= sectors) continue;
        const disk = new BadSectorFileSystem(copyOf(before.disk));
        disk.spoil(path, sector * SECTOR_BYTES);
        const lane = await openLane(disk, OPTIONS);
        const found = await fates(lane, before);
        expect(found.filter((fate) => !ALLOWED.includes(fate))).toEqual([]);
        const folder = path.split(/[/.]/)[2] ?? "";
        for (const fate of found) {
          seen.set(`${folder}: ${fate}`, (seen.get(`${folder}: ${fate}`) ?? 0) + 1);
        }
        const damaged = lane.damagedGroups();
        await lane.close();
        const again = await openLane(disk, OPTIONS);
        expect(again.damagedGroups()).toEqual(damaged);
        for (const group of again.groups()) {
          const next = group.lastIndex() + 1;
          await write(again, { group, entries: entriesOf(next, next, 1000) });
        }
        await again.close();
      }
    }
    expect([...seen.keys()].sort()).toEqual([
      "identity: same",
      "segments: damaged entries",
      "segments: quarantined",
      "segments: same",
      "states: same",
      "wal: quarantined",
      "wal: same",
    ]);
  }, 120_000);

  it("loses nothing by one in the room behind its log", async () => {
    const before = await busyDisk();
    const { path, position, length } = before.lastBatch;
    const inner = copyOf(before.disk);
    const room = position + length + 2 * SECTOR_BYTES;
    const filled = Buffer.alloc(room + SECTOR_BYTES);
    inner.bytesOf(path).copy(filled);
    inner.setBytes(path, filled);
    const disk = new BadSectorFileSystem(inner);
    disk.spoil(path, room);
    const lane = await openLane(disk, OPTIONS);
    expect(await fates(lane, before)).toEqual(before.groups.map(() => "same"));
    await lane.close();
  });

  it("receives a log anew from where an earlier part of it cannot be read", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, 12, 1);
    const inner = new MemoryFileSystem();
    const disk = new BadSectorFileSystem(inner);
    const lane = await openLane(disk);
    await createGroup(lane, 1, 10);
    await addAll(await lane.openImport(1, { afterIndex: 0, afterTerm: 0 }), chunks);
    await lane.close();
    const [part = ""] = inner.paths().filter((path) => path.startsWith("/lane/incoming/"));
    disk.spoil(part, 5 * 20_032);
    const again = await openLane(disk);
    const log = await again.openImport(1, { afterIndex: 0, afterTerm: 0 });
    expect(log.nextIndex).toBeLessThan(6);
    await addAll(log, chunks);
    expect(log.nextIndex).toBe(13);
    await again.close();
    await source.lane.close();
  });
});
