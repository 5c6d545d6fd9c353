import { Writable } from "node:stream";

import { describe, expect, it } from "vitest";

import { LineOutput } from "./line-output.ts";

/** A pipe whose reader takes one piece each time it is told to. */
function slowPipe() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      waiting.push(() => {
        taken.push(chunk.toString());
        done();
      });
    },
  });
  return { stream, taken, take: () => waiting.shift()?.() };
}

describe("lines to a pipe", () => {
  it("wait for the reader", async () => {
    const pipe = slowPipe();
    const output = new LineOutput(pipe.stream, () => {});
    let written = 0;
    const first = output.write(Buffer.from("a")).then(() => written++);
    await Promise.resolve();
    expect(written).toBe(0);
    pipe.take();
    await first;
    expect([written, pipe.taken]).toEqual([1, ["a\n"]]);
  });

  it("end without an error when the reader has gone", async () => {
    const pipe = slowPipe();
    let closed = 0;
    const output = new LineOutput(pipe.stream, () => closed++);
    const waiting = output.write(Buffer.from("a"));
    pipe.stream.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    await waiting;
    await output.write(Buffer.from("b"));
    expect([closed, output.isClosed]).toEqual([1, true]);
    output.release();
  });

  it("end with every other error", async () => {
    const pipe = slowPipe();
    const output = new LineOutput(pipe.stream, () => {});
    const waiting = output.write(Buffer.from("a"));
    pipe.stream.destroy(Object.assign(new Error("no space"), { code: "ENOSPC" }));
    await expect(waiting).rejects.toThrow("no space");
    output.release();
  });
});
