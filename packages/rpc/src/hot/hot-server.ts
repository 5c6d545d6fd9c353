/**
 * Serves hot streams: gRPC over HTTP/2 on a port of its own, without grpc-js, whose server cannot raise
 * its receive windows and copies every message twice.
 *
 * A call is refused with a status of its own, never by closing the connection: one bad caller must not
 * take down the streams of others that share it.
 */
import type {
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import { createSecureServer, createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import type { Clock, Logger } from "@millrace/base";
import { asStreamError, StreamError } from "@millrace/base";

import { parseGrpcTimeout } from "../deadline.ts";
import { within } from "../within.ts";
import type { StreamContext } from "./base-stream.ts";
import type { CallInfo, HotStream } from "./hot-stream.ts";
import { keepAlive } from "./keepalive.ts";
import type { HotLimits } from "./limits.ts";
import { HOT_LIMITS, SESSION_MEMORY_MB_MAX } from "./limits.ts";
import { plainHeaders } from "./metadata.ts";
import { refuseCall, ServerStream } from "./server-stream.ts";

/** PEM texts. With `ca`, a client must show a certificate that it signed. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

export interface HotServerOptions<Principal> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Handlers by `/package.Service/Method`. Each registers its callbacks before it returns. */
  readonly services: Readonly<
    Record<string, (stream: HotStream, call: CallInfo<Principal>) => void>
  >;
  /** Who calls. A `StreamError` that it throws refuses the call; the handler does not run before it resolves. */
  readonly authenticate: (call: CallInfo) => Principal | Promise<Principal>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<HotLimits>;
  readonly tls?: ServerTls;
}

export interface HotServer {
  readonly port: number;
  /**
   * Takes no new connections and streams at once; open streams get `graceMs` to end, then they end
   * with `unavailable`. Resolves when all is closed.
   */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds that the last trailers have to leave before the connections are cut. */
const FAREWELL_MS = 500;
const GRPC_CONTENT = /^application\/grpc(?:\+proto)?(?:;.*)?$/;

/** @throws The system's error, such as EADDRINUSE, when the port cannot be taken. */
export async function createHotServer<Principal>(
  options: HotServerOptions<Principal>,
): Promise<HotServer> {
  const server = new Server(options);
  const port = await server.listen();
  return { port, close: (graceMs) => server.close(graceMs) };
}

class Server<Principal> {
  readonly #options: HotServerOptions<Principal>;
  readonly #context: StreamContext;
  readonly #http2: Http2Server;
  /** Open connections; the address is kept, since it is gone from a session that closed. */
  readonly #peers = new Map<Http2Session, string>();
  readonly #streams = new Set<ServerStream>();
  #closing = false;

  constructor(options: HotServerOptions<Principal>) {
    this.#options = options;
    const limits = { ...HOT_LIMITS, ...options.limits };
    this.#context = { clock: options.clock, logger: options.logger, limits };
    this.#http2 = this.#create(limits);
    this.#http2.on("session", (session) => this.#onSession(session));
    this.#http2.on("stream", (stream, headers) => this.#onStream(stream, headers));
  }

  #create(limits: HotLimits): Http2Server {
    const settings = {
      settings: {
        initialWindowSize: limits.windowBytes,
        maxFrameSize: limits.frameBytesMax,
        maxConcurrentStreams: limits.streamsMax,
        maxHeaderListSize: limits.headerBytesMax,
        enablePush: false,
      },
      maxSessionMemory: SESSION_MEMORY_MB_MAX,
      maxSendHeaderBlockLength: limits.headerBytesMax,
    };
    const { tls } = this.#options;
    const server =
      tls === undefined
        ? createServer(settings)
        : createSecureServer({ ...settings, ...tls, requestCert: tls.ca !== undefined });
    server.maxConnections = limits.connectionsMax;
    return server;
  }

  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#http2.once("error", reject);
      this.#http2.listen(port, host, () => {
        this.#http2.off("error", reject);
        this.#http2.on("error", (error) => {
          this.#options.logger.error("data server failed", { error: error.message });
        });
        resolve((this.#http2.address() as AddressInfo).port);
      });
    });
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => {
      this.#http2.close(() => resolve());
    });
    for (const session of this.#peers.keys()) session.close();
    const { clock } = this.#context;
    await within(clock, closed, graceMs);
    const leaving = new StreamError("unavailable", "this process is shutting down");
    for (const stream of this.#streams) stream.end(leaving);
    await within(clock, closed, FAREWELL_MS);
    for (const session of this.#peers.keys()) session.destroy();
    // A socket that is still in its TLS handshake has no session; its own timeout ends it.
    await within(clock, closed, FAREWELL_MS);
  }

  #onSession(session: ServerHttp2Session): void {
    const { limits, clock, logger } = this.#context;
    const peer = peerOf(session);
    session.setLocalWindowSize(limits.windowBytes);
    this.#peers.set(session, peer);
    session.once("close", () => this.#peers.delete(session));
    session.on("error", (error: Error) => {
      logger.debug("data connection failed", { peer, error: error.message });
    });
    const onDead = (): void => {
      logger.info("data connection is silent, closing it", { peer });
      session.destroy();
    };
    keepAlive(session, { clock, ...limits, onDead });
    if (this.#closing) session.close();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call: CallInfo = {
      path: headers[":path"] ?? "",
      headers: plainHeaders(headers),
      peer: (stream.session && this.#peers.get(stream.session)) ?? "?",
    };
    this.#accept(stream, headers[":method"], call).catch((error: unknown) => {
      const refusal = asStreamError(error);
      if (refusal.code === "internal") {
        this.#context.logger.error("data call failed", { path: call.path, error: refusal.stack });
      }
      refuseCall(stream, refusal, this.#context.clock);
    });
  }

  async #accept(
    stream: ServerHttp2Stream,
    method: string | undefined,
    call: CallInfo,
  ): Promise<void> {
    stream.on("error", () => {}); // without a listener, a client that leaves would end the process
    const handler = this.#handlerOf(method, call);
    const timeout = call.headers["grpc-timeout"];
    const timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    const acceptedAtMs = this.#context.clock.monotonicMs();
    const given = this.#options.authenticate(call);
    const principal = given instanceof Promise ? await given : given;
    if (stream.destroyed || stream.closed) return;
    const hot = new ServerStream(stream, this.#context);
    this.#streams.add(hot);
    stream.once("close", () => this.#streams.delete(hot));
    if (timeoutMs !== undefined) {
      hot.limitTo(Math.max(0, timeoutMs - (this.#context.clock.monotonicMs() - acceptedAtMs)));
    }
    this.#run(handler, hot, { ...call, principal });
  }

  /** A handler that throws ends its own stream; a bug is logged with its stack. */
  #run(
    handler: (stream: HotStream, call: CallInfo<Principal>) => void,
    hot: ServerStream,
    call: CallInfo<Principal>,
  ): void {
    try {
      handler(hot, call);
    } catch (error) {
      const failure = asStreamError(error);
      if (failure.code === "internal") {
        this.#context.logger.error("data call failed", { path: call.path, error: failure.stack });
      }
      hot.end(failure);
    }
  }

  #handlerOf(
    method: string | undefined,
    call: CallInfo,
  ): (stream: HotStream, call: CallInfo<Principal>) => void {
    const type = call.headers["content-type"] ?? "";
    if (method !== "POST" || !GRPC_CONTENT.test(type)) {
      throw new StreamError(
        "unsupported",
        `a call is a POST of application/grpc+proto, not a ${method ?? "?"} of ${type}`,
      );
    }
    const encoding = call.headers["grpc-encoding"] ?? "identity";
    if (encoding !== "identity") {
      throw new StreamError("unsupported", `grpc-encoding is ${encoding}, known is identity`);
    }
    const { services } = this.#options;
    const handler = Object.hasOwn(services, call.path) ? services[call.path] : undefined;
    if (handler !== undefined) return handler;
    throw new StreamError("unsupported", `method ${call.path} is not served on this port`);
  }
}

function peerOf({ socket }: Http2Session): string {
  return `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? 0}`;
}
