/** The client's end of a hot stream: the status comes in the trailers, or with the headers alone. */
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { constants } from "node:http2";

import type { ErrorCode } from "@millrace/base";
import { StreamError } from "@millrace/base";

import { decodeGrpcMessage, ERROR_KEY, errorOfHttpStatus, errorOfStatus } from "../status.ts";
import type { StreamContext } from "./base-stream.ts";
import { BaseStream } from "./base-stream.ts";
import { binaryHeader, plainHeaders } from "./metadata.ts";

const GRPC_CONTENT = /^application\/grpc(?:[+;].*)?$/;
const STATUS = /^\d{1,2}$/;

/** What a server's reset means. Source: gRPC over HTTP/2, "Errors". */
const CODE_OF_RESET: Readonly<Record<number, ErrorCode>> = {
  [constants.NGHTTP2_REFUSED_STREAM]: "unavailable",
  [constants.NGHTTP2_CANCEL]: "cancelled",
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: "overloaded",
  [constants.NGHTTP2_INADEQUATE_SECURITY]: "permission-denied",
};

export class ClientStream extends BaseStream {
  readonly #stream: ClientHttp2Stream;
  readonly #address: string;
  /** The connection, or the attempt at one, is gone or going. */
  readonly #isLost: () => boolean;
  #status: { readonly error: StreamError | undefined } | undefined;

  constructor(
    stream: ClientHttp2Stream,
    address: string,
    isLost: () => boolean,
    context: StreamContext,
  ) {
    super(stream, context);
    this.#stream = stream;
    this.#address = address;
    this.#isLost = isLost;
    stream.on("response", (headers) => this.#onResponse(headers));
    stream.on("trailers", (trailers: IncomingHttpHeaders) => {
      this.#status = { error: statusFrom(trailers) };
      // With a reader at work, the messages before the trailers come first: see remoteEnd.
      if (this.idle) this.remoteEnd();
    });
  }

  onHalfClose(): void {} // a server's half close is the end

  /** From now on the call has `timeoutMs` milliseconds; then it is cancelled here, whatever the server does. */
  limitTo(timeoutMs: number): void {
    this.setDeadline(timeoutMs, () => {
      this.cancel(new StreamError("deadline", `no end of the call within its ${timeoutMs} ms`));
    });
  }

  end(error?: StreamError): void {
    if (error !== undefined) {
      this.cancel(error);
      return;
    }
    if (this.ended || this.#stream.writableEnded) return;
    this.writer.finish();
    this.#stream.end();
  }

  protected remoteEnd(): void {
    if (this.#status === undefined) return; // the close that follows a reset says why
    this.finish(this.#status.error);
    // A server may answer before we half-closed; nothing that is still queued would be read.
    if (!this.#stream.writableEnded) this.reset(constants.NGHTTP2_NO_ERROR);
  }

  protected refuse(error: StreamError): void {
    this.cancel(error);
  }

  protected lossOf(error: Error | undefined): StreamError | undefined {
    if (this.#status !== undefined) return this.#status.error;
    const code = this.#stream.rstCode;
    if (code === constants.NGHTTP2_REFUSED_STREAM) return this.#reset(code, error);
    if (this.#stream.pending) {
      return new StreamError("unavailable", `no connection to ${this.#address}`, { cause: error });
    }
    if (this.#isLost()) {
      return new StreamError("indeterminate", `the connection to ${this.#address} was lost`, {
        cause: error,
      });
    }
    return this.#reset(code ?? constants.NGHTTP2_INTERNAL_ERROR, error);
  }

  #reset(code: number, cause: Error | undefined): StreamError {
    return new StreamError(
      CODE_OF_RESET[code] ?? "internal",
      `${this.#address} reset the stream with HTTP/2 code ${code}`,
      { cause },
    );
  }

  #onResponse(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    const refusal = refusalOf(headers);
    if (refusal !== undefined) {
      this.cancel(refusal);
      return;
    }
    if (headers["grpc-status"] === undefined) return;
    this.#status = { error: statusFrom(headers) }; // headers alone, no message will come
    this.remoteEnd();
  }
}

/** An answer that is not gRPC, or that we cannot read. */
function refusalOf(
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
): StreamError | undefined {
  const httpStatus = headers[":status"] ?? 0;
  if (httpStatus !== 200) return errorOfHttpStatus(httpStatus);
  const type = headers["content-type"] ?? "";
  if (!GRPC_CONTENT.test(type)) {
    return new StreamError("internal", `the peer answered with content-type ${type}, not gRPC`);
  }
  const encoding = headers["grpc-encoding"];
  if (encoding === undefined || encoding === "identity") return undefined;
  return new StreamError("unsupported", `grpc-encoding is ${String(encoding)}, known is identity`);
}

function statusFrom(received: IncomingHttpHeaders): StreamError | undefined {
  const headers = plainHeaders(received);
  const status = headers["grpc-status"] ?? "";
  if (!STATUS.test(status)) {
    return new StreamError("internal", `the peer ended the stream with grpc-status "${status}"`);
  }
  if (Number(status) === 0) return undefined;
  const message = decodeGrpcMessage(headers["grpc-message"] ?? "");
  return errorOfStatus(Number(status), message, binaryHeader(headers, ERROR_KEY));
}
