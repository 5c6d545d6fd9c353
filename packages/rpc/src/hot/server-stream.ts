/** The server's end of a hot stream: answers, then trailers with the status. */
import type { ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import { StreamError } from "@millrace/base";

import { encodeGrpcMessage, statusOf, ERROR_KEY } from "../status.ts";
import type { StreamContext } from "./base-stream.ts";
import { BaseStream } from "./base-stream.ts";
import { toBase64 } from "./metadata.ts";

const CONTENT_TYPE = "application/grpc+proto";

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
export function refuseCall(stream: ServerHttp2Stream, error: StreamError): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.on("error", () => {}); // the caller is told already; that it went away changes nothing
  stream.respond(
    { ":status": 200, "content-type": CONTENT_TYPE, ...statusHeaders(error) },
    { endStream: true },
  );
  stream.close(constants.NGHTTP2_NO_ERROR);
  stream.resume();
}

export class ServerStream extends BaseStream {
  readonly #stream: ServerHttp2Stream;
  #onHalfClose: (() => void) | undefined;
  #halfClosed = false;
  #status: { readonly error: StreamError | undefined } | undefined;

  constructor(stream: ServerHttp2Stream, context: StreamContext) {
    super(stream, context);
    this.#stream = stream;
    stream.respond(
      { ":status": 200, "content-type": CONTENT_TYPE, "grpc-accept-encoding": "identity" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => {
      stream.sendTrailers(statusHeaders(this.#status?.error));
      // A client that has not half-closed would keep the stream open, and its slot taken, for ever.
      if (!this.#halfClosed) this.reset(constants.NGHTTP2_NO_ERROR);
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
    this.writer.flush();
    this.#stream.end();
  }

  protected remoteEnd(): void {
    this.#halfClosed = true;
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
    if (error === undefined && code === constants.NGHTTP2_CANCEL && this.#connected()) {
      return new StreamError("cancelled", "the client cancelled the call");
    }
    return new StreamError("indeterminate", "the connection to the client was lost", {
      cause: error,
    });
  }

  #connected(): boolean {
    const session = this.#stream.session;
    return session !== undefined && !session.destroyed && !session.closed;
  }
}
