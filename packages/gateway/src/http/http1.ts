/** HTTP/1.1 connections: keep-alive, `Expect: 100-continue`, and bounds on how long a caller may take. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";

import type { Front } from "./front.ts";

export interface ConnectionTimeouts {
  /** For the first bytes of a connection, the TLS handshake and the headers of each request. @default 10,000 */
  readonly headersMs: number;
  /** For a whole request. @default 60,000 */
  readonly requestMs: number;
  /** For a connection without a request; longer than the 60 s that load balancers keep theirs. @default 75,000 */
  readonly idleMs: number;
}

const CHECK_EVERY_MS = 5000;

/** A server that listens on nothing: connections are handed to it with `emit("connection", socket)`. */
export function createHttp1(front: Front, timeouts: ConnectionTimeouts): Server {
  const server = createServer({
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.idleMs,
    connectionsCheckingInterval: Math.min(timeouts.headersMs, CHECK_EVERY_MS),
  });
  // Node looks after the time-outs of a server's connections from the moment when it listens, and
  // this one never does: without this, a caller that stops inside its headers would stay for ever.
  server.emit("listening");
  const serve = (request: IncomingMessage, response: ServerResponse, waits: boolean) => {
    const proceed = () => {
      if (waits) response.writeContinue();
    };
    answer(front, server, request, response, proceed).catch(() => response.destroy()); // gone while it was answered
  };
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  return server;
}

async function answer(
  front: Front,
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
  proceed: () => void,
): Promise<void> {
  const reply = await front.answer({
    method: request.method ?? "",
    target: request.url ?? "/",
    header: (name) => joined(request.headers[name]),
    stream: request,
    proceed,
  });
  if (reply === undefined || response.destroyed) return;
  const close = reply.refused === true || closing.has(server);
  response.writeHead(reply.status, {
    ...reply.headers,
    "Content-Length": Buffer.byteLength(reply.body),
    ...(close ? { Connection: "close" } : {}),
  });
  response.end(reply.body, () => {
    if (reply.refused === true) request.destroy(); // what it still sends would be read as the next request
  });
}

const closing = new WeakSet<Server>();

/** From now on each answer ends its connection; idle ones end at once. */
export function drainHttp1(server: Server): void {
  closing.add(server);
  server.close();
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join(",") : value;
}
