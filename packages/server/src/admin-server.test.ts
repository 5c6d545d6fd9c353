import { afterEach, describe, expect, it } from "vitest";

import type { AdminServer } from "./admin-server.ts";
import { startAdminServer } from "./admin-server.ts";
import { createMetrics } from "./metrics.ts";

let running: AdminServer | undefined;
afterEach(() => running?.close());

describe("the admin port", () => {
  it("tells metrics, liveness and readiness apart, and names what is missing", async () => {
    const metrics = createMetrics();
    metrics.counter("millrace_things_total", "Things", { kind: "a" }).add(2);
    metrics.counter("millrace_things_total", "Things", { kind: "b" });
    let failure: string | undefined;
    let waitingFor = ["a leader of the metadata group"];
    running = await startAdminServer({
      host: "127.0.0.1",
      port: 0,
      metrics,
      failure: () => failure,
      health: () => ({ ready: waitingFor.length === 0, waitingFor }),
      scrub: undefined,
    });
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${running?.port}${path}`);
      return { status: response.status, text: await response.text() };
    };
    expect((await get("/metrics")).text).toContain('millrace_things_total{kind="a"} 2');
    expect((await get("/metrics")).text).toContain('millrace_things_total{kind="b"} 0');
    expect(await get("/health/live")).toEqual({ status: 200, text: '{"live":true}' });
    expect(await get("/health/ready")).toEqual({
      status: 503,
      text: '{"ready":false,"waitingFor":["a leader of the metadata group"]}',
    });
    failure = "fsync failed";
    waitingFor = [];
    expect((await get("/health/live")).status).toBe(503);
    expect((await get("/health/ready")).status).toBe(200);
    expect((await get("/nothing")).status).toBe(404);
  });

  it("looks at all files when it is asked to by POST, and nowhere else", async () => {
    let looks = 0;
    const common = { host: "127.0.0.1", port: 0, metrics: createMetrics() };
    running = await startAdminServer({
      ...common,
      failure: () => undefined,
      health: () => ({ ready: true, waitingFor: [] }),
      scrub: async () => ({ damagedExtents: looks++ }),
    });
    const ask = async (method: string) => {
      const response = await fetch(`http://127.0.0.1:${running?.port}/scrub`, { method });
      return { status: response.status, text: await response.text() };
    };
    expect((await ask("GET")).status).toBe(405);
    expect(await ask("POST")).toEqual({ status: 200, text: '{"damagedExtents":0}' });
    expect(looks).toBe(1);
  });
});
