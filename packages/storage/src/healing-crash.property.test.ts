import type { Random } from "@millrace/base";
import { SeededRandom } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import type { GroupLog } from "./group-log.ts";
import type { LogChunk, LogImport } from "./healing-types.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { addAll, chunksOf, fill, makeSource } from "./testing/healing-fixture.ts";
import { CONF, createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import type { CrashOptions } from "./testing/memory-file-system.ts";

const OPTIONS = { tailCacheBytes: 0, importPartBytes: 100_000 };
const LOSSES: readonly CrashOptions["lose"][] = ["all", "subset", "process"];

/** Runs `work` on the disk and crashes it at its n-th operation; resolves with whether it came so far. */
async function crashedAt(
  disk: MemoryFileSystem,
  operation: number,
  lose: CrashOptions["lose"],
  work: (fileSystem: ReturnType<MemoryFileSystem["attach"]>) => Promise<unknown>,
): Promise<boolean> {
  const random: Random = new SeededRandom(operation);
  const attached = disk.attach();
  let left = operation;
  let crashed = false;
  const falls = new Promise<void>((resolve) => {
    disk.observe = () => {
      if (crashed || --left > 0) return;
      crashed = true;
      disk.observe = undefined;
      disk.crash({ lose, random });
      resolve();
    };
  });
  await Promise.race([falls, work(attached)]);
  disk.observe = undefined;
  return crashed;
}

function groupOf(lane: LaneStorage): GroupLog {
  const group = lane.group(1);
  if (group === undefined) throw new Error("group 1 is missing");
  return group;
}

const stateAt = (index: number) => ({
  index,
  term: 1,
  confState: CONF,
  state: Buffer.alloc(9000, index),
});

describe("a crash at every operation of an import (I2, I3)", () => {
  async function install(lane: LaneStorage, chunks: readonly LogChunk[]): Promise<void> {
    const log = await lane.openImport(1, { afterIndex: 5, afterTerm: 1 });
    await addAll(log, chunks);
    await log.finish();
    const group = groupOf(lane);
    const last = chunks.at(-1)?.lastIndex ?? 0;
    await write(lane, { group, snapshot: stateAt(last), shipped: log });
  }

  it("leaves the old log or the new one, and an import that goes on", async () => {
    const source = await makeSource(1);
    const chunks = await chunksOf(source.group, 6, 26, 60_000);
    const newLog = (await wholeLog(source.group)).slice(5, 26);
    const prepared = new MemoryFileSystem();
    const first = await openLane(prepared, OPTIONS);
    const group = await createGroup(first, 1, 10);
    await write(first, { group, entries: entriesOf(1, 12, 1, 3000) });
    const oldLog = await wholeLog(group);
    await first.close();
    const wrong: unknown[] = [];
    let crashes = 0;
    let resumed = 0;
    for (const lose of LOSSES) {
      for (let operation = 1; ; operation++) {
        const disk = prepared.clone();
        const reached = await crashedAt(disk, operation, lose, async (fileSystem) => {
          await install(await openLane(fileSystem, OPTIONS), chunks);
        });
        if (!reached) break;
        crashes++;
        const lane = await openLane(disk.attach(), OPTIONS);
        const found = JSON.stringify(await wholeLog(groupOf(lane)));
        const isNew = found === JSON.stringify(newLog);
        if (!isNew && found !== JSON.stringify(oldLog)) wrong.push({ lose, operation, found });
        if (!isNew) {
          const log = await lane.openImport(1, { afterIndex: 5, afterTerm: 1 });
          if (log.nextIndex > 6) resumed++;
          await install(lane, chunks);
        }
        const healed = JSON.stringify(await wholeLog(groupOf(lane)));
        if (healed !== JSON.stringify(newLog)) wrong.push({ lose, operation, healed });
        await lane.close();
      }
    }
    expect(wrong).toEqual([]);
    expect([crashes > 60, resumed > 10]).toEqual([true, true]);
    await source.lane.close();
  });
});

describe("a crash at every operation of a repair", () => {
  async function repair(lane: LaneStorage, chunks: readonly LogChunk[]): Promise<void> {
    const group = groupOf(lane);
    await wholeLog(group).catch(() => {});
    const [range] = group.damagedRanges();
    if (range === undefined) return;
    const from = { afterIndex: range.firstIndex - 1, afterTerm: range.firstIndex > 1 ? 1 : 0 };
    const log: LogImport = await lane.openImport(1, from);
    await addAll(log, chunks);
    await lane.repair(1, range, log);
  }

  it("leaves the damaged extent or the whole one, and nothing between", async () => {
    const prepared = new MemoryFileSystem();
    const first = await openLane(prepared, OPTIONS);
    const group = await createGroup(first, 1, 10);
    const other = await createGroup(first, 2, 20);
    await write(first, { group, entries: entriesOf(1, 20, 1, 20_001) });
    group.committed(20);
    await fill(first, other, 1);
    const expected = JSON.stringify(await wholeLog(group));
    const chunks = await chunksOf(group, 1, 20);
    await first.close();
    const data = entriesOf(9, 9, 1, 20_001)[0]?.data ?? Buffer.alloc(0);
    for (const path of prepared.paths().filter((name) => name.endsWith(".seg"))) {
      const at = prepared.bytesOf(path).indexOf(data);
      if (at >= 0) prepared.flipBit(path, at + 100, 1);
    }
    const wrong: unknown[] = [];
    const seen = { damaged: 0, whole: 0 };
    for (const lose of LOSSES) {
      for (let operation = 1; ; operation++) {
        const disk = prepared.clone();
        const reached = await crashedAt(disk, operation, lose, async (fileSystem) => {
          const lane = await openLane(fileSystem, OPTIONS);
          await repair(lane, chunks);
          await lane.close();
        });
        if (!reached) break;
        const lane = await openLane(disk.attach(), OPTIONS);
        const found = await wholeLog(groupOf(lane)).then(
          (log) => JSON.stringify(log),
          (error: { code?: string }) => error.code,
        );
        if (found === expected) seen.whole++;
        else if (found === "corrupt") seen.damaged++;
        else wrong.push({ lose, operation, found });
        await repair(lane, chunks);
        const healed = JSON.stringify(await wholeLog(groupOf(lane)));
        if (healed !== expected) wrong.push({ lose, operation, healed });
        await lane.close();
      }
    }
    expect(wrong).toEqual([]);
    expect([seen.damaged > 60, seen.whole > 0]).toEqual([true, true]);
  });
});
