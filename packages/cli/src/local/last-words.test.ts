import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { lastWords } from "./last-words.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-words-"));
afterAll(() => rmSync(directory, { recursive: true }));
const log = join(directory, "log");

describe("the last words of a process", () => {
  it.each([
    ["", ""],
    ['{"level":30,"msg":"node started"}\n', ""],
    ["millrace: no room\n    at file.ts:1\n", "no room"],
    [
      '{"level":50,"msg":"failed","error":{"message":"EIO"}}\n{"level":30,"msg":"x"}\n',
      "failed: EIO",
    ],
    [`${"x".repeat(10_000)}\nmillrace: late\n`, "late"],
  ])("of %j are %j", (text, expected) => {
    writeFileSync(log, text);
    expect(lastWords(log)).toBe(expected);
  });

  it("are none without a log", () => {
    expect(lastWords(join(directory, "nothing"))).toBe("");
  });
});
