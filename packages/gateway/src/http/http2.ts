/**
 * HTTP/2 connections, by prior knowledge or after TLS, with or without ALPN: the Java clients of
 * several years do each of these. PINGs are answered by Node itself.
 *
 * Windows are large, because a put of 10 MiB through 64 KiB windows takes a round trip per 64 KiB.
 */
import type { Duplex } from "node:stream";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants, performServerHandshake } from "node:http2";

import type { Front } from "./front.ts";
import type { ConnectionTimeouts } from "./http1.ts";

const STREAMS_MAX = 4096;
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 32 * 1024 * 1024;
/** What one connection may hold inside Node, megabytes; the default of 10 is less than one large put. */
const SESSION_MEMORY_MB = 256;

export class Http2Sessions {
  readonly #front: Front;
  readonly #timeouts: ConnectionTimeouts;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(front: Front, timeouts: ConnectionTimeouts) {
    this.#front = front;
    this.#timeouts = timeouts;
  }

  /** Takes over a connection whose first bytes are still to be read. */
  accept(socket: Duplex): void {
    const session = performServerHandshake(socket, {
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.on("error", () => session.destroy()); // the far end's fault, and the connection's end
    session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
    session.setTimeout(this.#timeouts.idleMs, () => session.close());
    session.on("stream", (stream, headers) => {
      this.#serve(stream, headers).catch(() => stream.destroy()); // gone while it was answered
    });
  }

  /** Tells every far end to send no new request; those that run are answered. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on("error", () => stream.destroy());
    stream.setTimeout(this.#timeouts.requestMs, () => stream.close(constants.NGHTTP2_CANCEL));
    const reply = await this.#front.answer({
      method: text(headers[":method"]) ?? "",
      target: text(headers[":path"]) ?? "/",
      header: (name) => text(headers[name]),
      stream,
      proceed: () => {
        if (headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
      },
    });
    if (reply === undefined || stream.destroyed || stream.closed) return;
    const endStream = Buffer.byteLength(reply.body) === 0;
    stream.respond(
      {
        ":status": reply.status,
        "content-length": Buffer.byteLength(reply.body),
        ...reply.headers,
      },
      { endStream },
    );
    if (!endStream) stream.end(reply.body);
    if (reply.refused === true) closeOnceAnswered(stream);
  }
}

/**
 * Stops the far end's sending with NO_ERROR (RFC 9113, 8.1), but only after the answer has left: a
 * reset in the same turn overtakes the headers on Node 22.
 */
function closeOnceAnswered(stream: ServerHttp2Stream): void {
  const close = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
  if (stream.writableFinished) setImmediate(close);
  else stream.once("finish", () => setImmediate(close));
}

function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join(",") : value;
}
