/**
 * The `admin` port: /metrics for Prometheus, /health/live and /health/ready for Kubernetes, and POST /scrub,
 * which looks at all files of the node for damage and answers with what it found.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { PrometheusMetrics } from "./metrics.ts";

export interface HealthReport {
  readonly ready: boolean;
  /** What is missing, in words; empty when ready. */
  readonly waitingFor: readonly string[];
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: PrometheusMetrics;
  /** Undefined while the process works; otherwise why it must be restarted. */
  readonly failure: () => string | undefined;
  readonly health: () => HealthReport;
  /** Looks at all files; undefined where there are none. The answer is sent as JSON. */
  readonly scrub: (() => Promise<object>) | undefined;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const JSON_TYPE = "application/json";

export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const answer = async (method: string, path: string): Promise<Answer> => {
    if (path === "/metrics") {
      return {
        status: 200,
        type: options.metrics.contentType,
        body: await options.metrics.expose(),
      };
    }
    if (path === "/health/live") {
      const failure = options.failure();
      const body = JSON.stringify({ live: failure === undefined, failure });
      return { status: failure === undefined ? 200 : 503, type: JSON_TYPE, body };
    }
    if (path === "/health/ready") {
      const report = options.health();
      return { status: report.ready ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(report) };
    }
    if (path === "/scrub") return scrub(options, method);
    const body = JSON.stringify({
      error: `no ${path} here: try /metrics, /health/live, /health/ready, POST /scrub`,
    });
    return { status: 404, type: JSON_TYPE, body };
  };
  const server = createServer(
    { requestTimeout: 10_000, maxHeaderSize: 16 * 1024 },
    (request, response) => {
      const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
      request.resume();
      answer(request.method ?? "GET", path).then(
        ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    },
  );
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function scrub({ scrub: look }: AdminServerOptions, method: string): Promise<Answer> {
  if (look === undefined) {
    return { status: 404, type: JSON_TYPE, body: `{"error":"this process keeps no files"}` };
  }
  if (method !== "POST") {
    return { status: 405, type: JSON_TYPE, body: `{"error":"use POST to look at all files"}` };
  }
  return { status: 200, type: JSON_TYPE, body: JSON.stringify(await look()) };
}
