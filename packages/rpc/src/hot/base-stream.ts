/**
 * What both ends of a hot stream share: reading, writing, and ending exactly once.
 *
 * The end has many causes (trailers, reset, lost connection, deadline, own cancel) that can come
 * together; `finish` lets the first one through and nothing after it. The good end waits for messages
 * that a paused reader has not taken; a failure does not.
 */
import type { Http2Stream } from "node:http2";
import { constants } from "node:http2";

import type { Clock, Logger, Timer } from "@millrace/base";
import { StreamError } from "@millrace/base";

import type { HotStream } from "./hot-stream.ts";
import type { HotLimits } from "./limits.ts";
import { MessageReader } from "./message-reader.ts";
import { MessageWriter } from "./message-writer.ts";

export interface StreamContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: HotLimits;
}

export abstract class BaseStream implements HotStream {
  protected readonly http2: Http2Stream;
  protected readonly writer: MessageWriter;
  protected readonly context: StreamContext;
  readonly #reader: MessageReader;
  #onMessage: ((message: Buffer) => void) | undefined;
  #onDrain: (() => void) | undefined;
  #onEnd: ((error: StreamError | undefined) => void) | undefined;
  #outcome: { readonly error: StreamError | undefined } | undefined;
  #reportedEnd = false;
  #remoteEnded = false;
  #remoteEndReported = false;
  #deadline: Timer | undefined;

  constructor(http2: Http2Stream, context: StreamContext) {
    this.http2 = http2;
    this.context = context;
    const { clock, limits } = context;
    this.writer = new MessageWriter(http2, clock, limits, () => this.#onDrain?.());
    this.#reader = new MessageReader(limits.messageBytesMax, (message) => this.#deliver(message));
    http2.on("data", (chunk: Buffer) => this.#read(() => this.#reader.push(chunk)));
    http2.pause(); // until somebody reads messages: the window holds the peer back
    http2.on("end", () => {
      this.#remoteEnded = true;
      this.#maybeRemoteEnd();
    });
    http2.on("error", (error: Error) => this.finish(this.lossOf(error)));
    http2.on("close", () => this.finish(this.lossOf(undefined)));
  }

  get queuedBytes(): number {
    return this.writer.queuedBytes;
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  send(parts: readonly Uint8Array[]): boolean {
    return this.writer.send(parts);
  }

  onMessage(callback: (message: Buffer) => void): void {
    this.#onMessage = callback;
    this.resume();
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  abstract onHalfClose(callback: () => void): void;

  onEnd(callback: (error: StreamError | undefined) => void): void {
    this.#onEnd = callback;
    // Never inside the caller's own call of onEnd: it has not finished wiring itself up.
    if (this.#outcome !== undefined) this.context.clock.soon(() => this.#reportEnd());
  }

  pause(): void {
    this.#reader.pause();
    this.http2.pause();
  }

  resume(): void {
    if (this.#onMessage === undefined || this.ended) return;
    this.#read(() => this.#reader.resume());
    if (this.#reader.paused || this.ended) return;
    this.http2.resume();
    this.#maybeRemoteEnd();
  }

  abstract end(error?: StreamError): void;

  cancel(reason: StreamError): void {
    if (this.ended) return;
    this.finish(reason);
    this.reset(constants.NGHTTP2_CANCEL);
  }

  /** All messages of the peer were delivered, and it will send no more. */
  protected abstract remoteEnd(): void;
  /** A message could not be read; nothing more will be. */
  protected abstract refuse(error: StreamError): void;
  /** What it means that the stream is gone, although nobody ended it. */
  protected abstract lossOf(error: Error | undefined): StreamError | undefined;

  /** Nobody takes messages now, so nothing is lost by ending before they are read. */
  protected get idle(): boolean {
    return this.#onMessage === undefined || this.#reader.paused;
  }

  /** Replaces the one set before; the end of the stream cancels it. */
  protected setDeadline(timeoutMs: number, expired: () => void): void {
    this.#deadline?.cancel();
    this.#deadline = this.context.clock.schedule(timeoutMs, expired);
  }

  protected finish(error: StreamError | undefined): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { error };
    this.#deadline?.cancel();
    this.writer.close();
    this.#reportEnd();
  }

  protected reset(code: number): void {
    if (!this.http2.destroyed) this.http2.close(code);
    this.http2.resume(); // drops what still arrives, so that the stream can close
  }

  #reportEnd(): void {
    if (this.#reportedEnd || this.#onEnd === undefined || this.#outcome === undefined) return;
    this.#reportedEnd = true;
    this.#onEnd(this.#outcome.error);
  }

  #deliver(message: Buffer): void {
    if (!this.ended) this.#onMessage?.(message);
  }

  /** Bad framing, or a `StreamError` of the callback, refuses the stream; anything else is a bug and goes on up. */
  #read(run: () => void): void {
    if (this.ended) return;
    try {
      run();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.refuse(error);
    }
  }

  #maybeRemoteEnd(): void {
    if (!this.#remoteEnded || this.#remoteEndReported || this.ended) return;
    if (!this.#reader.drained) return;
    this.#remoteEndReported = true;
    if (this.#reader.midMessage) {
      this.refuse(new StreamError("internal", "the stream ended inside a message"));
      return;
    }
    this.remoteEnd();
  }
}
