/** A gateway on 127.0.0.1 over a cluster in memory, with a wall clock that tests set. */
import type { Clock } from "@millrace/base";
import { NO_METRICS, SILENT_LOGGER } from "@millrace/base";

import type { Gateway, GatewayOptions } from "../gateway.ts";
import { createGateway } from "../gateway.ts";
import { FakeBackend, openSecret } from "./fake-backend.ts";

/** Timers of the system, a wall clock of the test's. */
export class TestClock implements Clock {
  #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs();
  }
  monotonicMs(): number {
    return performance.now();
  }
  schedule(delayMs: number, run: () => void) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }
  soon(run: () => void): void {
    setImmediate(run);
  }
}

export interface TestGateway {
  readonly backend: FakeBackend;
  readonly gateway: Gateway;
  readonly url: string;
}

export async function startGateway(
  options: Partial<GatewayOptions> & { readonly backend?: FakeBackend } = {},
): Promise<TestGateway> {
  const backend = options.backend ?? new FakeBackend(Date.now());
  const gateway = await createGateway({
    host: "127.0.0.1",
    port: 0,
    clock: new TestClock(),
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
    openSecret,
    ...options,
    backend,
  });
  const scheme = options.tls === undefined ? "http" : "https";
  return { backend, gateway, url: `${scheme}://127.0.0.1:${gateway.port}` };
}
