/**
 * Serves the rare calls (cluster changes, status, the metadata tail) with grpc-js, and maps errors: a
 * `StreamError` travels whole, anything else is a bug, logged with its stack and told as `internal`.
 */
import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  StatusObject,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Clock, Logger, StreamError } from "@millrace/base";
import { asStreamError } from "@millrace/base";

import type { ServerTls } from "../hot/hot-server.ts";
import { HOT_LIMITS } from "../hot/limits.ts";
import { ERROR_KEY, statusOf } from "../status.ts";
import { within } from "../within.ts";
import type {
  ControlCall,
  ControlService,
  StreamHandler,
  UnaryHandler,
} from "./control-service.ts";
import { textOf } from "./metadata.ts";
import { GrpcSink } from "./grpc-sink.ts";

/** Longest message of the control plane, bytes: twice the largest snapshot part, and room for a status of many groups. */
export const CONTROL_MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const STREAMS_MAX = 1024;

export interface UnauthenticatedCall {
  readonly path: string;
  header(name: string): string | undefined;
  readonly peer: string;
}

export interface ControlServerOptions<Principal> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly services: readonly ControlService<Principal>[];
  /** Who calls. A `StreamError` that it throws refuses the call. */
  readonly authenticate: (call: UnauthenticatedCall) => Principal | Promise<Principal>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tls?: ServerTls;
}

export interface ControlServer {
  readonly port: number;
  /** Takes no new calls at once; running ones get `graceMs` to end. */
  close(graceMs: number): Promise<void>;
}

/** @throws The error of grpc-js when the port cannot be taken. */
export async function createControlServer<Principal>(
  options: ControlServerOptions<Principal>,
): Promise<ControlServer> {
  const server = new Server({
    "grpc.max_receive_message_length": CONTROL_MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": CONTROL_MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": STREAMS_MAX,
    "grpc.keepalive_time_ms": HOT_LIMITS.pingIntervalMs,
    "grpc.keepalive_timeout_ms": HOT_LIMITS.pingTimeoutMs,
  });
  for (const { methods } of options.services) {
    const definition: Record<string, unknown> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const { name, method, unary, stream } of methods) {
      definition[name] = method;
      if (unary !== undefined) implementation[name] = serveUnary(options, unary);
      if (stream !== undefined) implementation[name] = serveStream(options, stream);
    }
    server.addService(definition as unknown as ServiceDefinition, implementation);
  }
  const port = await bind(server, options);
  return { port, close: (graceMs) => shutDown(server, options.clock, graceMs) };
}

function bind<Principal>(
  server: Server,
  options: ControlServerOptions<Principal>,
): Promise<number> {
  const { host, port, tls } = options;
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(authority, credentialsOf(tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

function credentialsOf(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(
    tls.ca === undefined ? null : Buffer.from(tls.ca),
    [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }],
    tls.ca !== undefined,
  );
}

async function shutDown(server: Server, clock: Clock, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  await within(clock, closed, graceMs);
  server.forceShutdown();
}

type AnyCall = Pick<
  ServerUnaryCall<object, object>,
  "getPath" | "getPeer" | "metadata" | "cancelled" | "once" | "on"
>;

async function admit<Principal>(
  options: ControlServerOptions<Principal>,
  call: AnyCall,
): Promise<ControlCall<Principal>> {
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort());
  if (call.cancelled) gone.abort();
  const known: UnauthenticatedCall = {
    path: call.getPath(),
    header: (name) => textOf(call.metadata, name),
    peer: call.getPeer(),
  };
  const principal = await options.authenticate(known);
  return { ...known, principal, signal: gone.signal };
}

function serveUnary<Principal>(
  options: ControlServerOptions<Principal>,
  handler: UnaryHandler<object, object, Principal>,
) {
  return (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>): void => {
    const run = async (): Promise<object> => handler(call.request, await admit(options, call));
    run().then(
      (response) => done(null, response),
      (error: unknown) => done(grpcError(options.logger, call.getPath(), error)),
    );
  };
}

function serveStream<Principal>(
  options: ControlServerOptions<Principal>,
  handler: StreamHandler<object, object, Principal>,
) {
  return (call: ServerWritableStream<object, object>): void => {
    const sink = new GrpcSink(call, (error) => grpcError(options.logger, call.getPath(), error));
    admit(options, call).then(
      (admitted) => {
        if (admitted.signal.aborted) return;
        try {
          handler(call.request, sink, admitted);
        } catch (error) {
          sink.end(asStreamError(error));
        }
      },
      (error: unknown) => sink.end(asStreamError(error)),
    );
  };
}

/** The status of a failed call; a bug is logged here, the one place that still has its stack. */
function grpcError(logger: Logger, path: string, thrown: unknown): StatusObject {
  const error: StreamError = asStreamError(thrown);
  if (error.code === "internal") {
    const cause = error.cause instanceof Error ? error.cause.stack : undefined;
    logger.error("call failed", { path, error: cause ?? error.stack });
  }
  const { status, message, details } = statusOf(error);
  const metadata = new Metadata();
  metadata.set(ERROR_KEY, details);
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- ERROR_TRAITS has google.rpc.Code's numbers, as this enum has
  return { code: status, details: message, metadata };
}
