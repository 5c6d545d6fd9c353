import { describe, expect, it } from "vitest";

import { ProcessLife } from "./process-life.ts";
import type { RealLoop } from "./scheduler.ts";
import { Scheduler, WORLD } from "./scheduler.ts";
import { ClockError, SimClock } from "./sim-clock.ts";
import { SimRandom } from "./sim-random.ts";

const loop: RealLoop = { setImmediate, nextTick: process.nextTick.bind(process) };

function scheduler(seed = 1n): Scheduler {
  return new Scheduler(new SimRandom(seed, "ties"), loop);
}

describe("the scheduler", () => {
  it("runs events in order of time, and time never goes back (T1)", async () => {
    const world = scheduler();
    const seen: number[] = [];
    for (const delay of [30, 10, 20, 10.5, 0]) {
      world.after(delay, WORLD, "x", () => seen.push(world.nowMs));
    }
    await world.run(25);
    expect([seen, world.nowMs]).toEqual([[0, 10, 10.5, 20], 25]);
    await world.run(100);
    expect([seen.at(-1), world.nowMs]).toEqual([30, 100]);
  });

  it("tries events of one instant in both orders, by the seed", async () => {
    const orders = new Set<string>();
    for (let seed = 0n; seed < 30n; seed++) {
      const world = scheduler(seed);
      const process = new ProcessLife("a");
      let order = "";
      for (const name of ["a", "b"]) world.after(1, process, name, () => void (order += name));
      await world.run(2);
      orders.add(order);
    }
    expect(orders).toEqual(new Set(["ab", "ba"]));
  });

  it("begins an event when all promises of the one before have settled (T2)", async () => {
    const world = scheduler();
    const seen: string[] = [];
    world.after(1, WORLD, "first", () => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        seen.push("settled");
      })();
    });
    world.after(2, WORLD, "second", () => seen.push("second"));
    await world.run(3);
    expect(seen).toEqual(["settled", "second"]);
  });

  it("runs nothing of a dead process, and holds what is due for a paused one (T3)", async () => {
    const world = scheduler();
    const [dead, paused] = [new ProcessLife("a"), new ProcessLife("b")];
    const seen: string[] = [];
    world.after(1, dead, "x", () => seen.push("dead"));
    for (let at = 1; at <= 3; at++) {
      world.after(at, paused, "x", () => seen.push(`${at} at ${world.nowMs.toFixed(3)}`));
    }
    dead.alive = false;
    paused.paused = true;
    await world.run(5);
    expect(seen).toEqual([]);
    paused.paused = false;
    world.resumed(paused);
    await world.run(6);
    expect(seen).toEqual(["1 at 5.000", "2 at 5.000", "3 at 5.000"]);
  });

  it("ends the run with what an event threw", async () => {
    const world = scheduler();
    world.after(1, WORLD, "x", () => {
      throw new Error("a bug");
    });
    await expect(world.run(5)).rejects.toThrow("a bug");
  });

  it("keeps 20,000 events in order while the real event loop is served", async () => {
    const world = scheduler();
    const random = new SimRandom(7n, "delays");
    const times: number[] = [];
    for (let at = 0; at < 20_000; at++) {
      world.after(random.uniform(1000), WORLD, "x", () => times.push(world.nowMs));
    }
    await world.run(1000);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.length).toBe(20_000);
  });
});

describe("a process's clock", () => {
  it("jumps and drifts on its own", async () => {
    const world = scheduler();
    const error = new ClockError(() => world.nowMs, 0, 1.5);
    const clock = new SimClock(world, new ProcessLife("a"), error);
    const startMs = clock.nowMs();
    let firedAtMs = 0;
    clock.schedule(300, () => (firedAtMs = world.nowMs));
    await world.run(1000);
    error.jump(-700);
    expect([firedAtMs, clock.monotonicMs(), clock.nowMs() - startMs]).toEqual([200, 1500, 800]);
  });
});

describe("chance", () => {
  it("gives each name a stream of its own, the same for the same seed", () => {
    const draw = (seed: bigint, name: string) => {
      const random = new SimRandom(seed, name);
      return Array.from({ length: 50 }, () => random.uniform(1000));
    };
    expect(draw(5n, "net")).toEqual(draw(5n, "net"));
    expect(draw(5n, "net")).not.toEqual(draw(5n, "disk"));
    expect(draw(5n, "net")).not.toEqual(draw(6n, "net"));
  });
});
