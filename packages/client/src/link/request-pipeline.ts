/**
 * One bidirectional stream with many requests under way, matched to replies by their id.
 *
 *   K1  each request ends exactly once: with its reply, with the stream's end, or silently by `cancel`
 *   K2  when the stream ends, a request counts as never sent only if no connection ever stood under the
 *       stream: what reached a socket may have been acted upon
 */
import { asStreamError, StreamError } from "@millrace/base";
import type { HotStream } from "@millrace/rpc";

export type CallResult<Reply> =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "lost"; readonly error: StreamError };

export interface PendingCall {
  /** Drops interest; a late reply is ignored. */
  cancel(): void;
}

export interface PipelineCodec<Request, Reply> {
  encode(requestId: number, request: Request): readonly Uint8Array[];
  decode(message: Buffer): Reply;
}

export interface PipelineBounds {
  readonly streamRequestsMax: number;
  readonly streamBytesMax: number;
}

interface Unanswered<Reply> {
  readonly bytes: number;
  readonly done: (result: CallResult<Reply>) => void;
}

export class RequestPipeline<Request, Reply extends { readonly requestId: number }> {
  readonly #stream: HotStream;
  readonly #codec: PipelineCodec<Request, Reply>;
  readonly #bounds: PipelineBounds;
  /** Called after every reply, cancel and at the end: there may be room, or the stream be done with. */
  readonly #changed: () => void;
  readonly #unanswered = new Map<number, Unanswered<Reply>>();
  #nextId = 1;
  #bytes = 0;
  #connected: boolean;
  #replied = false;
  #draining = false;
  #ended = false;

  constructor(
    stream: HotStream,
    codec: PipelineCodec<Request, Reply>,
    bounds: PipelineBounds,
    connected: boolean,
    changed: () => void,
  ) {
    this.#stream = stream;
    this.#codec = codec;
    this.#bounds = bounds;
    this.#connected = connected;
    this.#changed = changed;
    stream.onEnd((error) => this.#end(error));
    stream.onDrain(() => this.#changed());
    stream.onMessage((message) => this.#receive(message));
  }

  get ended(): boolean {
    return this.#ended;
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** A connection stands under the stream (K2). */
  connected(): void {
    this.#connected = true;
  }

  /** `undefined` when the bounds leave no room. `done` is called later than this returns. */
  call(
    request: Request,
    bytes: number,
    done: (result: CallResult<Reply>) => void,
  ): PendingCall | undefined {
    if (!this.#admits(bytes)) return undefined;
    const id = this.#nextId++;
    try {
      this.#stream.send(this.#codec.encode(id, request));
    } catch (error) {
      if (error instanceof StreamError && error.code === "overloaded") return undefined;
      throw error;
    }
    this.#unanswered.set(id, { bytes, done });
    this.#bytes += bytes;
    return {
      cancel: () => {
        if (this.#take(id) !== undefined) this.#afterward();
      },
    };
  }

  /** Takes no more requests; the stream is closed once those under way have ended. */
  drain(): void {
    this.#draining = true;
    this.#afterward();
  }

  /** Ends all requests under way now. */
  close(reason: StreamError): void {
    if (this.#ended) return;
    this.#stream.cancel(reason);
    this.#end(reason);
  }

  #admits(bytes: number): boolean {
    if (this.#ended || this.#draining) return false;
    if (this.#unanswered.size === 0) return true;
    const { streamRequestsMax, streamBytesMax } = this.#bounds;
    return this.#unanswered.size < streamRequestsMax && this.#bytes + bytes <= streamBytesMax;
  }

  #take(id: number): Unanswered<Reply> | undefined {
    const call = this.#unanswered.get(id);
    if (call === undefined) return undefined;
    this.#unanswered.delete(id);
    this.#bytes -= call.bytes;
    return call;
  }

  #receive(message: Buffer): void {
    let reply: Reply;
    try {
      reply = this.#codec.decode(message);
    } catch (error) {
      this.close(asStreamError(error)); // the far end speaks something else: nothing more can be matched
      return;
    }
    this.#replied = true;
    const call = this.#take(reply.requestId);
    if (call === undefined) return; // cancelled meanwhile
    call.done({ kind: "reply", reply });
    this.#afterward();
  }

  #end(error: StreamError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const told = this.#outcome(error);
    const calls = [...this.#unanswered.values()];
    this.#unanswered.clear();
    this.#bytes = 0;
    for (const call of calls) call.done({ kind: "lost", error: told });
    this.#changed();
  }

  /** What the end of the stream says of a request without a reply (K2). */
  #outcome(error: StreamError | undefined): StreamError {
    if (error !== undefined && !this.#connected && error.code === "unavailable") return error;
    // A refused signature is told before any message is read.
    if (error?.code === "unauthenticated" && !this.#replied) return error;
    return new StreamError(
      "indeterminate",
      `the stream ended before the answer: ${error?.message ?? "the far end closed it"}`,
      error === undefined ? {} : { cause: error },
    );
  }

  #afterward(): void {
    if (this.#draining && !this.#ended && this.#unanswered.size === 0) this.#stream.end();
    this.#changed();
  }
}
