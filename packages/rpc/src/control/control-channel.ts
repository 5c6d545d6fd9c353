/**
 * The client's side of the control plane, over grpc-js: typed calls that always have a deadline and fail
 * with `StreamError`s.
 *
 * Retries stay with the caller, who knows whether a second try is harmless; grpc-js's own are off. Each
 * channel has its own connection, so that a slow tail and a heartbeat never share one.
 */
import type { CallOptions, ChannelOptions, ServiceError, StatusObject } from "@grpc/grpc-js";
import { ChannelCredentials, Client, status as grpcStatus } from "@grpc/grpc-js";
import { requireWithin, StreamError } from "@millrace/base";

import { requireAddress } from "../address.ts";
import type { ChannelTls } from "../hot/hot-channel.ts";
import type { CallMetadata } from "../hot/hot-stream.ts";
import { HOT_LIMITS } from "../hot/limits.ts";
import { ERROR_KEY, errorOfStatus } from "../status.ts";
import { CONTROL_MESSAGE_BYTES_MAX } from "./control-server.ts";
import { bytesOf, toGrpcMetadata } from "./metadata.ts";

/** A method of a generated service definition. */
export interface ControlMethod<Request, Response> {
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

export interface ControlChannelOptions {
  /** `host:port`; an IPv6 host in brackets. */
  readonly address: string;
  /** Metadata of each call, such as its signature. @default none */
  readonly metadata?: (path: string) => CallMetadata;
  readonly tls?: ChannelTls;
}

export interface UnaryOptions {
  /** Milliseconds until the call fails with `deadline`; more than 0, at most 10 minutes. */
  readonly deadlineMs: number;
  /** Cancels the call, which then fails with `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface StreamCallbacks<Response> {
  readonly onMessage: (message: Response) => void;
  /** Called exactly once; `undefined` when the server ended the stream with success. */
  readonly onEnd: (error: StreamError | undefined) => void;
}

export interface OpenCall {
  /** The call ends with `cancelled`, in a later turn. */
  cancel(): void;
}

const DEADLINE_MS_MAX = 600_000;

const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": CONTROL_MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": CONTROL_MESSAGE_BYTES_MAX,
  "grpc.keepalive_time_ms": HOT_LIMITS.pingIntervalMs,
  "grpc.keepalive_timeout_ms": HOT_LIMITS.pingTimeoutMs,
  "grpc.keepalive_permit_without_calls": 1,
  // grpc-js's own defaults, 1 s to 120 s, would keep a restarted coordinator unknown for minutes.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
};

export class ControlChannel {
  readonly address: string;
  readonly #client: Client;
  readonly #metadata: (path: string) => CallMetadata;

  /** Connects with the first call. @throws StreamError `invalid-argument` unless the address is `host:port`. */
  constructor({ address, metadata, tls }: ControlChannelOptions) {
    requireAddress(address);
    this.address = address;
    this.#metadata = metadata ?? (() => ({}));
    this.#client = new Client(address, credentialsOf(tls), {
      ...CHANNEL_OPTIONS,
      ...(tls?.serverName === undefined ? {} : { "grpc.ssl_target_name_override": tls.serverName }),
    });
  }

  /** @throws StreamError that of the server, or what became of the call. */
  async call<Request, Response>(
    method: ControlMethod<Request, Response>,
    request: Request,
    { deadlineMs, signal }: UnaryOptions,
  ): Promise<Response> {
    if (signal?.aborted === true) throw cancelled(method.path);
    const options = deadlineIn(deadlineMs);
    return new Promise<Response>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        (message: Request) => method.requestSerialize(message),
        (bytes: Buffer) => method.responseDeserialize(bytes),
        request,
        toGrpcMetadata(this.#metadata(method.path)),
        options,
        (error, response) => {
          signal?.removeEventListener("abort", onAbort);
          if (error === null && response !== undefined) resolve(response);
          else reject(this.#failure(method.path, error));
        },
      );
      const onAbort = (): void => call.cancel();
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A server stream. Without `deadlineMs` it lives until one side ends it; keepalive notices a dead peer. */
  serverStream<Request, Response>(
    method: ControlMethod<Request, Response>,
    request: Request,
    callbacks: StreamCallbacks<Response>,
    deadlineMs?: number,
  ): OpenCall {
    const call = this.#client.makeServerStreamRequest(
      method.path,
      (message: Request) => method.requestSerialize(message),
      (bytes: Buffer) => method.responseDeserialize(bytes),
      request,
      toGrpcMetadata(this.#metadata(method.path)),
      deadlineMs === undefined ? {} : deadlineIn(deadlineMs),
    );
    call.on("data", callbacks.onMessage);
    call.on("error", () => {}); // the status event says the same, and comes for success too
    call.once("status", (status: StatusObject) => {
      callbacks.onEnd(
        status.code === grpcStatus.OK ? undefined : this.#failure(method.path, status),
      );
    });
    return { cancel: () => call.cancel() };
  }

  /** Open calls fail; the channel cannot be used again. */
  close(): void {
    this.#client.close();
  }

  #failure(path: string, status: ServiceError | StatusObject | null): StreamError {
    if (status === null) {
      return new StreamError("internal", `${path} of ${this.address} gave no answer and no error`);
    }
    const { code, details, metadata } = status;
    const told = bytesOf(metadata, ERROR_KEY);
    const cause = status instanceof Error ? status : undefined;
    if (told === undefined && code === grpcStatus.UNAVAILABLE && neverLeft(details)) {
      return new StreamError("unavailable", `${this.address}: ${details}`, { cause });
    }
    return errorOfStatus(code, `${details} (${path} of ${this.address})`, told, cause);
  }
}

/** grpc-js says so when there was no connection at all: then nothing can have been stored. */
function neverLeft(details: string): boolean {
  return details.startsWith("No connection established") || details.startsWith("Name resolution");
}

function cancelled(path: string): StreamError {
  return new StreamError("cancelled", `${path} was cancelled before it was sent`);
}

/** grpc-js compares deadlines with the machine's clock itself, so no other clock can be meant here. */
function deadlineIn(deadlineMs: number): CallOptions {
  requireWithin("deadlineMs", deadlineMs, 1, DEADLINE_MS_MAX);
  return { deadline: Date.now() + deadlineMs };
}

function credentialsOf(tls: ChannelTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { ca, cert, key } = tls;
  return ChannelCredentials.createSsl(
    Buffer.from(ca),
    key === undefined ? null : Buffer.from(key),
    cert === undefined ? null : Buffer.from(cert),
  );
}
