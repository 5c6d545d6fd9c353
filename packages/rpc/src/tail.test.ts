/** The tail against scripted coordinators: real connections, virtual time for waits and silence. */
import { SILENT_LOGGER, StreamError } from "@millrace/base";
import type { Timer } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import type { TailRequest, TailResponseInput } from "@millrace/proto";
import { MetadataService } from "@millrace/proto";
import { afterEach, describe, expect, it } from "vitest";

import { createControlServer } from "./control/control-server.ts";
import type { MessageSink } from "./control/control-service.ts";
import { controlService } from "./control/control-service.ts";
import type { MetadataTailOptions } from "./tail.ts";
import { MetadataTail } from "./tail.ts";
import { SYSTEM_CLOCK } from "./testing/system-clock.ts";

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanup.splice(0).toReversed()) await run();
});

type Script = (request: TailRequest, sink: MessageSink<TailResponseInput>) => void;

/** A coordinator that answers each Tail with the next script, the last one for ever. */
async function coordinator(...scripts: Script[]) {
  const requests: TailRequest[] = [];
  const sinks: MessageSink<TailResponseInput>[] = [];
  const server = await createControlServer({
    host: "127.0.0.1",
    port: 0,
    services: [
      controlService(MetadataService, {
        streams: {
          Tail: (request, sink) => {
            const script = scripts[Math.min(requests.length, scripts.length - 1)];
            requests.push(request);
            sinks.push(sink);
            script?.(request, sink);
          },
        },
      }),
    ],
    authenticate: () => undefined,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
  });
  cleanup.push(() => server.close(0));
  const last = (): MessageSink<TailResponseInput> => {
    const sink = sinks.at(-1);
    if (sink === undefined) throw new Error("no tail is open");
    return sink;
  };
  return { address: `127.0.0.1:${server.port}`, requests, last };
}

function follow(addresses: readonly string[], options: Partial<MetadataTailOptions> = {}) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const tail = new MetadataTail({
    addresses: () => addresses,
    scope: "internal",
    onSnapshot: (index, records) => {
      log.push(`snapshot ${index}: ${records.map(({ key, json }) => `${key}=${json}`).join(" ")}`);
    },
    onDelta: (index, changes) => {
      log.push(`delta ${index}: ${changes.map(({ key, json }) => `${key}=${json}`).join(" ")}`);
    },
    onCaughtUp: (index) => log.push(`caught up ${index}`),
    onLost: (error) => log.push(`lost: ${error.code}`),
    clock,
    logger: SILENT_LOGGER,
    ...options,
  });
  cleanup.push(() => tail.close());
  tail.start();
  return { tail, clock, log };
}

/** Counts timers: the tail sets one per event, which is the only trace that a first heartbeat leaves. */
class ListeningClock extends VirtualClock {
  timers = 0;

  override schedule(delayMs: number, run: () => void): Timer {
    this.timers++;
    return super.schedule(delayMs, run);
  }

  /** A second passes, and a heartbeat arrives. */
  async beat(sink: MessageSink<TailResponseInput>): Promise<void> {
    const before = this.timers;
    this.advance(1000);
    sink.send(heartbeat(0));
    await expect.poll(() => this.timers).toBeGreaterThan(before);
  }
}

const put = (key: string, json: string) => ({ key, value: Buffer.from(json) });
const snapshot = (index: number, ...changes: object[]): TailResponseInput => ({
  snapshot: { index, changes, last: true },
});
const delta = (index: number, ...changes: object[]): TailResponseInput => ({
  delta: { index, changes },
});
const heartbeat = (index: number): TailResponseInput => ({ heartbeat: { index } });
const sends =
  (...events: TailResponseInput[]): Script =>
  (_request, sink) => {
    for (const event of events) sink.send(event);
  };

