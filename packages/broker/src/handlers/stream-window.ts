/**
 * Holds a stream's unanswered requests within bounds by not reading further: a caller that sends faster
 * than the shard answers is slowed by HTTP/2's own flow control instead of filling memory here.
 */
import { asStreamError } from "@millrace/base";

import type { MessageStream } from "../ports.ts";

export class StreamWindow {
  readonly #stream: MessageStream;
  readonly #requestsMax: number;
  readonly #bytesMax: number;
  #requests = 0;
  #bytes = 0;
  #congested = false;
  #paused = false;
  #closing = false;
  #ended = false;

  constructor(stream: MessageStream, requestsMax: number, bytesMax: number) {
    this.#stream = stream;
    this.#requestsMax = requestsMax;
    this.#bytesMax = bytesMax;
    stream.onDrain(() => {
      this.#congested = false;
      this.#adjust();
    });
    stream.onHalfClose(() => {
      this.#closing = true;
      this.#endWhenDone();
    });
  }

  began(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
    this.#adjust();
  }

  /** @param bytes as given to `began`. */
  answered(bytes: number, parts: readonly Uint8Array[]): void {
    this.#requests--;
    this.#bytes -= bytes;
    if (this.#ended) return;
    this.#send(parts);
    this.#adjust();
    this.#endWhenDone();
  }

  /** The stream is gone: answers that still come are dropped. */
  ended(): void {
    this.#ended = true;
  }

  #send(parts: readonly Uint8Array[]): void {
    try {
      if (!this.#stream.send(parts)) this.#congested = true;
    } catch (error) {
      // More answers are queued than the codec holds: the caller does not read. Its stream ends.
      this.#ended = true;
      this.#stream.cancel(asStreamError(error));
    }
  }

  #endWhenDone(): void {
    if (this.#ended) return;
    if (this.#closing && this.#requests === 0) this.#stream.end();
  }

  #adjust(): void {
    if (this.#ended) return;
    const full =
      this.#congested || this.#requests >= this.#requestsMax || this.#bytes >= this.#bytesMax;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }
}
