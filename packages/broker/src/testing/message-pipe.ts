import type { StreamError } from "@millrace/base";

import type { MessageStream } from "../ports.ts";

/** The server's end of a stream whose other end is the test. */
export class MessagePipe implements MessageStream {
  readonly sent: Buffer[] = [];
  paused = false;
  ended: StreamError | "good" | undefined;
  /** What `send` answers: false stands for a peer that does not read. */
  takes = true;
  #receive: (message: Buffer) => void = () => undefined;
  #drained: () => void = () => undefined;
  #closed: () => void = () => undefined;
  #gone: (error: StreamError | undefined) => void = () => undefined;

  send(parts: readonly Uint8Array[]): boolean {
    this.sent.push(Buffer.concat(parts));
    return this.takes;
  }
  onMessage(receive: (message: Buffer) => void): void {
    this.#receive = receive;
  }
  onDrain(drained: () => void): void {
    this.#drained = drained;
  }
  onHalfClose(closed: () => void): void {
    this.#closed = closed;
  }
  onEnd(gone: (error: StreamError | undefined) => void): void {
    this.#gone = gone;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(error?: StreamError): void {
    this.ended = error ?? "good";
  }
  cancel(reason: StreamError): void {
    this.ended = reason;
  }

  // The test's end.

  receive(parts: readonly Uint8Array[]): void {
    this.#receive(Buffer.concat(parts));
  }
  drain(): void {
    this.takes = true;
    this.#drained();
  }
  halfClose(): void {
    this.#closed();
  }
  lose(): void {
    this.#gone(undefined);
  }
}
