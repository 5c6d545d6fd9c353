import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { readDetours } from "./detours.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-detours-"));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (content: string) => {
  const path = join(directory, "detours.json");
  writeFileSync(path, content);
  return path;
};

describe("detours between nodes", () => {
  it("replace the addresses that the file names, and no others", () => {
    const detour = readDetours(file('{"a:1": "b:2"}'));
    expect([detour("a:1"), detour("b:2")]).toEqual(["b:2", "b:2"]);
  });

  it("are none without a file", () => {
    expect(readDetours("")("a:1")).toBe("a:1");
  });

  it.each([
    ["{", "that is no JSON that can be read"],
    ['{"a:1": 2}', "must map addresses to addresses"],
  ])("refuse a file of %j", (content, expected) => {
    expect(() => readDetours(file(content))).toThrow(expected);
  });
});
