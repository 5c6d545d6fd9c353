import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MessageReader } from "./message-reader.ts";

const seed = Number(process.env["MILLRACE_SEED"] ?? Date.now() & 0x7fff_ffff);

function framed(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      return [prefix, message];
    }),
  );
}

/** Cuts `bytes` at the given places, each taken modulo what is left. */
function cut(bytes: Buffer, steps: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (const step of steps) {
    const length = Math.min(rest.length, step);
    chunks.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return [...chunks, rest];
}

describe(`MessageReader (MILLRACE_SEED=${seed})`, () => {
  it("gives the same messages however the bytes are cut and whenever it is paused", () => {
    const message = fc.uint8Array({ maxLength: 40 });
    const steps = fc.array(fc.nat(20), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 15 }), steps, fc.nat(4), (messages, at, every) => {
        const got: Buffer[] = [];
        const reader = new MessageReader(64, (one) => {
          got.push(Buffer.from(one));
          if (every > 0 && got.length % every === 0) reader.pause();
        });
        reader.resume();
        for (const chunk of cut(framed(messages), at)) {
          reader.push(Buffer.from(chunk));
          if (chunk.length % 3 === 0) reader.resume();
        }
        while (!reader.drained) reader.resume();
        expect(got).toEqual(messages.map((one) => Buffer.from(one)));
        expect(reader.midMessage).toBe(false);
      }),
      { seed, numRuns: 500 },
    );
  });
});
