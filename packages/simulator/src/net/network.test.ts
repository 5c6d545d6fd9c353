import { describe, expect, it } from "vitest";

import { ProcessLife } from "../kernel/process-life.ts";
import type { FaultEffect } from "../faults/fault.ts";
import { Scheduler } from "../kernel/scheduler.ts";
import { SimRandom } from "../kernel/sim-random.ts";
import type { Connection, Dialled, LinkQuality } from "./network.ts";
import { SimNetwork } from "./network.ts";

const QUALITY: LinkQuality = {
  delayMs: [1, 40],
  slowShare: 0.1,
  bytesPerMs: 1000,
};

const effect = (): FaultEffect => ({ happened: false });

/** A dials B, which keeps what it hears. */
async function pair(quality: Partial<LinkQuality> = {}) {
  const loop = { setImmediate, nextTick: process.nextTick.bind(process) };
  const scheduler = new Scheduler(new SimRandom(1n, "ties"), loop);
  const network = new SimNetwork(scheduler, new SimRandom(1n, "net"), { ...QUALITY, ...quality });
  const [a, b] = [new ProcessLife("a"), new ProcessLife("b")];
  const heard: unknown[] = [];
  const lost: string[] = [];
  network.listen(b, "b", "b:1", () => ({
    message: (message) => heard.push(message),
    lost: (reason) => lost.push(`b ${reason}`),
  }));
  let dialled: Dialled | undefined;
  const events = () => ({ message: () => {}, lost: (reason: string) => lost.push(`a ${reason}`) });
  const dial = (address: string): void => {
    network.dial(a, "a", address, 500, events, (answer) => (dialled = answer));
  };
  dial("b:1");
  const outcome = (): Dialled | undefined => dialled;
  const connection = async (): Promise<Connection> => {
    await scheduler.run(scheduler.nowMs + 1000);
    if (dialled?.kind !== "connected") throw new Error(`not connected: ${dialled?.kind}`);
    return dialled.connection;
  };
  return { scheduler, network, a, b, heard, lost, dial, outcome, connection };
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

describe("a simulated connection", () => {
  it("delivers every message once and in order, however long each takes (N1)", async () => {
    const { scheduler, heard, connection } = await pair();
    const link = await connection();
    for (const number of numbers(200)) link.send(number, 100);
    await scheduler.run(scheduler.nowMs + 10_000);
    expect([heard, link.queuedBytes]).toEqual([numbers(200), 0]);
  });

  it("holds back what a cut link would carry, and delivers it when it heals in time", async () => {
    const { scheduler, network, heard, lost, connection } = await pair();
    const link = await connection();
    network.cut("a", "b", effect());
    for (const number of numbers(20)) link.send(number, 100);
    await scheduler.run(scheduler.nowMs + 9000);
    expect(heard).toEqual([]);
    network.heal();
    await scheduler.run(scheduler.nowMs + 1000);
    expect([heard, lost]).toEqual([numbers(20), []]);
  });

  it.each(["heals", "is quickened"])(
    "carries fast what a slow link had taken on once it %s",
    async (how) => {
      const { scheduler, network, heard, connection } = await pair();
      const link = await connection();
      const slowness = { addedMs: 0, bytesPerMs: 1, effect: effect() };
      network.slow("a", "b", slowness);
      for (const number of numbers(20)) link.send(number, 100_000);
      if (how === "heals") network.heal();
      else network.quicken("a", "b", slowness.effect);
      for (const number of numbers(20)) link.send(20 + number, 100);
      await scheduler.run(scheduler.nowMs + 2000);
      expect([heard, link.queuedBytes]).toEqual([numbers(40), 0]);
      await scheduler.run(scheduler.nowMs + 3_000_000);
      expect(heard).toEqual(numbers(40));
    },
  );

  it("keeps the order of what was held, what was in flight and what came after (N1)", async () => {
    const { scheduler, network, b, heard, connection } = await pair({ slowShare: 0.5 });
    const link = await connection();
    for (const number of numbers(300)) {
      if (number % 50 === 20) network.cut("a", "b", effect());
      if (number % 50 === 40) network.heal();
      b.paused = number % 70 > 50;
      if (!b.paused) scheduler.resumed(b);
      link.send(number, 100);
      await scheduler.run(scheduler.nowMs + 3);
    }
    b.paused = false;
    scheduler.resumed(b);
    network.heal();
    await scheduler.run(scheduler.nowMs + 9000);
    expect(heard).toEqual(numbers(300));
  });

  it("is lost at both ends, once, when a link is cut for longer than the keepalive (N3)", async () => {
    const { scheduler, network, heard, lost, connection } = await pair();
    const link = await connection();
    network.cut("a", "b", effect());
    link.send("x", 100);
    await scheduler.run(scheduler.nowMs + 11_000);
    network.heal();
    link.send("y", 100);
    await scheduler.run(scheduler.nowMs + 11_000);
    const reason = "no answer to a ping";
    expect([heard, lost.toSorted()]).toEqual([[], [`a ${reason}`, `b ${reason}`]]);
  });

  it("carries nothing from or to a life that has ended (N2)", async () => {
    const { scheduler, network, a, heard, lost, connection } = await pair();
    const link = await connection();
    a.alive = false;
    network.ended(a, false);
    link.send("x", 100);
    await scheduler.run(scheduler.nowMs + 1000);
    expect([heard, lost]).toEqual([[], ["b the other process is gone"]]);
  });

  it("is reset by chance, and then both ends know it", async () => {
    const { scheduler, network, lost, connection } = await pair();
    const resets = { share: 1, effect: effect() };
    const link = await connection();
    network.resets = resets;
    link.send("x", 100);
    await scheduler.run(scheduler.nowMs + 1000);
    expect(lost.toSorted()).toEqual(["a connection reset", "b connection reset"]);
    expect(resets.effect.happened).toBe(true);
  });

  it("stays cut until every fault that cut it is over, and each of them had an effect", async () => {
    const { scheduler, network, heard, connection } = await pair();
    const link = await connection();
    const faults = [effect(), effect(), effect()] as const;
    network.cut("a", "b", faults[0]);
    network.cut("a", "b", faults[1]);
    network.cut("b", "a", faults[2]);
    link.send("x", 100);
    network.mend("a", "b", faults[0]);
    await scheduler.run(scheduler.nowMs + 1000);
    expect(heard).toEqual([]);
    network.mend("a", "b", faults[1]);
    await scheduler.run(scheduler.nowMs + 1000);
    expect([heard, faults.map(({ happened }) => happened)]).toEqual([["x"], [true, true, false]]);
  });

  it("is slow while a fault slows the link", async () => {
    const { scheduler, network, heard, connection } = await pair({ delayMs: [1, 1], slowShare: 0 });
    const link = await connection();
    const slowness = { addedMs: 100, bytesPerMs: 1, effect: effect() };
    network.slow("a", "b", slowness);
    link.send("x", 200);
    await scheduler.run(scheduler.nowMs + 299);
    expect(heard).toEqual([]);
    await scheduler.run(scheduler.nowMs + 3);
    network.quicken("a", "b", slowness.effect);
    link.send("y", 200);
    await scheduler.run(scheduler.nowMs + 3);
    expect([heard, slowness.effect.happened]).toEqual([["x", "y"], true]);
  });

  it("that is half open is lost at once for one end, and for the other by its keepalive", async () => {
    const { scheduler, network, lost, connection } = await pair();
    await connection();
    expect(network.halfOpen("a", "b")).toBe(true);
    await scheduler.run(scheduler.nowMs + 1000);
    expect(lost).toEqual(["a connection reset"]);
    await scheduler.run(scheduler.nowMs + 10_000);
    expect(lost).toEqual(["a connection reset", "b connection reset"]);
    expect(network.halfOpen("a", "b")).toBe(false);
  });
});

describe("dialling", () => {
  it("is refused where nobody listens, and where the process is down", async () => {
    const { scheduler, b, dial, outcome, connection } = await pair();
    await connection();
    dial("b:9");
    await scheduler.run(scheduler.nowMs + 1000);
    expect(outcome()).toEqual({ kind: "refused" });
    b.alive = false;
    dial("b:1");
    await scheduler.run(scheduler.nowMs + 1000);
    expect(outcome()).toEqual({ kind: "refused" });
  });

  it.each([
    ["there", "a", "b"],
    ["back", "b", "a"],
  ])("times out when the way %s is cut", async (_, from, to) => {
    const { scheduler, network, dial, outcome, connection } = await pair();
    await connection();
    network.cut(from, to, effect());
    dial("b:1");
    await scheduler.run(scheduler.nowMs + 499);
    expect(outcome()?.kind).toBe("connected");
    await scheduler.run(scheduler.nowMs + 2);
    expect(outcome()).toEqual({ kind: "timeout" });
  });
});
