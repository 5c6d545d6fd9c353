import { describe, expect, it } from "vitest";

import { partitionKeyOf, readLines } from "./record-lines.ts";

async function lines(chunks: readonly (string | Buffer)[], bytesMax?: number) {
  async function* input() {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
  }
  const read: string[] = [];
  for await (const line of readLines(input(), bytesMax)) read.push(line.toString("latin1"));
  return read;
}

describe("lines of bytes", () => {
  it.each([
    [[], []],
    [["a"], ["a"]],
    [["a\n"], ["a"]],
    [
      ["a\r\nb", "c\n\n", "d"],
      ["a", "bc", "", "d"],
    ],
    [
      ["a\r", "\nb"],
      ["a", "b"],
    ],
    [["\n"], [""]],
  ])("are cut from %j into %j", async (chunks, expected) => {
    expect(await lines(chunks)).toEqual(expected);
  });

  it("keep bytes that are no text, and carriage returns within", async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x0d, 0xc3, 0x0a, 0xe2, 0x80, 0xa8]);
    expect(await lines([bytes])).toEqual(["\u00ff\u0000\r\u00c3", "\u00e2\u0080\u00a8"]);
  });

  it("end with the number of the line that is too long", async () => {
    expect(await lines(["1234\n", "12", "34"], 4)).toEqual(["1234", "1234"]);
    await expect(lines(["1234\n", "12", "345"], 4)).rejects.toThrow(
      "line 2 is longer than 4 bytes",
    );
  });
});

describe("the partition key of a line", () => {
  it.each([
    ["", "-"],
    ["order 7", "order 7"],
    ["x".repeat(300), "x".repeat(256)],
    [`${"x".repeat(255)}\u{1F600}`, "x".repeat(255)],
  ])("of %j is %j", (text, expected) => {
    expect(partitionKeyOf(Buffer.from(text))).toBe(expected);
  });

  it("is well-formed text for any bytes", () => {
    expect(partitionKeyOf(Buffer.from([0xff, 0xfe]))).toBe("\uFFFD\uFFFD");
  });
});
