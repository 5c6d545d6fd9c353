/**
 * The gateway of one process: AWS programs on one side, a cluster on the other. It holds no state
 * but keys that it can derive again, so any number of gateways serve one cluster.
 */
import type { Clock, Logger, Metrics } from "@millrace/base";

import type { OpenSecret } from "./auth/credentials.ts";
import { SigningKeys } from "./auth/credentials.ts";
import type { GatewayBackend } from "./backend.ts";
import type { FrontLimits } from "./http/front.ts";
import { Front } from "./http/front.ts";
import type { ConnectionTimeouts } from "./http/http1.ts";
import type { PortOptions } from "./http/port.ts";
import { Port } from "./http/port.ts";
import { GatewayMetrics } from "./metrics.ts";
import type { Deadlines } from "./operations/call.ts";
import { serveKinesis } from "./protocol/kinesis-service.ts";
import { TokenSealer } from "./tokens/token-sealer.ts";

export interface GatewayLimits extends FrontLimits, ConnectionTimeouts, Deadlines {
  /** Connections at a time. @default 10,000 */
  readonly connectionsMax: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  bodyBytesMax: 20 * 1024 * 1024,
  bodiesBytesMax: 512 * 1024 * 1024,
  requestsMax: 4096,
  connectionsMax: 10_000,
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 75_000,
  barrierMs: 5000,
  putMs: 5000,
  readMs: 5000,
  answerMs: 8000,
};

export interface GatewayOptions {
  readonly backend: GatewayBackend;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM; absent, the port speaks no TLS. */
  readonly tls?: NonNullable<PortOptions["tls"]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly openSecret: OpenSecret;
  readonly limits?: Partial<GatewayLimits>;
}

export interface Gateway {
  /** The port that it listens on. */
  readonly port: number;
  /** Takes no new request, answers those that run for up to `graceMs` milliseconds, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Listens when the promise resolves. @throws Error of the system when the port cannot be had. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { backend, clock, logger, openSecret } = options;
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  const tokens = new TokenSealer(backend.view, openSecret);
  const keys = new SigningKeys(openSecret);
  const deps = { backend, clock, logger, keys, tokens, deadlines: limits };
  const metrics = new GatewayMetrics(options.metrics);
  const front = new Front(limits, (request) => serveKinesis(deps, request), clock, metrics);
  const listener = new Port(
    front,
    {
      host: options.host,
      port: options.port,
      timeouts: limits,
      connectionsMax: limits.connectionsMax,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    },
    clock,
    logger,
  );
  const port = await listener.listen();
  logger.info("the gateway listens", { host: options.host, port, tls: options.tls !== undefined });
  return { port, close: (graceMs) => listener.close(graceMs) };
}
