/**
 * The client's connection for hot streams: one HTTP/2 session to one address, opened when it is first
 * wanted and kept from then on.
 *
 * A failed attempt is told at once and with the system's code: ECONNREFUSED means that no process
 * listens there, which a caller may act on sooner than on silence. While the channel waits for its
 * next attempt, `open` fails at once, so no request queues behind a dead peer.
 */
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";

import type { Clock, Logger, Timer } from "@millrace/base";
import { StreamError } from "@millrace/base";

import { formatGrpcTimeout } from "../deadline.ts";
import type { StreamContext } from "./base-stream.ts";
import { ClientStream } from "./client-stream.ts";
import { FailedStream } from "./failed-stream.ts";
import type { CallMetadata, HotStream } from "./hot-stream.ts";
import { keepAlive } from "./keepalive.ts";
import type { HotLimits } from "./limits.ts";
import { HOT_LIMITS, SESSION_MEMORY_MB_MAX } from "./limits.ts";
import { requireAddress } from "../address.ts";
import { encodeMetadata } from "./metadata.ts";

/** `idle`: nothing was asked for yet. `down`: the last attempt failed, or the connection was lost. */
export type ChannelState = "idle" | "connecting" | "ready" | "down" | "closed";

/** PEM texts. `ca` signs the server's certificate; `cert` and `key` are our own where the server asks. */
export interface ChannelTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name that the server's certificate must carry. @default the host of the address */
  readonly serverName?: string;
}

export interface HotChannelOptions {
  /** `host:port`; an IPv6 host in brackets. */
  readonly address: string;
  /** Metadata of each new stream, such as its signature. @default none */
  readonly metadata?: (path: string) => CallMetadata;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds for one attempt, TLS included. @default 2000 */
  readonly connectTimeoutMs?: number;
  readonly limits?: Partial<HotLimits>;
  readonly tls?: ChannelTls;
}

export interface OpenHotOptions {
  /** Milliseconds until the call ends with `deadline`. @default no limit: the stream lives as long as its link */
  readonly timeoutMs?: number;
}

type StateCallback = (state: ChannelState, error: StreamError | undefined) => void;

/** Milliseconds before the second attempt; each later wait doubles, up to the maximum. */
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2000;
const CONNECT_TIMEOUT_MS = 2000;

export class HotChannel {
  readonly address: string;
  readonly #options: HotChannelOptions;
  readonly #context: StreamContext;
  #state: ChannelState = "idle";
  #onState: StateCallback = () => {};
  /** The one that new streams use. */
  #session: ClientHttp2Session | undefined;
  /** All that are not closed: those that the peer is shutting down finish their streams. */
  readonly #open = new Set<ClientHttp2Session>();
  #failure: StreamError | undefined;
  #backoffMs = BACKOFF_MS_MIN;
  #nextAttempt: Timer | undefined;
  #connectTimeout: Timer | undefined;

