import { describe, expect, it } from "vitest";

import type { DiskEvent } from "../disk/sim-disk.ts";
import { DiskOrder } from "./disk-order.ts";
import { DurableReplica, type DiskPromises } from "./disk-promises.ts";

const PAGE_BYTES = 4096;

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number) => Buffer.concat([u32(value), u32(0)]);

function frame(type: number, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([u32(type), u32(bytes.byteLength), bytes]);
}

/** One page of the log, as FORMAT.md draws it; its frames end before the first sector's stamp. */
function batch(fileSeq: number, ...frames: readonly Buffer[]): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  Buffer.concat([
    Buffer.alloc(16),
    u64(fileSeq),
    Buffer.alloc(8),
    u32(frames.length),
    Buffer.alloc(12),
    ...frames,
  ]).copy(page);
  return page;
}

const freeing = (freeBelow: number) => frame(9, u64(freeBelow), u32(0), u32(0));
const naming = (segment: number) => frame(9, u64(0), u32(1), u64(segment), u32(1), u32(0));
const entries = (first: number, count: number) => frame(4, u64(7), u64(first), u32(count));
const state = (index: number, file: number) =>
  Buffer.concat([
    u64(index),
    u64(1),
    Buffer.alloc(4 * 2 + 1),
    Buffer.from([1]),
    u64(file),
    Buffer.alloc(16),
  ]);
const trimmed = (file: number) => frame(8, u64(7), u64(1), u64(1), state(1, file));
const checkpoint = (term: number, vote: number) =>
  frame(
    2,
    Buffer.concat([u64(7), u64(11), u32(0), u32(0), u64(term), u64(vote), u64(0)]),
    Buffer.concat([Buffer.alloc(24 + 16 + 8 + 1), Buffer.from([0]), u32(0), Buffer.from([1])]),
  );

/** A disk on which `lacking` is not durable, with a replica of term 4, vote 12 and entries 1 to 3. */
function order(lacking: readonly string[] = [], commitIndex = 1) {
  const replica = new DurableReplica(11);
  replica.take({
    group: {} as never,
    entries: [1, 2, 3].map((index) => ({
      index,
      term: 4,
      type: "EntryNormal",
      data: Buffer.of(1),
    })),
  });
  const broken: string[] = [];
  const disks = {
    replica: () => replica,
    knownVotes: () => [{ term: 4, vote: 12 }],
  } as unknown as DiskPromises;
  const watch = new DiskOrder({
    disks,
    isRotten: () => false,
    commitIndex: () => commitIndex,
    broken: (sentence) => void broken.push(sentence),
  });
  const disk = { isDurable: (path: string) => !lacking.includes(path) };
  const path = (fileSeq: number) => `/lane/wal/${String(fileSeq).padStart(10, "0")}.wal`;
  const saw = (event: DiskEvent): void => watch.saw(1, disk, event);
  return {
    broken,
    start: () => watch.opened(1, disk, "a"),
    write: (fileSeq: number, ...frames: readonly Buffer[]): void => {
      const event = { operation: "write", path: path(fileSeq), position: PAGE_BYTES } as const;
      saw({ ...event, moment: "pending", parts: [batch(fileSeq, ...frames)] });
      saw({ ...event, moment: "after" });
    },
    free: (fileSeq: number): void => {
      saw({ moment: "before", operation: "rename", path: path(fileSeq), to: "/lane/wal/spare-1" });
    },
  };
}

describe("the order in which things become durable", () => {
  it("is that of segments and states before the batch that names them (O24)", () => {
    const sound = order();
    sound.write(2, naming(5), trimmed(6));
    expect(sound.broken).toEqual([]);
    const bad = order(["/lane/segments/0000000005.seg", "/lane/states/0000000006.state"]);
    bad.write(2, naming(5), trimmed(6));
    expect(bad.broken).toEqual([
      "O24: node 1: file 2 of the log names /lane/segments/0000000005.seg, which is not durable",
      "O24: node 1: file 2 of the log names /lane/states/0000000006.state, which is not durable",
    ]);
  });

  it("frees a file of the log behind the batch that says so (O25)", () => {
    const sound = order();
    sound.write(1, freeing(1));
    sound.write(2, freeing(2));
    sound.free(1);
    expect(sound.broken).toEqual([]);
    const bad = order();
    bad.write(1, freeing(1));
    bad.free(1);
    expect(bad.broken).toEqual(["O25: node 1: file 1 of the log goes, while 1 is needed"]);
  });

  it("lets a file go that was never used", () => {
    const { broken, free } = order();
    free(3);
    expect(broken).toEqual([]);
  });

  it("copies what is not committed before its file goes (O26)", () => {
    const sound = order();
    sound.write(1, entries(1, 3));
    sound.write(2, entries(2, 2), freeing(2));
    sound.free(1);
    expect(sound.broken).toEqual([]);
    const bad = order();
    bad.write(1, entries(1, 3));
    bad.write(2, entries(3, 1), freeing(2));
    bad.free(1);
    expect(bad.broken).toEqual([
      "O26: node 1: file 1 of the log goes with the only copy of entry 2 of group 7",
    ]);
  });

  it("begins a file with the votes that were written (O27)", () => {
    const sound = order();
    sound.write(2, checkpoint(4, 12));
    expect(sound.broken).toEqual([]);
    const bad = order();
    bad.write(2, checkpoint(4, 0));
    expect(bad.broken).toEqual([
      "O27: node 1: file 2 of the log begins with term 4, vote 0 of group 7, " +
        "but term/vote 4/12 were written",
    ]);
  });

  it("begins a life with a durable identity (O28)", () => {
    const bad = order(["/lane/identity"]);
    bad.start();
    expect(bad.broken).toEqual(["O28: node 1: it starts, but /lane/identity is not durable"]);
  });
});
