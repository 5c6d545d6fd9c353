import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { lockDataDirectory } from "./data-lock.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-lock-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the lock of a data directory", () => {
  it("is released on request and taken over from a process that died", () => {
    const first = lockDataDirectory(join(directory, "a"));
    first.release();
    expect(existsSync(join(directory, "a", "lock"))).toBe(false);
    writeFileSync(join(directory, "a", "lock"), "999999999 1");
    lockDataDirectory(join(directory, "a"));
    expect(readFileSync(join(directory, "a", "lock"), "utf8")).toMatch(`${process.pid} `);
  });

  it("is refused while its owner lives, with the owner's pid", async () => {
    const held = join(directory, "b");
    const program = `
      import { lockDataDirectory } from ${JSON.stringify(join(import.meta.dirname, "data-lock.ts"))};
      lockDataDirectory(${JSON.stringify(held)});
      console.log("held");
      setInterval(() => {}, 1000);`;
    const owner = spawn(
      process.execPath,
      ["--conditions=@millrace/source", "--import", "tsx", "--input-type=module", "-e", program],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await once(owner.stdout, "data");
      expect(() => lockDataDirectory(held)).toThrow(`in use by process ${owner.pid}`);
    } finally {
      owner.kill("SIGKILL");
      await once(owner, "exit");
    }
    lockDataDirectory(held).release();
  });

  it("is taken by exactly one of several that find a dead owner's lock at once", async () => {
    const contested = join(directory, "c");
    mkdirSync(contested);
    writeFileSync(join(contested, "lock"), "999999999 1");
    const program = `
      import { lockDataDirectory } from ${JSON.stringify(join(import.meta.dirname, "data-lock.ts"))};
      process.stdin.once("data", () => {
        try {
          lockDataDirectory(${JSON.stringify(contested)});
          console.log("taken");
        } catch (error) {
          console.log(error.code);
        }
        setInterval(() => {}, 1000);
      });
      console.log("waiting");`;
    const starters = Array.from({ length: 4 }, () =>
      spawn(
        process.execPath,
        ["--conditions=@millrace/source", "--import", "tsx", "--input-type=module", "-e", program],
        { stdio: ["pipe", "pipe", "inherit"] },
      ),
    );
    try {
      const next = () =>
        Promise.all(starters.map(({ stdout }) => once(stdout, "data").then(String)));
      await next();
      const outcomes = next();
      for (const { stdin } of starters) stdin.write("go");
      expect((await outcomes).map((text) => text.trim()).toSorted()).toEqual([
        "taken",
        "wrong-state",
        "wrong-state",
        "wrong-state",
      ]);
    } finally {
      const exits = starters.map((starter) => once(starter, "exit"));
      for (const starter of starters) starter.kill("SIGKILL");
      await Promise.all(exits);
    }
  });
});
