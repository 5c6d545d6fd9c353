import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { NodeSession, SILENCE_MS_MAX } from "./node-session.ts";

const registration = {
  nodeId: 1,
  incarnation: "aa",
  bootEpoch: 1,
  roles: ["broker" as const],
  host: "h",
  zone: "",
  addresses: { rpc: "a:1", admin: "a:2" },
  pid: 1,
  dataDir: "d",
  version: "0",
};

/** A coordinator that answers as told, and what it was asked. */
function coordinator() {
  const asked: string[] = [];
  const answers = { reachable: true, registerAgain: false };
  const reply = <Value>(what: string, value: () => Value) => {
    asked.push(what);
    return answers.reachable
      ? Promise.resolve(value())
      : Promise.reject(new StreamError("unavailable", "no leader"));
  };
  const admin = {
    registerNode: () => reply("register", () => ({ clusterId: "c" })),
    heartbeat: () =>
      reply("heartbeat", () => {
        const { registerAgain } = answers;
        answers.registerAgain = false;
        return { nowMs: 0, registerAgain };
      }),
  };
  return { admin, asked, answers };
}

async function advance(clock: VirtualClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 100) {
    clock.advance(100);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

describe("a process's standing in its cluster", () => {
  it("registers, keeps its heartbeat, and registers again when the leader forgot it", async () => {
    const clock = new VirtualClock();
    const { admin, asked, answers } = coordinator();
    const joined: string[] = [];
    const session = new NodeSession({
      admin,
      clock,
      logger: SILENT_LOGGER,
      registration: () => registration,
      state: () => "ready",
      joined: (clusterId) => Promise.resolve(void joined.push(clusterId)),
    });
    session.start();
    await advance(clock, 2000);
    expect(joined).toEqual(["c"]);
    expect(asked.slice(0, 3)).toEqual(["register", "heartbeat", "heartbeat"]);
    expect(session.alive).toBe(true);
    answers.registerAgain = true;
    await advance(clock, 2000);
    expect(asked.filter((one) => one === "register")).toHaveLength(2);

    answers.reachable = false;
    await advance(clock, SILENCE_MS_MAX + 2000);
    expect(session.alive).toBe(false);
    answers.reachable = true;
    await advance(clock, 2000);
    expect(session.alive).toBe(true);
    session.stop();
    const before = asked.length;
    await advance(clock, 3000);
    expect(asked).toHaveLength(before);
  });

  it("does not count as alive on the disk of another cluster", async () => {
    const clock = new VirtualClock();
    const { admin, asked } = coordinator();
    const session = new NodeSession({
      admin,
      clock,
      logger: SILENT_LOGGER,
      registration: () => registration,
      state: () => "ready",
      joined: () => Promise.reject(new StreamError("wrong-state", "belongs to another cluster")),
    });
    session.start();
    await advance(clock, 2000);
    expect([session.alive, asked.includes("heartbeat")]).toEqual([false, false]);
    session.stop();
  });
});
