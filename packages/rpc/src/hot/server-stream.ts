/** The server's end of a hot stream: answers, then trailers with the status. */
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";

import { encodeGrpcMessage, statusOf, ERROR_KEY } from "../status.ts";
import type { StreamContext } from "./base-stream.ts";
import { BaseStream } from "./base-stream.ts";
import { toBase64 } from "./metadata.ts";

const CONTENT_TYPE = "application/grpc+proto";
/** Milliseconds that a client has to close its half after our trailers. */
const LINGER_MS = 1000;

/** Milliseconds that a call which ended with an error has to get rid of its queue and trailers. */
const FAREWELL_MS = 10_000;

/**
 * Frees the slot of a client that was told the end and keeps its half open. Not at once: nghttp2 drops
 * trailers that wait behind other output as soon as a reset of the stream is queued.
 */
function closeLater(stream: ServerHttp2Stream, clock: Clock): void {
  stream.resume(); // drops what still arrives, so that the stream can close by itself
  const timer = clock.schedule(LINGER_MS, () => stream.close(constants.NGHTTP2_NO_ERROR));
  stream.once("close", () => timer.cancel());
}

/** Trailers of a call; `undefined` is success. */
function statusHeaders(error: StreamError | undefined): Record<string, string> {
  if (error === undefined) return { "grpc-status": "0" };
  const { status, message, details } = statusOf(error);
  return {
    "grpc-status": String(status),
    "grpc-message": encodeGrpcMessage(message),
    [ERROR_KEY]: toBase64(details),
  };
}

/** Answers a call that never became a stream: one header block that is also the end. */
export function refuseCall(stream: ServerHttp2Stream, error: StreamError, clock: Clock): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.on("error", () => {}); // the caller is told already; that it went away changes nothing
  stream.respond(
    { ":status": 200, "content-type": CONTENT_TYPE, ...statusHeaders(error) },
    { endStream: true },
  );
  closeLater(stream, clock);
}

export class ServerStream extends BaseStream {
  readonly #stream: ServerHttp2Stream;
  #onHalfClose: (() => void) | undefined;
  readonly #session: Http2Session | undefined;
  #status: { readonly error: StreamError | undefined } | undefined;

  constructor(stream: ServerHttp2Stream, context: StreamContext) {
    super(stream, context);
    this.#stream = stream;
    this.#session = stream.session; // gone from the stream when it closes
    stream.respond(
      { ":status": 200, "content-type": CONTENT_TYPE, "grpc-accept-encoding": "identity" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => {
      if (stream.destroyed || stream.closed) return;
      stream.sendTrailers(statusHeaders(this.#status?.error));
      closeLater(stream, context.clock);
    });
  }

  onHalfClose(callback: () => void): void {
    this.#onHalfClose = callback;
  }

  /** From here on the call has `timeoutMs` milliseconds; then it ends with `deadline`. */
  limitTo(timeoutMs: number): void {
    this.setDeadline(timeoutMs, () => {
      this.end(new StreamError("deadline", `the call did not end within its ${timeoutMs} ms`));
    });
  }

  end(error?: StreamError): void {
    if (this.ended || this.#status !== undefined) return;
    this.#status = { error };
    this.writer.finish();
    this.#stream.end();
    // Trailers wait behind queued messages, and those for a client that may have stopped reading.
    if (error !== undefined) {
      this.setDeadline(FAREWELL_MS, () => this.cancel(error));
    }
  }

  protected remoteEnd(): void {
    if (this.#onHalfClose === undefined) this.end();
    else this.#onHalfClose();
  }

  protected refuse(error: StreamError): void {
    this.pause();
    this.end(error);
  }

  protected lossOf(error: Error | undefined): StreamError | undefined {
    const code = this.#stream.rstCode;
    if (this.#status !== undefined && error === undefined && code === constants.NGHTTP2_NO_ERROR) {
      return this.#status.error;
    }
    if (this.#session !== undefined && !this.#session.destroyed) {
      return new StreamError("cancelled", "the client cancelled the call", { cause: error });
    }
    return new StreamError("indeterminate", "the connection to the client was lost", {
      cause: error,
    });
  }
}
