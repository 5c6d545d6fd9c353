import { describe, expect, it } from "vitest";

import type { GroupLog } from "./group-log.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { addAll, chunksOf, fill, makeSource } from "./testing/healing-fixture.ts";
import { CONF, createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const stateAt = (index: number, term: number, bytes = 10) => ({
  index,
  term,
  confState: CONF,
  state: Buffer.alloc(bytes, index),
});

const START = { afterIndex: 0, afterTerm: 0 };

async function receive(
  lane: LaneStorage,
  source: GroupLog,
  last: number,
  from = START,
): Promise<GroupLog> {
  const log = await lane.openImport(1, from);
  await addAll(log, await chunksOf(source, log.nextIndex, last));
  await log.finish();
  const group = lane.group(1);
  if (group === undefined) throw new Error("group 1 is missing");
  await write(lane, { group, snapshot: stateAt(last, 1, 9000), shipped: log });
  return group;
}

const filesIn = (disk: MemoryFileSystem, folder: string) =>
  disk.paths().filter((path) => path.startsWith(`/lane/${folder}/`));

describe("a log that another replica ships (I1..I3)", () => {
  it("is installed with its snapshot, is read like any other, and survives a restart", async () => {
    const source = await makeSource();
    const last = source.group.lastIndex() - 3;
    const expected = (await wholeLog(source.group)).slice(0, last);
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { importPartBytes: 300_000, tailCacheBytes: 0 });
    await createGroup(lane, 1, 10);
    const group = await receive(lane, source.group, last);
    expect(filesIn(disk, "segments").length).toBeGreaterThan(3);
    expect(filesIn(disk, "incoming")).toEqual([]);
    const seen = async (found: GroupLog) => ({
      first: found.firstIndex(),
      last: found.lastIndex(),
      terms: [0, 1, last].map((index) => found.term(index)),
      base: found.baseSnapshot(),
      log: await wholeLog(found),
      offset: await found.locateOffsetAsync(41),
      time: await found.locateTimeAsync(415),
    });
    const whole = {
      first: 1,
      last,
      terms: [0, 1, 1],
      base: stateAt(last, 1, 9000),
      log: expected,
      offset: 42,
      time: 42,
    };
    expect(await seen(group)).toEqual(whole);
    await write(lane, { group, entries: entriesOf(last + 1, last + 2, 1) });
    await lane.close();
    const again = await openLane(disk);
    const recovered = again.groups()[0];
    expect(recovered?.lastIndex()).toBe(last + 2);
    expect(recovered && (await wholeLog(recovered)).slice(0, last)).toEqual(expected);
    await again.close();
    await source.lane.close();
  });

  it("begins where the sources' retention has cut, and can be trimmed in the same write", async () => {
    const source = await makeSource();
    const last = source.group.lastIndex();
    await write(source.lane, {
      group: source.group,
      trim: { throughIndex: 20, snapshot: stateAt(20, 1) },
    });
    await expect(source.group.exportEntries(20, last + 1, 1000)).rejects.toMatchObject({
      code: "not-found",
    });
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const group = await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, { afterIndex: 20, afterTerm: 1 });
    await addAll(log, await chunksOf(source.group, 21, last));
    await log.finish();
    const trim = { throughIndex: 30, snapshot: stateAt(last, 1) };
    await write(lane, { group, snapshot: stateAt(last, 1), shipped: log, trim });
    expect([group.firstIndex(), group.lastIndex(), group.term(30)]).toEqual([31, last, 1]);
    const expected = await wholeLog(group);
    await lane.close();
    const again = await openLane(disk);
    const [recovered] = again.groups();
    expect(recovered && (await wholeLog(recovered))).toEqual(expected);
    await again.close();
    await source.lane.close();
  });

  it("takes the place of an older log, whose extents live on for other groups", async () => {
    const source = await makeSource(3);
    const last = source.group.lastIndex();
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const group = await createGroup(lane, 1, 10);
    const other = await createGroup(lane, 2);
    await write(lane, { group, entries: entriesOf(1, 40, 1, 500) });
    group.committed(40);
    await fill(lane, other, 1);
    expect(group.entries(1, 2, 1)).toBe("temporarily-unavailable");
    await receive(lane, source.group, last, { afterIndex: 10, afterTerm: 1 });
    const expected = await wholeLog(group);
    expect(expected).toEqual((await wholeLog(source.group)).slice(10));
    await lane.close();
    const again = await openLane(disk);
    const [recovered] = again.groups();
    expect(recovered?.firstIndex()).toBe(11);
    expect(recovered && (await wholeLog(recovered)).map(indexOf)).toEqual(expected.map(indexOf));
    await again.close();
    await source.lane.close();
  });

  it("goes on after a restart without what was verified, and without what was torn", async () => {
    const source = await makeSource();
    const last = source.group.lastIndex();
    const chunks = await chunksOf(source.group, 1, last);
    const disk = new MemoryFileSystem();
    const options = { importPartBytes: 300_000 };
    const lane = await openLane(disk, options);
    await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, START);
    for (const chunk of chunks.slice(0, 9)) await log.add(chunk);
    const reached = log.nextIndex;
    await lane.close();
    const parts = filesIn(disk, "incoming");
    expect(parts.length).toBeGreaterThan(1);
    const newest = parts.at(-1) ?? "";
    disk.setBytes(newest, Buffer.concat([disk.bytesOf(newest), Buffer.alloc(500, 7)]));
    const again = await openLane(disk, options);
    const resumed = await again.openImport(1, START);
    expect(resumed.nextIndex).toBe(reached);
    expect(await again.openImport(1, START)).toBe(resumed);
    await addAll(resumed, chunks);
    await resumed.finish();
    const group = again.group(1);
    if (group === undefined) throw new Error("group 1 is missing");
    await write(again, { group, snapshot: stateAt(last, 1), shipped: resumed });
    expect(await wholeLog(group)).toEqual(await wholeLog(source.group));
    await again.close();
    await source.lane.close();
  });

  it("goes on up to a damaged byte only, and not at all from another beginning", async () => {
    const source = await makeSource();
    const chunks = await chunksOf(source.group, 1, source.group.lastIndex());
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { importPartBytes: 300_000 });
    await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, START);
    for (const chunk of chunks.slice(0, 9)) await log.add(chunk);
    await lane.close();
    const [first = ""] = filesIn(disk, "incoming");
    disk.flipBit(first, 64 + 5 * 20_032 + 1000, 3);
    const again = await openLane(disk);
    const resumed = await again.openImport(1, START);
    expect(resumed.nextIndex).toBe(6);
    expect(filesIn(disk, "incoming")).toEqual([first]);
    const other = await again.openImport(1, { afterIndex: 3, afterTerm: 2 });
    expect([other.afterIndex, other.nextIndex]).toEqual([3, 4]);
    expect(filesIn(disk, "incoming")).toEqual([]);
    await expect(resumed.add(chunks[0] ?? neverChunk)).rejects.toMatchObject({
      code: "wrong-state",
    });
    await again.close();
    await source.lane.close();
  });

  it("is refused with every single bit that is flipped on the way", async () => {
    const source = await makeSource(1, 300);
    const [chunk = neverChunk] = await chunksOf(source.group, 1, 4);
    const lane = await openLane(new MemoryFileSystem());
    await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, START);
    const accepted: number[] = [];
    for (let bit = 0; bit < chunk.frames.byteLength * 8; bit++) {
      const frames = Buffer.from(chunk.frames);
      frames.writeUInt8(frames.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await log.add({ ...chunk, frames }).then(
        () => accepted.push(bit),
        () => {},
      );
    }
    expect([accepted, log.nextIndex]).toEqual([[], 1]);
    await log.add(chunk);
    expect(log.nextIndex).toBe(5);
    await lane.close();
    await source.lane.close();
  });

  it("keeps nothing of a chunk that does not follow, or whose terms fall", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, 12);
    const lane = await openLane(new MemoryFileSystem());
    await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, { afterIndex: 0, afterTerm: 2 });
    const [first = neverChunk, second = neverChunk] = chunks;
    const refusals = [
      [second, "invalid-argument"],
      [first, "corrupt"],
      [{ ...first, lastIndex: 3 }, "corrupt"],
      [{ ...first, frames: first.frames.subarray(0, -1) }, "corrupt"],
      [{ ...first, frames: Buffer.alloc(0) }, "invalid-argument"],
    ] as const;
    for (const [chunk, code] of refusals) {
      await expect(log.add(chunk)).rejects.toMatchObject({ code });
    }
    expect(log.nextIndex).toBe(1);
    await log.abort();
    await lane.close();
    await source.lane.close();
  });

  it("is refused by a write that it does not end at, that is not its replica's, or before it is finished", async () => {
    const source = await makeSource(1);
    const lane = await openLane(new MemoryFileSystem());
    const group = await createGroup(lane, 1, 10);
    const other = await createGroup(lane, 2);
    const log = await lane.openImport(1, START);
    await addAll(log, await chunksOf(source.group, 1, 12));
    const submit = (target: GroupLog, index: number) => () => {
      lane.submit([{ group: target, snapshot: stateAt(index, 1), shipped: log }], () => {});
    };
    expect(submit(group, 12)).toThrow(/is receiving, but must be finished/);
    await log.finish();
    expect(submit(group, 13)).toThrow(/ends at entry 12 of term 1, the snapshot at 13/);
    expect(submit(other, 12)).toThrow(/import is of group 1/);
    await log.abort();
    expect(submit(group, 12)).toThrow(/is aborted/);
    await lane.close();
    await source.lane.close();
  });

  it("leaves no file behind when it is given up, or when its replica is gone", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, 12);
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    await createGroup(lane, 1, 10);
    const log = await lane.openImport(1, START);
    await addAll(log, chunks);
    await log.finish();
    await log.abort();
    expect([...filesIn(disk, "incoming"), ...filesIn(disk, "segments")]).toEqual([]);
    await addAll(await lane.openImport(1, START), chunks);
    await lane.dropGroup(1);
    expect(filesIn(disk, "incoming")).toEqual([]);
    await createGroup(lane, 1, 11);
    await addAll(await lane.openImport(1, START), chunks);
    await lane.close();
    const [part = ""] = filesIn(disk, "incoming");
    const foreign = part.replace("-1-11-", "-1-12-");
    disk.setBytes(foreign, disk.bytesOf(part));
    const again = await openLane(disk);
    expect(filesIn(disk, "incoming")).toEqual([part]);
    await again.close();
    await source.lane.close();
  });

  it("is one of a few, and its disk errors are its own", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, 12);
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    for (let groupId = 1; groupId <= 9; groupId++) await createGroup(lane, groupId);
    for (let groupId = 1; groupId <= 8; groupId++) await lane.openImport(groupId, START);
    await expect(lane.openImport(9, START)).rejects.toMatchObject({ code: "limit-exceeded" });
    await expect(lane.openImport(10, START)).rejects.toMatchObject({ code: "not-found" });
    const log = await lane.openImport(1, START);
    disk.fault = (operation, path) =>
      operation === "write" && path.endsWith(".part")
        ? Object.assign(new Error("no space left"), { code: "ENOSPC" })
        : undefined;
    await expect(addAll(log, chunks)).rejects.toMatchObject({ code: "disk-full" });
    await expect(addAll(log, chunks)).rejects.toMatchObject({ code: "wrong-state" });
    disk.fault = undefined;
    expect(lane.failed).toBe(undefined);
    const anew = await lane.openImport(1, START);
    await addAll(anew, chunks);
    expect(anew.nextIndex).toBe(13);
    await lane.close();
    await source.lane.close();
  });
});

const neverChunk = { firstIndex: 0, lastIndex: 0, frames: Buffer.alloc(0) };
const indexOf = (shown: unknown): unknown => (shown as { index: number }).index;
