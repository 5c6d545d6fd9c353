import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SeededRandom } from "@millrace/base/testing";
import { afterAll, describe, expect, it } from "vitest";

import { NodeFileSystem } from "./node-file-system.ts";
import { PowerCutFileSystem } from "./power-cut-file-system.ts";
import { fileSystemSuite } from "./testing/file-system-suite.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-power-"));
  made.push(folder);
  return folder;
}

/** A process on the disk of `folder`; the one before it, if any, has lost its power. */
function start(folder: string, earlyPercent: number, seed = 1): Promise<PowerCutFileSystem> {
  return PowerCutFileSystem.start({
    inner: new NodeFileSystem(),
    random: new SeededRandom(seed),
    shadowFolder: join(folder, "shadow"),
    earlyPercent,
  });
}

const data = (folder: string) => join(folder, "data");

async function withData(earlyPercent: number, seed?: number) {
  const folder = newFolder();
  const fileSystem = await start(folder, earlyPercent, seed);
  await fileSystem.makeDirectory(data(folder));
  return { fileSystem, folder: data(folder), root: folder };
}

for (const percent of [0, 25, 100]) {
  fileSystemSuite(`power cuts, ${percent} % written early`, () => withData(percent));
}

const file = (fileSystem: PowerCutFileSystem, path: string, syncedWrites = false) =>
  fileSystem.open(path, { mode: "read-write", create: "if-missing", syncedWrites });

describe("a disk that loses what was not synced", () => {
  it("loses unsynced bytes and keeps synced ones", async () => {
    const { fileSystem, folder } = await withData(0);
    const log = await file(fileSystem, `${folder}/log`, true);
    await fileSystem.syncDirectory(folder);
    await log.write([Buffer.from("durable")], 0);
    const other = await file(fileSystem, `${folder}/log`);
    await other.write([Buffer.from("gone")], 7);
    expect(await other.size()).toBe(11);
    expect(readFileSync(`${folder}/log`, "latin1")).toBe("durable");
    await other.sync();
    expect(readFileSync(`${folder}/log`, "latin1")).toBe("durablegone");
  });

  it("loses a synced file whose folder was not synced", async () => {
    const { fileSystem, folder, root } = await withData(0);
    const made = await file(fileSystem, `${folder}/a`, true);
    await made.write([Buffer.from("x")], 0);
    expect([await fileSystem.list(folder), readdirSync(folder)]).toEqual([["a"], []]);
    const next = await start(root, 0);
    expect([await next.list(folder), readdirSync(join(root, "shadow"))]).toEqual([[], []]);
  });

  it("brings back what was removed or renamed over until the folder is synced", async () => {
    const { fileSystem, folder } = await withData(0);
    for (const name of ["old", "new", "dead"]) {
      const one = await file(fileSystem, `${folder}/${name}`, true);
      await one.write([Buffer.from(name)], 0);
    }
    await fileSystem.syncDirectory(folder);
    await fileSystem.rename(`${folder}/new`, `${folder}/old`);
    await fileSystem.remove(`${folder}/dead`);
    expect(await fileSystem.list(folder)).toEqual(["old"]);
    expect(readdirSync(folder).sort()).toEqual(["dead", "new", "old"]);
    expect(readFileSync(`${folder}/old`, "latin1")).toBe("old");
    await fileSystem.syncDirectory(folder);
    expect(readdirSync(folder)).toEqual(["old"]);
    expect(readFileSync(`${folder}/old`, "latin1")).toBe("new");
  });

  it("keeps any subset of unsynced pages, later ones without earlier ones, too", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const { fileSystem, folder } = await withData(50, seed);
      const log = await file(fileSystem, `${folder}/log`);
      await fileSystem.syncDirectory(folder);
      await log.write([Buffer.alloc(8192, "a")], 0);
      await log.sync();
      await log.write([Buffer.alloc(8192, "b")], 0);
      const bytes = readFileSync(`${folder}/log`, "latin1");
      seen.add(`${bytes[0]}${bytes[4096]}`);
    }
    expect([...seen].sort()).toEqual(["aa", "ab", "ba", "bb"]);
  });

  it("shows a cut file as cut, and keeps its bytes until the cut is synced", async () => {
    const { fileSystem, folder } = await withData(0);
    const log = await file(fileSystem, `${folder}/log`, true);
    await fileSystem.syncDirectory(folder);
    await log.write([Buffer.alloc(5000, "a")], 0);
    await log.truncate(3);
    const bytes = Buffer.alloc(10);
    expect([await log.read(bytes, 0), await log.size()]).toEqual([3, 3]);
    expect(readFileSync(`${folder}/log`).length).toBe(5000);
    await log.truncate(6);
    expect([await log.read(bytes, 0), bytes.toString("latin1", 0, 6)]).toEqual([6, "aaa\0\0\0"]);
    await log.sync();
    expect(readFileSync(`${folder}/log`, "latin1")).toBe("aaa\0\0\0");
  });
});
