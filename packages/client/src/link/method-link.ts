/**
 * The requests of one method to one address, over one stream at a time.
 *
 * A stream is signed when it opens and the far end honours that for 15 minutes, so the link moves to a
 * new stream before; the old one ends when its last request has. It also moves when the connection
 * takes no more streams (the far end is shutting down), and then learns at once that nobody is there.
 */
import type { Clock } from "@millrace/base";

import type { HotPort } from "./channels.ts";
import type { CallResult, PendingCall, PipelineBounds, PipelineCodec } from "./request-pipeline.ts";
import { RequestPipeline } from "./request-pipeline.ts";

export interface MethodLinkOptions<Request, Reply> {
  readonly channel: Pick<HotPort, "open" | "state" | "connect">;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly codec: PipelineCodec<Request, Reply>;
  readonly clock: Clock;
  readonly limits: PipelineBounds & { readonly resignAfterMs: number };
}

/** A channel that waits for its next attempt is woken no more often than this. */
const WAKE_MS_MIN = 50;

export class MethodLink<Request, Reply extends { readonly requestId: number }> {
  readonly #options: MethodLinkOptions<Request, Reply>;
  #current: RequestPipeline<Request, Reply> | undefined;
  readonly #old = new Set<RequestPipeline<Request, Reply>>();
  #openedAtMs = 0;
  #wokenAtMs = -Infinity;
  #waiters: (() => void)[] = [];

  constructor(options: MethodLinkOptions<Request, Reply>) {
    this.#options = options;
  }

  /** `undefined` when the stream is full: `whenRoom` tells when to come again. */
  call(
    request: Request,
    bytes: number,
    done: (result: CallResult<Reply>) => void,
  ): PendingCall | undefined {
    return this.#pipeline().call(request, bytes, done);
  }

  /** Calls `run` once, when a request of the stream has ended. */
  whenRoom(run: () => void): void {
    this.#waiters.push(run);
  }

  /** The channel's connection stands. */
  connected(): void {
    this.#current?.connected();
    for (const pipeline of this.#old) pipeline.connected();
  }

  /** The channel's connection takes no more streams. */
  disconnected(): void {
    this.#retire();
  }

  close(reason: Parameters<RequestPipeline<Request, Reply>["close"]>[0]): void {
    this.#retire();
    for (const pipeline of this.#old) pipeline.close(reason);
  }

  #pipeline(): RequestPipeline<Request, Reply> {
    const { channel, clock, limits, path, codec } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#current !== undefined) {
      const stale = nowMs - this.#openedAtMs >= limits.resignAfterMs;
      if (!stale && !this.#current.ended) return this.#current;
      this.#retire();
    }
    if (channel.state === "down" && nowMs - this.#wokenAtMs >= WAKE_MS_MIN) {
      this.#wokenAtMs = nowMs;
      channel.connect();
    }
    const stream = channel.open(path);
    const connected = channel.state === "ready";
    const pipeline = new RequestPipeline(stream, codec, limits, connected, () => {
      if (pipeline.ended) this.#forget(pipeline);
      this.#wakeWaiters();
    });
    this.#current = pipeline;
    this.#openedAtMs = nowMs;
    return pipeline;
  }

  #retire(): void {
    const pipeline = this.#current;
    if (pipeline === undefined) return;
    this.#current = undefined;
    if (pipeline.ended) return;
    this.#old.add(pipeline);
    pipeline.drain();
  }

  #forget(pipeline: RequestPipeline<Request, Reply>): void {
    this.#old.delete(pipeline);
    if (this.#current === pipeline) this.#current = undefined;
  }

  #wakeWaiters(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const run of waiters) run();
  }
}
