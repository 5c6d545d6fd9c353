import { EventEmitter } from "node:events";
import type { Http2Session } from "node:http2";

import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { keepAlive } from "./keepalive.ts";

/** A session that counts pings and answers when told to. */
class FakeSession extends EventEmitter {
  pings = 0;
  readonly socket = { bytesRead: 0 };
  #answer: () => void = () => {};
  ping(answer: () => void): boolean {
    this.pings += 1;
    this.#answer = answer;
    return true;
  }
  answer(): void {
    this.#answer();
  }
}

function setUp() {
  const clock = new VirtualClock();
  const session = new FakeSession();
  const dead = { count: 0 };
  keepAlive(session as unknown as Http2Session, {
    clock,
    pingIntervalMs: 5000,
    pingTimeoutMs: 5000,
    onDead: () => {
      dead.count += 1;
    },
  });
  return { clock, session, dead };
}

describe("keepAlive", () => {
  it("pings after the interval and again after an answer", () => {
    const { clock, session, dead } = setUp();
    clock.advance(4999);
    expect(session.pings).toBe(0);
    clock.advance(1);
    session.answer();
    clock.advance(10_000);
    expect([session.pings, dead.count]).toEqual([2, 0]);
  });

  it("gives up once when neither an answer nor a byte came in time", () => {
    const { clock, dead } = setUp();
    clock.advance(9999);
    expect(dead.count).toBe(0);
    clock.advance(60_000);
    expect(dead.count).toBe(1);
  });

  it("waits on while other bytes arrive, and gives up when they stop", () => {
    const { clock, session, dead } = setUp();
    clock.advance(5000);
    for (let round = 1; round <= 3; round += 1) {
      session.socket.bytesRead += 100;
      clock.advance(5000);
    }
    expect([session.pings, dead.count]).toEqual([1, 0]);
    clock.advance(5000);
    expect(dead.count).toBe(1);
  });

  it("stops with the session", () => {
    const { clock, session, dead } = setUp();
    session.emit("close");
    clock.advance(60_000);
    expect([session.pings, dead.count]).toEqual([0, 0]);
  });
});
