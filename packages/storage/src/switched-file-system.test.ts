import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { SwitchedFileSystem } from "./switched-file-system.ts";
import { fileSystemSuite } from "./testing/file-system-suite.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

async function world() {
  const inner = new MemoryFileSystem();
  await inner.makeDirectory("/folder");
  await inner.makeDirectory("/switches");
  const clock = new VirtualClock();
  const fileSystem = new SwitchedFileSystem(inner, clock, {
    fileSystem: inner,
    folder: "/switches",
  });
  const turn = async (name: string, on: boolean) => {
    const path = `/switches/${name}`;
    if (on) await (await inner.open(path, { mode: "read-write", create: "if-missing" })).close();
    else await inner.remove(path);
  };
  return { fileSystem, folder: "/folder", clock, turn };
}

fileSystemSuite("switched, all faults off", world);

describe("a disk that fails on command", () => {
  const open = async () => {
    const made = await world();
    const file = await made.fileSystem.open("/folder/a", {
      mode: "read-write",
      create: "if-missing",
    });
    return { ...made, file, write: () => file.write([Buffer.from("x")], 0) };
  };

  it("refuses writes and syncs with EIO", async () => {
    const { turn, file, write, fileSystem } = await open();
    await turn("eio", true);
    for (const call of [write, () => file.sync(), () => fileSystem.syncDirectory("/folder")]) {
      await expect(call()).rejects.toMatchObject({ code: "EIO" });
    }
    await turn("eio", false);
    await write();
    expect(await file.size()).toBe(1);
  });

  it("runs low, and is full", async () => {
    const { turn, write, fileSystem } = await open();
    await turn("low", true);
    await write();
    expect((await fileSystem.space("/folder")).freeBytes).toBe(0);
    await turn("low", false);
    await turn("full", true);
    await expect(write()).rejects.toMatchObject({ code: "ENOSPC" });
    expect((await fileSystem.space("/folder")).freeBytes).toBe(0);
    await turn("full", false);
    await write();
    expect((await fileSystem.space("/folder")).freeBytes).toBeGreaterThan(0);
  });

  it("holds a write back until the stall is over", async () => {
    const { turn, file, write, clock } = await open();
    await turn("stall", true);
    const state = { isDone: false };
    const written = write().then(() => (state.isDone = true));
    for (let step = 0; step < 10; step++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(20);
    }
    expect([state.isDone, await file.size()]).toEqual([false, 0]);
    await turn("stall", false);
    while (!state.isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(20);
    }
    await written;
    expect(await file.size()).toBe(1);
  });
});