  /** @throws StreamError `invalid-argument` unless the address is `host:port`. */
  constructor(options: HotChannelOptions) {
    requireAddress(options.address);
    this.#options = options;
    this.address = options.address;
    this.#context = {
      clock: options.clock,
      logger: options.logger.child({ address: options.address }),
      limits: { ...HOT_LIMITS, ...options.limits },
    };
  }

  get state(): ChannelState {
    return this.#state;
  }

  /**
   * The one listener of state changes. `down` comes with `unavailable` whose `cause` has the system's
   * code where there is one (`systemCodeOf`).
   */
  onState(callback: StateCallback): void {
    this.#onState = callback;
  }

  /** Connects, if the channel is not connecting or ready already; does not wait for the backoff. */
  connect(): void {
    if (this.#state === "idle" || this.#state === "down") this.#attempt();
  }

  /**
   * A new stream of `path`. Failures are told by its `onEnd` alone: `unavailable` when there is no
   * connection and none is being made.
   *
   * @throws StreamError `invalid-argument` for metadata that is no header.
   */
  open(path: string, metadata: CallMetadata = {}, options: OpenHotOptions = {}): HotStream {
    if (this.#state === "idle") this.#attempt();
    const session = this.#session;
    if (session === undefined || session.closed || session.destroyed) {
      return new FailedStream(this.#context.clock, this.#noConnection());
    }
    const { timeoutMs } = options;
    const request = session.request({
      ...encodeMetadata({ ...this.#options.metadata?.(path), ...metadata }),
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc+proto",
      te: "trailers",
      "grpc-accept-encoding": "identity",
      ...(timeoutMs === undefined ? {} : { "grpc-timeout": formatGrpcTimeout(timeoutMs) }),
    });
    const isLost = (): boolean => session.destroyed || session.closed;
    const stream = new ClientStream(request, this.address, isLost, this.#context);
    if (timeoutMs !== undefined) stream.limitTo(timeoutMs);
    return stream;
  }

  /** Ends all streams with an error and frees the connection; the channel cannot be used again. */
  close(): void {
    if (this.#state === "closed") return;
    this.#nextAttempt?.cancel();
    this.#connectTimeout?.cancel();
    this.#session = undefined;
    this.#enter("closed", undefined);
    for (const session of this.#open) session.destroy();
  }

  #noConnection(): StreamError {
    const reason = this.#state === "closed" ? "the channel was closed" : this.#failure?.message;
    return new StreamError(
      "unavailable",
      `no connection to ${this.address}: ${reason ?? "it is being made again"}`,
      { cause: this.#failure?.cause },
    );
  }

  #attempt(): void {
    this.#nextAttempt?.cancel();
    const { limits, clock } = this.#context;
    const { tls, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const session = connect(`${tls === undefined ? "http" : "https"}://${this.address}`, {
      settings: {
        initialWindowSize: limits.windowBytes,
        maxFrameSize: limits.frameBytesMax,
        maxHeaderListSize: limits.headerBytesMax,
        enablePush: false,
      },
      maxSessionMemory: SESSION_MEMORY_MB_MAX,
      maxSendHeaderBlockLength: limits.headerBytesMax,
      ...tlsOptions(tls),
    });
    this.#session = session;
    this.#open.add(session);
    this.#enter("connecting", undefined);
    this.#connectTimeout = clock.schedule(connectTimeoutMs, () => {
      session.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
    });
    let failure: Error | undefined;
    session.once("connect", () => this.#connected(session));
    session.on("error", (error: Error) => {
      failure = error;
    });
    session.once("goaway", () => this.#lost(session, new Error("the peer is shutting down")));
    session.once("close", () => {
      this.#open.delete(session);
      this.#lost(session, failure);
    });
  }

  #connected(session: ClientHttp2Session): void {
    if (session !== this.#session) return;
    const { limits, clock, logger } = this.#context;
    session.setLocalWindowSize(limits.windowBytes);
    this.#connectTimeout?.cancel();
    this.#backoffMs = BACKOFF_MS_MIN;
    const onDead = (): void => {
      logger.info("data connection is silent, closing it");
      session.destroy(new Error(`no answer to a ping within ${limits.pingTimeoutMs} ms`));
    };
    keepAlive(session, { clock, ...limits, onDead });
    this.#enter("ready", undefined);
  }

  /** The session takes no more streams; those that it has go on until they end or it closes. */
  #lost(session: ClientHttp2Session, cause: Error | undefined): void {
    if (session !== this.#session) return;
    this.#connectTimeout?.cancel();
    this.#session = undefined;
    const reason = cause?.message ?? "the peer closed the connection";
    const failure = new StreamError("unavailable", reason, { cause });
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, waitMs * 2);
    this.#nextAttempt = this.#context.clock.schedule(waitMs, () => this.connect());
    this.#enter("down", failure);
  }

  #enter(state: ChannelState, failure: StreamError | undefined): void {
    this.#state = state;
    this.#failure = failure ?? this.#failure;
    this.#context.logger.debug("data channel changed", { state, error: failure?.message });
    this.#onState(state, failure);
  }
}

function tlsOptions(tls: ChannelTls | undefined): Record<string, string> {
  if (tls === undefined) return {};
  const { ca, cert, key, serverName } = tls;
  return {
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** The operating system's code behind an error, such as ECONNREFUSED; `undefined` where there is none. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  }
  return undefined;
}
