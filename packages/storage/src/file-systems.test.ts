import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SeededRandom } from "@millrace/base/testing";
import { afterAll, describe, expect, it } from "vitest";

import { NodeFileSystem } from "./node-file-system.ts";
import { fileSystemSuite } from "./testing/file-system-suite.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

fileSystemSuite("node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-storage-"));
  made.push(folder);
  return { fileSystem: new NodeFileSystem(), folder };
});

fileSystemSuite("memory", async () => {
  const fileSystem = new MemoryFileSystem();
  await fileSystem.makeDirectory("/folder");
  return { fileSystem, folder: "/folder" };
});

describe("the disk in memory", () => {
  const random = new SeededRandom(1);
  const openNew = async (disk: MemoryFileSystem, path: string, syncedWrites: boolean) =>
    disk.open(path, { mode: "read-write", create: "if-missing", syncedWrites });

  it("loses what was not synced: bytes by file, names by folder", async () => {
    const disk = new MemoryFileSystem();
    await disk.makeDirectory("/f");
    const kept = await openNew(disk, "/f/kept", true);
    await kept.write([Buffer.from("durable")], 0);
    await disk.syncDirectory("/f");
    const unsynced = await openNew(disk, "/f/kept", false);
    await unsynced.write([Buffer.from("DUR")], 0);
    await openNew(disk, "/f/unnamed", true);
    disk.crash({ lose: "all", random });
    expect([disk.paths(), disk.bytesOf("/f/kept").toString()]).toEqual([["/f/kept"], "durable"]);
  });

  it("keeps any subset of unsynced sectors, in any order", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const disk = new MemoryFileSystem();
      const file = await openNew(disk, "/x", false);
      await file.write([Buffer.alloc(1024, 97)], 0);
      await file.sync();
      await disk.syncDirectory("/");
      await file.write([Buffer.alloc(1024, 98)], 0);
      disk.crash({ lose: "subset", sectorBytes: 512, random: new SeededRandom(seed) });
      const bytes = disk.bytesOf("/x");
      seen.add(`${bytes.toString("latin1", 0, 1)}${bytes.toString("latin1", 512, 513)}`);
    }
    expect([...seen].sort()).toEqual(["aa", "ab", "ba", "bb"]);
  });

  it("stops a dead process: nothing of it takes effect after the crash", async () => {
    const disk = new MemoryFileSystem();
    const process = disk.attach();
    const opened = process.open("/late", { mode: "read-write", create: "if-missing" });
    disk.crash({ lose: "none", random });
    const winner = await Promise.race([
      opened,
      new Promise((resolve) => setImmediate(resolve, "nothing")),
    ]);
    expect([winner, disk.paths()]).toEqual(["nothing", []]);
  });

  it("is full at its capacity", async () => {
    const disk = new MemoryFileSystem({ capacityBytes: 100 });
    const file = await openNew(disk, "/x", false);
    await file.write([Buffer.alloc(100)], 0);
    await expect(file.write([Buffer.alloc(1)], 100)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await disk.space()).toEqual({ freeBytes: 0, totalBytes: 100 });
  });
});
