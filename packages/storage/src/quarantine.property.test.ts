import { SeededRandom } from "@millrace/base/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import type { GroupLog } from "./group-log.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { busyDisk, copyOf } from "./testing/busy-disk.ts";
import type { BusyDisk } from "./testing/busy-disk.ts";
import { entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 60);
const OPTIONS = { walFilesMax: 8, tailCacheBytes: 0 };

/** What came of one group: one of `ALLOWED`, or what is wrong. */
type Fate = string;

async function fateOf(
  lane: LaneStorage,
  before: BusyDisk["groups"][number],
  group: GroupLog | undefined,
): Promise<Fate> {
  const { groupId, replicaId } = before;
  const isDamaged = lane
    .damagedGroups()
    .some((found) => found.groupId === groupId && found.replicaId === replicaId);
  if (group === undefined) return isDamaged ? "quarantined" : `group ${groupId} is gone`;
  const { index } = group.recoveredState();
  const promises = [group.replicaId, group.hardState, group.firstIndex(), group.lastIndex()];
  if (JSON.stringify(promises) !== JSON.stringify(before.promises)) {
    return `group ${groupId} has ${JSON.stringify(promises)}, not ${JSON.stringify(before.promises)}`;
  }
  if (!before.stateIndexes.includes(index)) return `group ${groupId} has a state at ${index}`;
  try {
    const log = JSON.stringify(await wholeLog(group));
    return log === before.log ? "same" : `group ${groupId} has another log`;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "corrupt"
      ? "damaged entries"
      : String(error);
  }
}

const ALLOWED: readonly Fate[] = ["same", "quarantined", "damaged entries"];

/** Opens a damaged disk: what came of each group, which is the same when it is opened again. */
async function fates(disk: MemoryFileSystem, before: BusyDisk): Promise<readonly Fate[]> {
  const lane = await openLane(disk, OPTIONS);
  const found: Fate[] = [];
  for (const group of before.groups) {
    found.push(await fateOf(lane, group, lane.group(group.groupId)));
  }
  const damaged = lane.damagedGroups();
  await lane.close();
  const again = await openLane(disk, OPTIONS);
  expect(again.damagedGroups()).toEqual(damaged);
  for (const log of again.groups()) {
    const next = log.lastIndex() + 1;
    await write(again, { group: log, entries: entriesOf(next, next, 1000) });
  }
  await again.close();
  return found;
}

describe("a lane with one fault on its disk (S1, S2, S7)", () => {
  let before: BusyDisk;
  const seen = new Map<string, number>();
  const count = (kind: string, found: readonly Fate[]) => {
    for (const fate of found) seen.set(`${kind}: ${fate}`, (seen.get(`${kind}: ${fate}`) ?? 0) + 1);
  };

  beforeAll(async () => {
    before = await busyDisk();
  });

  it("opens with any bit flipped; each group is as it was, quarantined, or says what is damaged", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const random = new SeededRandom(seed);
        const paths = before.disk.paths().filter((path) => !path.includes("/identity"));
        const path = paths[random.uniform(paths.length)] ?? "";
        const size = before.disk.bytesOf(path).byteLength;
        // Half of the flips near the ends: headers, checkpoints, tables and footers are there.
        const near = Math.min(size, 12_288);
        const byte = [random.uniform(size), random.uniform(near), size - 1 - random.uniform(near)];
        const at = byte[random.uniform(3)] ?? 0;
        const disk = copyOf(before.disk);
        disk.flipBit(path, at, random.uniform(8));
        const found = await fates(disk, before);
        count(path.replace(/^.*\.|^.*\/(?=spare)|-\d+$/g, ""), found);
        expect(found.filter((fate) => !ALLOWED.includes(fate))).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(seen.get("wal: quarantined")).toBeGreaterThan(0);
    expect(seen.get("wal: same")).toBeGreaterThan(0);
  });

  it("opens without any one file; no group is silently another one", async () => {
    const quarantined: string[] = [];
    for (const path of before.disk.paths()) {
      if (path.includes("/identity")) continue;
      const disk = copyOf(before.disk);
      await disk.remove(path);
      const found = await fates(disk, before);
      expect(
        found.filter((fate) => !ALLOWED.includes(fate)),
        path,
      ).toEqual([]);
      if (found.includes("quarantined")) quarantined.push(path);
    }
    expect(quarantined.some((path) => path.endsWith(".seg"))).toBe(true);
    expect(quarantined.some((path) => path.endsWith(".wal"))).toBe(true);
  });

  it("knows itself from either identity, whichever bit of the other is damaged, and heals it", async () => {
    const [path, copy] = ["/lane/identity", "/lane/identity.copy"] as const;
    const bits = before.disk.bytesOf(path).byteLength * 8;
    const undamaged = await openLane(copyOf(before.disk), OPTIONS);
    const expected = undamaged.identity;
    await undamaged.close();
    for (let bit = 0; bit < bits; bit += 5) {
      for (const damaged of [path, copy]) {
        const disk = copyOf(before.disk);
        disk.flipBit(damaged, Math.floor(bit / 8), bit % 8);
        const lane = await openLane(disk, OPTIONS);
        expect(lane.identity, `bit ${bit} of ${damaged}`).toEqual(expected);
        await lane.close();
        expect(disk.bytesOf(path)).toEqual(disk.bytesOf(copy));
      }
    }
  });

  it("refuses when both identities are damaged, or are of different disks", async () => {
    const damaged = copyOf(before.disk);
    damaged.flipBit("/lane/identity", 20, 1);
    damaged.flipBit("/lane/identity.copy", 30, 1);
    await expect(openLane(damaged)).rejects.toMatchObject({ code: "corrupt" });
    const mixed = copyOf(before.disk);
    const other = new MemoryFileSystem();
    await (await openLane(other, { random: new SeededRandom(99) })).close();
    mixed.setBytes("/lane/identity.copy", other.bytesOf("/lane/identity"));
    await expect(openLane(mixed)).rejects.toMatchObject({ code: "corrupt" });
  });

  it("takes the newest file for torn wherever it ends in its last batch", async () => {
    const { disk, lastBatch } = before;
    const bytes = disk.bytesOf(lastBatch.path);
    const step = Math.max(1, Math.floor(60_000 / RUNS));
    for (let end = lastBatch.position; end < lastBatch.position + lastBatch.length; end += step) {
      const copy = copyOf(disk);
      copy.setBytes(lastBatch.path, bytes.subarray(0, end));
      const lane = await openLane(copy, OPTIONS);
      expect(lane.damagedGroups(), `end ${end}`).toEqual([]);
      await lane.close();
    }
  });
});
