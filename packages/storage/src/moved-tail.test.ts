import { describe, expect, it } from "vitest";

import { framePieces } from "./operations.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const indexesOf = (pieces: Iterable<readonly { readonly index: number }[]>) =>
  [...pieces].map((piece) => piece.map(({ index }) => index));

describe("an uncommitted tail that moves from file to file (W6)", () => {
  it("goes into frames without gaps, because a frame numbers its entries from the first one", () => {
    const entries = [...entriesOf(1, 3, 1), ...entriesOf(7, 8, 1), ...entriesOf(10, 10, 1)];
    expect(indexesOf(framePieces(entries))).toEqual([[1, 2, 3], [7, 8], [10]]);
  });

  it("is whole after a restart, although one file held its begin and its end", async () => {
    const disk = new MemoryFileSystem();
    const lane = await openLane(disk);
    const [tail, filler] = [await createGroup(lane, 1), await createGroup(lane, 2)];
    let tailLast = 0;
    while (lane.stats().flushes < 8) {
      const next = filler.lastIndex() + 1;
      filler.committed(next - 1);
      const appended = entriesOf(tailLast + 1, ++tailLast, 1, 2_000);
      await write(
        lane,
        { group: tail, entries: appended },
        { group: filler, entries: entriesOf(next, next, 1, 40_000) },
      );
    }
    await lane.close();
    const again = await openLane(disk);
    const log = again.group(1);
    expect(log && (await wholeLog(log))).toEqual(
      entriesOf(1, tailLast, 1, 2_000).map(({ data, ...rest }) => ({
        ...rest,
        data: Buffer.from(data).toString("hex"),
      })),
    );
    await again.close();
  });
});
