import { describe, expect, it } from "vitest";

import type { GroupLog } from "./group-log.ts";
import type { LaneStorage } from "./lane-storage.ts";
import { framePieces } from "./operations.ts";
import { crashRun } from "./testing/crash-run.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const MIB = 1 << 20;

const indexesOf = (pieces: Iterable<readonly { readonly index: number }[]>) =>
  [...pieces].map((piece) => piece.map(({ index }) => index));

const shown = (from: number, to: number, bytes: number) =>
  entriesOf(from, to, 1, bytes).map(({ data, ...rest }) => ({
    ...rest,
    data: Buffer.from(data).toString("hex"),
  }));

/** A disk on which each flush waits for a permit before it is published. */
function slowFlushes() {
  const waiting: (() => void)[] = [];
  let permits = 0;
  const disk = new MemoryFileSystem({
    latency: async (operation, path) => {
      if (operation !== "syncDirectory" || path !== "/lane/segments") return;
      if (permits > 0) permits--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
  });
  const permit = (count: number) => {
    for (let given = 0; given < count; given++) {
      const next = waiting.shift();
      if (next === undefined) permits++;
      else next();
    }
  };
  return { disk, permit };
}

/** Commits entries of `filler`, and leaves those of `tail` uncommitted, until `done`. */
async function appendUntil(
  lane: LaneStorage,
  tail: GroupLog,
  filler: GroupLog,
  done: () => boolean,
): Promise<void> {
  while (!done()) {
    const [stuck, next] = [tail.lastIndex() + 1, filler.lastIndex() + 1];
    filler.committed(next - 1);
    await write(
      lane,
      { group: tail, entries: entriesOf(stuck, stuck, 1, 2000) },
      { group: filler, entries: entriesOf(next, next, 1, 40_000) },
    );
  }
}

describe("an uncommitted tail that moves from file to file (W6)", () => {
  it("goes into frames without gaps, because a frame numbers its entries from the first one", () => {
    const entries = [...entriesOf(1, 3, 1), ...entriesOf(7, 8, 1), ...entriesOf(10, 10, 1)];
    expect(indexesOf(framePieces(entries))).toEqual([[1, 2, 3], [7, 8], [10]]);
  });

  it("keeps its indexes when one file holds its begin and its end, and another the middle", async () => {
    const { disk, permit } = slowFlushes();
    const lane = await openLane(disk);
    const [tail, filler] = [await createGroup(lane, 1), await createGroup(lane, 2)];
    const until = (done: () => boolean) => appendUntil(lane, tail, filler, done);
    // The begin moves into the third file while the middle waits in the second one.
    await until(() => lane.stats().walFiles === 3);
    permit(1);
    await until(() => lane.stats().flushes === 1);
    await until(() => lane.stats().walFiles === 3);
    permit(2);
    await until(() => lane.stats().flushes === 3);
    permit(10);
    await lane.close();
    const again = await openLane(disk);
    const log = again.group(1);
    expect(log && (await wholeLog(log))).toEqual(shown(1, tail.lastIndex(), 2000));
    await again.close();
  });

  it.each([8, 9, 10, 37])(
    "is whole after the crashes of seed %i, which once lost it",
    async (seed) => {
      expect(await crashRun(seed)).toEqual([]);
    },
  );

  it("may be many times as large as a file, and costs a few copies of itself", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk, { tailCacheBytes: 0 });
    const groups: GroupLog[] = [];
    for (let groupId = 1; groupId <= 4; groupId++) groups.push(await createGroup(lane, groupId));
    const append = (count: number, bytes: number) =>
      write(
        lane,
        ...groups.map((group) => {
          const from = group.lastIndex() + 1;
          return { group, entries: entriesOf(from, from + count - 1, 1, bytes) };
        }),
      );
    for (let turn = 0; turn < 64; turn++) await append(2, 32_000);
    expect(lane.stats().pinnedBytes).toBeGreaterThan(15 * MIB);
    expect(lane.stats().walBytes).toBeLessThan(64 * MIB);
    for (let turn = 0; turn < 160; turn++) {
      for (const group of groups) group.committed(group.lastIndex());
      await append(2, 32_000);
    }
    await lane.close();
    expect(lane.stats().pinnedBytes).toBeLessThan(8 * MIB);
    expect(lane.stats().walFiles).toBeLessThanOrEqual(4);
    const again = await openLane(disk, { tailCacheBytes: 0 });
    for (const group of again.groups()) {
      expect(await wholeLog(group)).toEqual(shown(1, 448, 32_000));
    }
    await again.close();
  });
});
