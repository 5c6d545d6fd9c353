import { SeededRandom, VirtualClock } from "@millrace/base/testing";
import { fileSystemSuite } from "@millrace/storage/testing/file-system-suite";
import { describe, expect, it } from "vitest";

import { SimDisk } from "./sim-disk.ts";
import type { PowerCut } from "./sim-disk.ts";

const newDisk = (seed = 1, keepsHistory = false) =>
  new SimDisk({ random: new SeededRandom(seed), keepsHistory });

fileSystemSuite("simulated", async () => {
  const fileSystem = newDisk().mount();
  await fileSystem.makeDirectory("/folder");
  return { fileSystem, folder: "/folder" };
});

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

async function durableFile(disk: SimDisk, path: string, bytes: Uint8Array) {
  const file = await disk.mount().open(path, { mode: "read-write", create: "if-missing" });
  await file.write([bytes], 0);
  await file.sync();
  await disk.mount().syncDirectory("/");
  return file;
}

/** First byte of each of two sectors after a write of both was interrupted. */
async function cutTwoSectors(seed: number, cut: PowerCut, sectorBytes = 512): Promise<string> {
  const disk = newDisk(seed);
  const file = await durableFile(disk, "/x", Buffer.alloc(2 * sectorBytes, "a"));
  await file.write([Buffer.alloc(2 * sectorBytes, "b")], 0);
  disk.powerCut(cut);
  const bytes = text(disk.bytesOf("/x"));
  return `${bytes.at(0) ?? ""}${bytes.at(sectorBytes) ?? ""}`;
}

describe("a power cut (reference D.4)", () => {
  it("keeps the sectors that each way of losing allows, and no others", async () => {
    const seen: Record<string, string[]> = {};
    for (const lose of ["all", "none", "subset", "prefix", "suffix"] as const) {
      const outcomes = new Set<string>();
      for (let seed = 0; seed < 60; seed++) outcomes.add(await cutTwoSectors(seed, { lose }));
      seen[lose] = [...outcomes].sort();
    }
    expect(seen).toEqual({
      all: ["aa"],
      none: ["bb"],
      subset: ["aa", "ab", "ba", "bb"],
      prefix: ["aa", "ba", "bb"],
      suffix: ["aa", "ab", "bb"],
    });
  });

  it("tears no page of a device that writes pages whole", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      outcomes.add(await cutTwoSectors(seed, { lose: "subset", atomicBytes: 4096 }));
    }
    expect([...outcomes].sort()).toEqual(["aa", "bb"]);
  });

  it("loses a name whose folder was not synced, and undoes a rename", async () => {
    const disk = newDisk();
    await durableFile(disk, "/old", Buffer.from("old"));
    const fileSystem = disk.mount();
    await fileSystem.makeDirectory("/other");
    await fileSystem.rename("/old", "/other/new");
    const made = await fileSystem.open("/made", { mode: "read-write", create: "exclusive" });
    await made.write([Buffer.from("made")], 0);
    await made.sync();
    // One folder of two: the rename is not durable yet.
    await fileSystem.syncDirectory("/other");
    disk.powerCut({ lose: "all" });
    expect([disk.paths, text(disk.bytesOf("/old"))]).toEqual([["/old"], "old"]);
  });

  it("does not move a new file by an old rename that becomes durable late", async () => {
    const disk = newDisk();
    await durableFile(disk, "/x", Buffer.from("old"));
    await disk.mount().makeDirectory("/other");
    await disk.mount().rename("/x", "/other/x");
    await durableFile(disk, "/x", Buffer.from("new"));
    disk.powerCut({ lose: "none" });
    expect(text(disk.bytesOf("/x"))).toBe("new");
  });

  it("brings back the size and the bytes of a file that was cut but not synced", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("whole"));
    await file.truncate(2);
    disk.powerCut({ lose: "all" });
    expect(text(disk.bytesOf("/x"))).toBe("whole");
  });
});

