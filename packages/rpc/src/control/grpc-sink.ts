import type { ServerWritableStream, StatusObject } from "@grpc/grpc-js";
import { StreamError } from "@millrace/base";

import type { MessageSink } from "./control-service.ts";

/**
 * Messages that may wait for a slow caller. grpc-js queues without a bound; with messages of at most
 * 1 MiB this caps a stream at 64 MiB.
 */
export const SINK_MESSAGES_MAX = 64;

/** `MessageSink` over a server stream of grpc-js. */
export class GrpcSink implements MessageSink<object> {
  readonly #call: ServerWritableStream<object, object>;
  readonly #toStatus: (error: StreamError) => StatusObject;
  #over = false;
  #onEnd: (() => void) | undefined;

  constructor(
    call: ServerWritableStream<object, object>,
    toStatus: (error: StreamError) => StatusObject,
  ) {
    this.#call = call;
    this.#toStatus = toStatus;
    call.once("cancelled", () => this.#finish());
    call.once("close", () => this.#finish());
  }

  send(message: object): boolean {
    if (this.#over) return true;
    if (this.#call.writableLength >= SINK_MESSAGES_MAX) {
      throw new StreamError(
        "overloaded",
        `${this.#call.writableLength} messages wait on this stream, at most ${SINK_MESSAGES_MAX} may`,
      );
    }
    return this.#call.write(message);
  }

  onDrain(callback: () => void): void {
    this.#call.on("drain", callback);
  }

  onEnd(callback: () => void): void {
    this.#onEnd = callback;
    if (this.#over) this.#report();
  }

  end(error?: StreamError): void {
    if (this.#over) return;
    if (error === undefined) this.#call.end();
    // grpc-js ends a server stream with a status by the error event of its own stream object.
    else this.#call.emit("error", this.#toStatus(error));
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#report();
  }

  #report(): void {
    const callback = this.#onEnd;
    this.#onEnd = undefined;
    callback?.();
  }
}
