/** A reader that stops must stop the sender too, at a stated number of bytes. */
import { StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { afterEach, describe, expect, it } from "vitest";

import { echo, endOf, HotWorld, messageOf, TEST_PATH } from "../testing/hot-world.ts";
import { SYSTEM_CLOCK } from "../testing/system-clock.ts";
import type { HotStream } from "./hot-stream.ts";

const PATH = TEST_PATH;
const MIB = 1024 * 1024;
const world = new HotWorld();
afterEach(() => world.close());

describe("flow control", () => {
  it("bounds what a server that reads slowly makes the client hold, and loses nothing", async () => {
    const arrived: number[] = [];
    let served: HotStream | undefined;
    const { port } = await world.serve({
      services: {
        [PATH]: (stream) => {
          served = stream;
          stream.onMessage((message) => {
            arrived.push(message.readUInt32BE(0));
            if (arrived.length === 1) stream.pause();
            stream.send([message.subarray(0, 4)]);
          });
        },
      },
    });
    const limits = { windowBytes: MIB, queuedBytesMark: 2 * MIB };
    const stream = world.dial(port, { limits }).open(PATH);
    const answers: number[] = [];
    let count = 0;
    const fill = (): void => {
      for (let more = true; more && count < 400; count += 1) {
        const message = Buffer.alloc(256 * 1024);
        message.writeUInt32BE(count);
        more = stream.send([message]);
      }
    };
    stream.onMessage((message) => answers.push(message.readUInt32BE(0)));
    stream.onDrain(fill);
    fill();
    await expect.poll(() => arrived.length).toBe(1);
    // 16 MiB of the server's window, and the mark of the client's queue with one message above it.
    await expect.poll(() => count * 256 * 1024 >= 16 * MIB).toBe(true);
    expect(stream.queuedBytes).toBeLessThanOrEqual(2 * MIB + 256 * 1024 + 9 * 5);
    expect(count * 256 * 1024).toBeLessThanOrEqual(16 * MIB + 3 * MIB);
    served?.resume();
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(400);
    expect(answers).toEqual(Array.from({ length: 400 }, (_, index) => index));
  });

  it("bounds what a client that reads slowly makes the server hold", async () => {
    let served: HotStream | undefined;
    let sent = 0;
    const { port } = await world.serve({
      limits: { queuedBytesMark: MIB },
      services: {
        [PATH]: (stream) => {
          served = stream;
          const fill = (): void => {
            for (let more = true; more && sent < 100; sent += 1) {
              more = stream.send([Buffer.alloc(256 * 1024)]);
            }
            if (sent === 100) stream.end();
          };
          stream.onMessage(fill);
          stream.onDrain(fill);
        },
      },
    });
    const stream = world.dial(port, { limits: { windowBytes: MIB } }).open(PATH);
    let received = 0;
    stream.onMessage(() => {
      received += 1;
      if (received === 1) stream.pause();
    });
    const ended = endOf(stream);
    stream.send([Buffer.from("go")]);
    await expect.poll(() => received).toBe(1);
    await expect.poll(() => (served?.queuedBytes ?? 0) > MIB / 2).toBe(true);
    expect(sent).toBeLessThan(20);
    stream.resume();
    expect([await ended, received]).toEqual([undefined, 100]);
  });

  it("of one paused stream does not hold up another on the same connection", async () => {
    const { port } = await world.serve({
      services: {
        [PATH]: echo,
        "/test.v1.Test/Stuck": (stream) => {
          stream.onMessage(() => {});
          stream.pause();
        },
      },
    });
    const channel = world.dial(port);
    const stuck = channel.open("/test.v1.Test/Stuck");
    stuck.onEnd(() => {});
    for (let index = 0; index < 24; index += 1) stuck.send([Buffer.alloc(MIB)]);
    const stream = channel.open(PATH);
    stream.send([Buffer.from("past it")]);
    expect(String(await messageOf(stream))).toBe("past it");
  });

  it("does not let a client that stopped reading keep a failed call open for ever", async () => {
    const virtual = new VirtualClock();
    const clock = { ...SYSTEM_CLOCK, schedule: virtual.schedule.bind(virtual) };
    let served: HotStream | undefined;
    const { port } = await world.serve({
      clock,
      limits: { pingIntervalMs: 60_000 },
      services: {
        [PATH]: (stream) => {
          served = stream;
          stream.onMessage(() => {});
          for (let count = 0; count < 20; count += 1) stream.send([Buffer.alloc(MIB)]);
        },
      },
    });
    const stream = world.dial(port, { limits: { windowBytes: 65_535 } }).open(PATH);
    let received = 0;
    stream.onMessage(() => {
      received += 1;
      stream.pause();
    });
    await expect.poll(() => received).toBe(1);
    const ended = endOf(stream);
    const servedEnd = endOf(served as HotStream);
    served?.end(new StreamError("deadline", "time is up"));
    virtual.advance(9999);
    expect([served?.ended, stream.ended]).toEqual([false, false]);
    virtual.advance(1);
    expect([(await ended)?.code, (await servedEnd)?.code]).toEqual(["cancelled", "deadline"]);
  });
});
