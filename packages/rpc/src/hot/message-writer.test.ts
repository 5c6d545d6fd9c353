import { StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { MessageWriter } from "./message-writer.ts";

const LIMITS = { messageBytesMax: 100_000, queuedBytesMark: 10_000, queuedBytesMax: 50_000 };

/** A stream that takes writes when the test says so. */
class FakeTarget {
  readonly writes: Uint8Array[][] = [];
  #gathered: Uint8Array[] = [];
  #done: (() => void)[] = [];
  cork(): void {
    this.#gathered = [];
  }
  uncork(): void {
    this.writes.push(this.#gathered);
  }
  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    this.#gathered.push(chunk);
    if (done !== undefined) this.#done.push(done);
    return true;
  }
  takeAll(): void {
    for (const done of this.#done.splice(0)) done();
  }
}

function setUp() {
  const clock = new VirtualClock();
  const target = new FakeTarget();
  const drained = { count: 0 };
  const writer = new MessageWriter(target, clock, LIMITS, () => {
    drained.count += 1;
  });
  return { clock, target, drained, writer };
}

describe("MessageWriter", () => {
  it("sends the small messages of a turn as one buffer", () => {
    const { clock, target, writer } = setUp();
    for (const text of ["a", "bc", ""]) writer.send([Buffer.from(text)]);
    expect(target.writes).toEqual([]);
    clock.runSoon();
    expect(target.writes).toEqual([[Buffer.from("\0\0\0\0\u0001a\0\0\0\0\u0002bc\0\0\0\0\0")]]);
  });

  it("passes large parts on uncopied, between the small ones", () => {
    const { clock, target, writer } = setUp();
    const large = Buffer.alloc(8000, 9);
    writer.send([Buffer.from("head"), large, Buffer.from("tail")]);
    clock.runSoon();
    const [gathered] = target.writes;
    expect(gathered?.[1]).toBe(large);
    expect(Buffer.concat(gathered ?? []).length).toBe(5 + 4 + 8000 + 4);
    expect(Buffer.concat(gathered ?? []).readUInt32BE(1)).toBe(8008);
  });

  it("says false above the mark and tells once when half of it is left", () => {
    const { clock, target, writer, drained } = setUp();
    expect(writer.send([Buffer.alloc(6000)])).toBe(true);
    expect(writer.send([Buffer.alloc(6000)])).toBe(false);
    expect(writer.queuedBytes).toBe(12_010);
    clock.runSoon();
    target.takeAll();
    expect([writer.queuedBytes, drained.count]).toEqual([0, 1]);
    expect(writer.send([Buffer.alloc(1)])).toBe(true);
  });

  it("refuses what would pass the bound of the queue, and queues nothing of it", () => {
    const { writer } = setUp();
    writer.send([Buffer.alloc(40_000)]);
    expect(() => writer.send([Buffer.alloc(10_000)])).toThrow(
      new StreamError("overloaded", "40005 bytes wait on this stream; 10000 more would pass 50000"),
    );
    expect(writer.queuedBytes).toBe(40_005);
  });

  it("refuses a message above the bound", () => {
    const { writer } = setUp();
    expect(() => writer.send([Buffer.alloc(60_000), Buffer.alloc(60_000)])).toThrow(
      "message length is 120000 bytes, but must be in 0..100000",
    );
  });

  it("does not wait for the end of the turn once 256 KiB are gathered", () => {
    const clock = new VirtualClock();
    const target = new FakeTarget();
    const limits = { messageBytesMax: 1e6, queuedBytesMark: 1e6, queuedBytesMax: 1e7 };
    const writer = new MessageWriter(target, clock, limits, () => {});
    writer.send([Buffer.alloc(200_000)]);
    expect(target.writes.length).toBe(0);
    writer.send([Buffer.alloc(100_000)]);
    expect(target.writes.length).toBe(1);
  });

  it("hands over what it has when finished, and drops what comes later", () => {
    const { target, writer } = setUp();
    writer.send([Buffer.from("last")]);
    writer.finish();
    writer.send([Buffer.from("late")]);
    writer.flush();
    expect(target.writes).toEqual([[Buffer.from("\0\0\0\0\u0004last")]]);
  });

  it("forgets everything when closed", () => {
    const { clock, target, writer } = setUp();
    writer.send([Buffer.from("gone")]);
    writer.close();
    clock.runSoon();
    expect([writer.queuedBytes, writer.send([Buffer.from("late")]), target.writes]).toEqual([
      0,
      true,
      [],
    ]);
  });
});