describe("MetadataTail", () => {
  it("applies a snapshot of several parts, then deltas, then says that it caught up", async () => {
    const one = await coordinator(
      sends(
        { snapshot: { index: 5, changes: [put("a", "1")] } },
        heartbeat(6), // between the parts: only a sign of life
        { snapshot: { index: 5, changes: [put("b", "2")], last: true } },
        delta(7, put("a", "3"), { key: "b", deleted: true }),
        heartbeat(8),
      ),
    );
    const { log, tail } = follow([one.address]);
    await expect.poll(() => log.length).toBe(3);
    expect(log).toEqual(["snapshot 5: a=1 b=2", "delta 7: a=3 b=undefined", "caught up 8"]);
    expect([tail.index, tail.address]).toEqual([8, one.address]);
    expect(one.requests).toEqual([{ scope: "TAIL_SCOPE_INTERNAL", fromIndex: 0, clusterId: "" }]);
  });

  it("asks for the scope and cluster that it was told", async () => {
    const one = await coordinator(sends(snapshot(1)));
    const { log } = follow([one.address], { scope: "routes", clusterId: "c1" });
    await expect.poll(() => log.length).toBe(1);
    expect(one.requests).toEqual([{ scope: "TAIL_SCOPE_ROUTES", fromIndex: 0, clusterId: "c1" }]);
  });

  it("moves to the next coordinator on an error and resumes from its own index", async () => {
    const one = await coordinator((_request, sink) => {
      sink.send(snapshot(5));
      sink.end(new StreamError("unavailable", "draining"));
    });
    const two = await coordinator(sends(delta(6, put("a", "1"))));
    const { log, clock } = follow([one.address, two.address]);
    await expect.poll(() => log.length).toBe(2);
    clock.advance(99);
    expect(two.requests).toEqual([]);
    clock.advance(1);
    await expect.poll(() => log.length).toBe(3);
    expect(log).toEqual(["snapshot 5: ", "lost: unavailable", "delta 6: a=1"]);
    expect(two.requests.map(({ fromIndex }) => fromIndex)).toEqual([5]);
  });

  it("gives up a coordinator that is silent for three heartbeats, not sooner", async () => {
    const one = await coordinator(sends(snapshot(5)));
    const { log, clock, tail } = follow([one.address]);
    await expect.poll(() => log.length).toBe(1);
    clock.advance(2999);
    one.last().send(heartbeat(5));
    await expect.poll(() => log.at(-1)).toBe("caught up 5");
    clock.advance(2999);
    expect(log.at(-1)).toBe("caught up 5");
    clock.advance(1);
    expect([log.at(-1), tail.address]).toEqual(["lost: unavailable", undefined]);
  });

  it("never goes back: older deltas are dropped, an older snapshot moves on", async () => {
    const one = await coordinator(
      sends(snapshot(9), delta(8, put("a", "old")), delta(9, put("a", "old")), heartbeat(3)),
      sends(snapshot(7, put("a", "old"))),
    );
    const two = await coordinator(sends(delta(10, put("a", "new"))));
    const { log, clock, tail } = follow([one.address, one.address, two.address]);
    await expect.poll(() => log.length).toBe(1);
    one.last().end();
    await expect.poll(() => log.length).toBe(2);
    clock.advance(200);
    await expect.poll(() => log.length).toBe(3);
    clock.advance(400);
    await expect.poll(() => log.length).toBe(4);
    expect(log).toEqual([
      "snapshot 9: ",
      "lost: unavailable",
      "lost: unavailable",
      "delta 10: a=new",
    ]);
    expect(tail.index).toBe(10);
  });

  it("leaves a coordinator whose heartbeats stay behind its own index", async () => {
    const one = await coordinator(sends(heartbeat(3)));
    const { log, clock } = follow([one.address], { fromIndex: 9 });
    await expect.poll(() => one.requests.length).toBe(1);
    for (let beat = 0; beat < 4 && log.length === 0; beat += 1) {
      const before = log.length;
      clock.advance(1001);
      one.last().send(heartbeat(3));
      // A heartbeat that changes nothing leaves no trace here, so a delta behind it marks its arrival.
      one.last().send(delta(10 + beat));
      await expect.poll(() => log.length).toBeGreaterThan(before);
      if (log.at(-1)?.startsWith("delta") === true) log.length = 0;
    }
    expect(log).toEqual(["lost: unavailable"]);
  });

  it("leaves a coordinator that lives but has no metadata, once another could have it", async () => {
    const empty = await coordinator(sends(heartbeat(0)));
    const whole = await coordinator(sends(snapshot(4, put("a", "1"))));
    const clock = new ListeningClock();
    const { log } = follow([empty.address, whole.address], { clock });
    await expect.poll(() => clock.timers).toBe(2); // one at the start, one for the first heartbeat
    for (let second = 0; second < 3; second++) await clock.beat(empty.last());
    await expect.poll(() => log).toEqual(["lost: unavailable"]);
    clock.advance(2000);
    await expect.poll(() => log[1]).toBe("snapshot 4: a=1");
  });

  it("stays with the only coordinator there is until it has metadata", async () => {
    const only = await coordinator(sends(heartbeat(0)));
    const clock = new ListeningClock();
    const { log } = follow([only.address], { clock });
    await expect.poll(() => clock.timers).toBe(2);
    for (let second = 0; second < 6; second++) await clock.beat(only.last());
    only.last().send(snapshot(1));
    await expect.poll(() => log).toEqual(["snapshot 1: "]);
  });

  it("refuses a delta before the first snapshot", async () => {
    const one = await coordinator(sends(delta(3)));
    const { log, tail } = follow([one.address]);
    await expect.poll(() => log).toEqual(["lost: internal"]);
    expect(tail.index).toBe(0);
  });

  it("doubles its waits up to two seconds while nobody answers", async () => {
    const { log, clock } = follow([]);
    const attempts: number[] = [];
    for (let ms = 0; ms <= 8000; ms += 1) {
      if (log.length > attempts.length) attempts.push(ms);
      clock.advance(1);
    }
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
  });

  it("holds every event back by the injected delay", async () => {
    const one = await coordinator(sends(snapshot(5), heartbeat(5)));
    const { log, clock } = follow([one.address], { delayMs: 500 });
    await expect.poll(() => one.requests.length).toBe(1);
    await expect
      .poll(() => {
        clock.advance(100);
        return log.length;
      })
      .toBe(2);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(500);
  });

  it("runs no callback after close", async () => {
    const one = await coordinator(sends(snapshot(5)));
    const { log, tail, clock } = follow([one.address]);
    await expect.poll(() => log.length).toBe(1);
    const over = new Promise<void>((resolve) => {
      one.last().onEnd(resolve);
    });
    tail.close();
    one.last().send(delta(6));
    await over;
    clock.advance(10_000);
    expect(log).toEqual(["snapshot 5: "]);
  });
});
