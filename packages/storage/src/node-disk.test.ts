import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, describe, expect, it } from "vitest";

import { NodeFileSystem } from "./node-file-system.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./testing/lane-fixture.ts";

const KILLS = 6;
const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-lane-"));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs the target until it has reported `lines` acknowledgements, kills it, and gives the last one. */
function runAndKill(directory: string, seed: number, lines: number): Promise<string> {
  const target = fileURLToPath(new URL("./testing/kill-target.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=@millrace/source", "--import", "tsx", target, directory, String(seed)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split("\n").length > lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      const reported = output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1);
      if (signal === "SIGKILL" && reported !== undefined) resolve(reported);
      else reject(new Error(`the target ended with ${code}: ${errors}`));
    });
  });
}

describe("a lane on the real disk", () => {
  it("rolls, flushes, restarts and reads everything back", async () => {
    const directory = newFolder();
    const disk = new NodeFileSystem();
    const lane = await openLane(disk, { directory, tailCacheBytes: 0 });
    const group = await createGroup(lane, 1);
    while (lane.stats().flushes < 3) {
      const next = group.lastIndex() + 1;
      group.committed(next - 1);
      await write(lane, { group, entries: entriesOf(next, next + 3, 1, 30_000) });
    }
    const before = await wholeLog(group);
    await lane.close();
    const again = await openLane(disk, { directory, tailCacheBytes: 0 });
    const recovered = again.groups()[0];
    expect(recovered && (await wholeLog(recovered))).toEqual(before);
    await again.close();
  });

  it("keeps every acknowledged entry and every term through kill -9, again and again (S1, S7)", async () => {
    const directory = newFolder();
    for (let round = 1; round <= KILLS; round++) {
      const reported = await runAndKill(directory, round, 5 + round * 12);
      const [index = 0, term = 0] = reported.split(" ").map(Number);
      const lane = await openLane(new NodeFileSystem(), { directory });
      const group = lane.group(1);
      expect(group?.lastIndex()).toBeGreaterThanOrEqual(index);
      expect([group?.hardState.term, group?.term(index)]).toEqual([term, term]);
      const entries = await group?.fetchEntries(Math.max(1, index - 5), index + 1, 1 << 20);
      expect(entries?.at(-1)?.index).toBe(index);
      await lane.close();
    }
  });
});