describe("a crash fences the old process", () => {
  it("keeps unsynced bytes when only the process dies, and loses them with the power", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("one"));
    await file.write([Buffer.from("two")], 0);
    disk.killProcess();
    const afterKill = text(disk.bytesOf("/x"));
    disk.powerCut({ lose: "all" });
    expect([afterKill, text(disk.bytesOf("/x"))]).toEqual(["two", "one"]);
  });

  it("lets no operation of the dead process take effect, under way or new", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("one"));
    const fileSystem = disk.mount();
    const opened = fileSystem.open("/late", { mode: "read-write", create: "if-missing" });
    const cut = file.truncate(0);
    disk.killProcess();
    const outcomes = await Promise.allSettled([
      opened,
      cut,
      file.write([Buffer.from("two")], 0),
      fileSystem.rename("/x", "/y"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    await expect(fileSystem.list("/")).rejects.toMatchObject({ code: "ESTALE" });
    expect([disk.paths, text(disk.bytesOf("/x"))]).toEqual([["/x"], "one"]);
  });
});

describe("faults that wait for an operation", () => {
  it("drops the pages of a failed sync, after which a second sync succeeds and saves nothing", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("one"));
    await file.write([Buffer.from("two")], 0);
    disk.arm({ kind: "sync-error" });
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    await file.sync();
    const cached = text(disk.bytesOf("/x"));
    disk.evictCaches();
    expect([cached, text(disk.bytesOf("/x"))]).toEqual(["two", "one"]);
    expect(disk.faultCounts.get("sync-error")).toEqual({ fired: 1, effective: 1 });
  });

  it("fails the write or read it was aimed at, and no other", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("one"));
    disk.arm({ kind: "write-error", skip: 1, matches: (path) => path === "/x" });
    await file.write([Buffer.from("1")], 0);
    await expect(file.write([Buffer.from("2")], 1)).rejects.toMatchObject({ code: "EIO" });
    disk.arm({ kind: "no-space" });
    await expect(file.write([Buffer.from("2")], 1)).rejects.toMatchObject({ code: "ENOSPC" });
    disk.arm({ kind: "read-error" });
    await expect(file.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: "EIO" });
    expect(await file.read(Buffer.alloc(3), 0)).toBe(3);
  });

  it("is full at its capacity", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.alloc(100));
    disk.setCapacity(100);
    await expect(file.write([Buffer.alloc(1)], 100)).rejects.toMatchObject({ code: "ENOSPC" });
    await file.write([Buffer.alloc(1)], 99);
    expect(await disk.mount().space("/")).toEqual({ freeBytes: 0, totalBytes: 100 });
  });

  it("writes to the wrong place", async () => {
    const disk = newDisk();
    const file = await durableFile(disk, "/x", Buffer.from("abcdef"));
    disk.arm({ kind: "misdirected-write", byBytes: 3 });
    await file.write([Buffer.from("X")], 0);
    expect(text(disk.bytesOf("/x"))).toBe("abcXef");
  });

  it("stalls on the injected clock", async () => {
    const clock = new VirtualClock();
    const disk = new SimDisk({ random: new SeededRandom(1), clock, writeMs: [0, 0] });
    await disk.mount().makeDirectory("/f");
    disk.arm({ kind: "stall", stallMs: 1000 });
    let done = false;
    const synced = disk
      .mount()
      .syncDirectory("/f")
      .then(() => (done = true));
    clock.advance(999);
    await Promise.resolve();
    const early = done;
    clock.advance(1);
    await synced;
    expect([early, done]).toEqual([false, true]);
  });
});

describe("damage on the platter", () => {
  it("counts what it changed: bits, stale sectors, length, everything", async () => {
    const disk = newDisk(1, true);
    const file = await durableFile(disk, "/x", Buffer.from("one"));
    await file.write([Buffer.from("two")], 0);
    await file.sync();
    disk.restoreStale("/x", 0);
    const stale = text(disk.bytesOf("/x"));
    disk.flipBit("/x", 0, 0);
    const flipped = text(disk.bytesOf("/x"));
    disk.cutFile("/x", 1);
    disk.cutFile("/x", 5);
    const short = text(disk.bytesOf("/x"));
    disk.wipe();
    expect([stale, flipped, short, disk.paths]).toEqual(["one", "nne", "n", []]);
    expect(Object.fromEntries(disk.faultCounts)).toEqual({
      "stale-sector": { fired: 1, effective: 1 },
      "bit-flip": { fired: 1, effective: 1 },
      truncation: { fired: 2, effective: 1 },
      wipe: { fired: 1, effective: 1 },
    });
  });

  it("exchanges the disks of two machines", async () => {
    const [one, two] = [newDisk(1), newDisk(2)];
    await durableFile(one, "/one", Buffer.from("1"));
    one.swapWith(two);
    expect([one.paths, two.paths]).toEqual([[], ["/one"]]);
  });
});
