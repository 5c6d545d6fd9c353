import { describe, expect, it } from "vitest";

import type { GroupLog } from "./group-log.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { addAll, chunksOf, fill } from "./testing/healing-fixture.ts";
import { CONF, createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

/** Unlike those of the other group, so that its entries are found by their bytes. */
const ENTRY_BYTES = 20_001;

const segmentPaths = (disk: MemoryFileSystem) =>
  disk.paths().filter((path) => path.startsWith("/lane/segments/"));

/** Two groups in shared segments, nothing of them cached, and a lane that holds the same entries. */
async function damagedLane() {
  const disk = new MemoryFileSystem();
  const lane = await openLane(disk, { tailCacheBytes: 0, importPartBytes: 200_000 });
  const group = await createGroup(lane, 1);
  const other = await createGroup(lane, 2);
  for (let flush = 0; flush < 3; flush++) {
    const next = group.lastIndex() + 1;
    await write(lane, { group, entries: entriesOf(next, next + 19, 1, ENTRY_BYTES) });
    group.committed(group.lastIndex());
    await fill(lane, other, 1);
  }
  const peer = await openLane(disk.clone(), { tailCacheBytes: 0 });
  const expected = await wholeLog(group);
  const healthy = peer.group(1);
  if (healthy === undefined) throw new Error("the clone lacks group 1");
  const found: number[] = [];
  lane.onDamage((groupId) => found.push(groupId));
  return { disk, lane, group, other, peer, healthy, expected, found };
}

/** Damages the second extent of group 1: where its entry `index` is, by what it holds. */
function damageEntry(disk: MemoryFileSystem, index: number): string {
  const data = entriesOf(index, index, 1, ENTRY_BYTES)[0]?.data ?? Buffer.alloc(0);
  for (const path of segmentPaths(disk)) {
    const at = disk.bytesOf(path).indexOf(data);
    if (at < 0) continue;
    disk.flipBit(path, at + 5000, 3);
    return path;
  }
  throw new Error(`no segment holds entry ${index}`);
}

async function healFrom(lane: LaneStorage, healthy: GroupLog): Promise<void> {
  const [range = { firstIndex: 0, lastIndex: 0 }] = lane.group(1)?.damagedRanges() ?? [];
  const afterIndex = range.firstIndex - 1;
  const log = await lane.openImport(1, { afterIndex, afterTerm: Number(healthy.term(afterIndex)) });
  await addAll(log, await chunksOf(healthy, log.nextIndex, range.lastIndex));
  await lane.repair(1, range, log);
}

describe("damage that a read finds", () => {
  it("is told of once, is an error to every reader, and is gone with the repair", async () => {
    const { disk, lane, group, peer, healthy, expected, found } = await damagedLane();
    const path = damageEntry(disk, 27);
    for (const read of [
      () => group.fetchEntries(25, 30, 1 << 20),
      () => group.exportEntries(25, 30, 1 << 20),
      () => group.locateOffsetAsync(26),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: "corrupt" });
    }
    const [range] = group.damagedRanges();
    expect([found, range]).toEqual([[1], { firstIndex: 21, lastIndex: 40 }]);
    expect((await group.fetchEntries(1, 21, 1 << 20)).length).toBe(20);
    await healFrom(lane, healthy);
    expect([group.damagedRanges(), await wholeLog(group)]).toEqual([[], expected]);
    const foreign = await lane.openImport(2, { afterIndex: 0, afterTerm: 0 });
    await expect(lane.repair(1, { firstIndex: 1, lastIndex: 20 }, foreign)).rejects.toMatchObject({
      code: "invalid-argument",
    });
    await lane.close();
    // The other group still needs the old segment; the newer one counts for this group.
    expect(segmentPaths(disk)).toContain(path);
    const again = await openLane(disk, { tailCacheBytes: 0 });
    const [recovered] = again.groups();
    expect(recovered && (await wholeLog(recovered))).toEqual(expected);
    await again.close();
    await peer.close();
  });

  it("frees the damaged segment when nobody else needs it", async () => {
    const { disk, lane, other, peer, healthy, expected } = await damagedLane();
    const path = damageEntry(disk, 27);
    await expect(wholeLog(lane.group(1) ?? other)).rejects.toMatchObject({ code: "corrupt" });
    await healFrom(lane, healthy);
    await lane.dropGroup(2);
    await lane.close();
    expect(segmentPaths(disk)).not.toContain(path);
    const again = await openLane(disk, { tailCacheBytes: 0 });
    const [recovered] = again.groups();
    expect(recovered && (await wholeLog(recovered))).toEqual(expected);
    await again.close();
    await peer.close();
  });

  it("is not replaced by entries of other terms, or by a part of what it must be", async () => {
    const { disk, lane, group, peer, healthy } = await damagedLane();
    damageEntry(disk, 27);
    await expect(group.fetchEntries(27, 28, 1)).rejects.toMatchObject({ code: "corrupt" });
    const range = { firstIndex: 21, lastIndex: 40 };
    const wrong = await openLane(new MemoryFileSystem(), { tailCacheBytes: 0 });
    const forger = await createGroup(wrong, 1);
    await write(wrong, { group: forger, entries: entriesOf(1, 30, 1, ENTRY_BYTES) });
    await write(wrong, { group: forger, entries: entriesOf(31, 40, 2, ENTRY_BYTES) });
    forger.committed(40);
    const forged = await lane.openImport(1, { afterIndex: 20, afterTerm: 1 });
    await addAll(forged, await chunksOf(forger, 21, 40));
    await expect(lane.repair(1, range, forged)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/has terms .* where the log has/),
    });
    const short = await lane.openImport(1, { afterIndex: 20, afterTerm: 1 });
    await addAll(short, await chunksOf(healthy, 21, 39));
    await expect(lane.repair(1, range, short)).rejects.toThrow(/must have 21\.\.40/);
    const cut = await lane.openImport(1, { afterIndex: 24, afterTerm: 1 });
    await expect(lane.repair(1, { firstIndex: 25, lastIndex: 40 }, cut)).rejects.toThrow(
      /cuts through the extent 21\.\.40/,
    );
    expect(group.damagedRanges()).toEqual([range]);
    expect(disk.paths().filter((path) => path.startsWith("/lane/incoming/"))).toEqual([]);
    await Promise.all([lane.close(), peer.close(), wrong.close()]);
  });

  it("needs no repair once retention has dropped it, and needs less when it dropped a part", async () => {
    const { disk, lane, group, peer, healthy, expected } = await damagedLane();
    damageEntry(disk, 27);
    await expect(group.fetchEntries(27, 28, 1)).rejects.toMatchObject({ code: "corrupt" });
    const state = { index: 30, term: 1, confState: CONF, state: Buffer.alloc(1) };
    await write(lane, { group, trim: { throughIndex: 30, snapshot: state } });
    expect(group.damagedRanges()).toEqual([{ firstIndex: 31, lastIndex: 40 }]);
    await healFrom(lane, healthy);
    expect([group.damagedRanges(), await wholeLog(group)]).toEqual([[], expected.slice(30)]);
    await lane.close();
    const again = await openLane(disk, { tailCacheBytes: 0 });
    const recovered = again.group(1);
    expect(recovered && (await wholeLog(recovered))).toEqual(expected.slice(30));
    const late = await again.openImport(1, { afterIndex: 30, afterTerm: 1 });
    await addAll(late, await chunksOf(healthy, 31, 40));
    if (recovered === undefined) throw new Error("group 1 is missing");
    await write(again, {
      group: recovered,
      trim: { throughIndex: 40, snapshot: { ...state, index: 40 } },
    });
    await again.repair(1, { firstIndex: 31, lastIndex: 40 }, late);
    expect(await wholeLog(recovered)).toEqual(expected.slice(40));
    await again.close();
    await peer.close();
  });

  it("of a missing file is damage like any other", async () => {
    const { disk, lane, group, peer, healthy, expected, found } = await damagedLane();
    const path = damageEntry(disk, 27);
    await disk.remove(path);
    await expect(group.fetchEntries(25, 30, 1 << 20)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(path),
    });
    await healFrom(lane, healthy);
    expect([found, await wholeLog(group)]).toEqual([[1], expected]);
    await lane.close();
    await peer.close();
  });
});
