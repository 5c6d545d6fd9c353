import { describe, expect, it } from "vitest";

import { addAll, chunksOf, makeSource } from "./testing/healing-fixture.ts";
import { CONF, createGroup, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const START = { afterIndex: 0, afterTerm: 0 };
const LAST = 12;
const snapshot = { index: LAST, term: 1, confState: CONF, state: Buffer.alloc(10) };

const received = (disk: MemoryFileSystem) =>
  disk.paths().filter((path) => /^\/lane\/(incoming|segments)\//.test(path));

describe("the import of a replica that is quarantined while its log is on its way", () => {
  it("is not taken for that of its successor, nor gives it up later (S8, I3)", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, LAST);
    const lane = await openLane(new MemoryFileSystem());
    await createGroup(lane, 1, 10);
    const former = await lane.openImport(1, START);
    await addAll(former, chunks.slice(0, 1));
    await lane.quarantine(1, "its log went back");
    const group = await createGroup(lane, 1, 11);
    const log = await lane.openImport(1, START);
    expect([log.replicaId, log.nextIndex]).toEqual([11, 1]);
    await addAll(log, chunks);
    await log.finish();
    // Whoever received the former one hears late that its replica has gone.
    await expect(addAll(former, chunks)).rejects.toMatchObject({ code: "wrong-state" });
    await former.abort();
    await write(lane, { group, snapshot, shipped: log });
    expect(await wholeLog(group)).toEqual((await wholeLog(source.group)).slice(0, LAST));
    await lane.close();
    await source.lane.close();
  });

  it("leaves neither files nor its place among the imports of the lane behind", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 1, LAST);
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    for (let groupId = 1; groupId <= 9; groupId++) await createGroup(lane, groupId);
    for (let groupId = 1; groupId <= 8; groupId++) await lane.openImport(groupId, START);
    const log = await lane.openImport(1, START);
    await addAll(log, chunks);
    await log.finish();
    expect(received(disk)).toHaveLength(1);
    await lane.quarantine(1, "its log went back");
    expect(received(disk)).toEqual([]);
    expect((await lane.openImport(9, START)).nextIndex).toBe(1);
    await lane.close();
    await source.lane.close();
  });
});
