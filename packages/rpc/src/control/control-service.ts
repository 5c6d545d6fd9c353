/**
 * Handlers of the control plane, typed by the generated definitions: a promise for a unary call, a sink
 * for a server stream. They throw `StreamError`s and never see grpc-js.
 */
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import type { StreamError } from "@millrace/base";

export interface ControlCall<Principal = unknown> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** First text value of a metadata name, in lower case. */
  header(name: string): string | undefined;
  /** `address:port` of the caller. */
  readonly peer: string;
  readonly principal: Principal;
  /** Aborted when the caller went away or its deadline passed. */
  readonly signal: AbortSignal;
}

/** The open end of a server stream. All calls are ignored once the stream is over. */
export interface MessageSink<Message> {
  /**
   * @returns false when the caller lags: send on after `onDrain`.
   * @throws StreamError `overloaded` when `SINK_MESSAGES_MAX` messages wait; nothing was queued then.
   */
  send(message: Message): boolean;
  onDrain(callback: () => void): void;
  /** Called once when the stream is over, whoever ended it. */
  onEnd(callback: () => void): void;
  /** Ends with status 0, or with that of `error`. */
  end(error?: StreamError): void;
}

type RequestOf<Method> = Method extends { requestDeserialize: (bytes: Buffer) => infer Request }
  ? Request
  : never;
type ResponseOf<Method> = Method extends { responseSerialize: (message: infer Message) => Buffer }
  ? Message
  : never;

export type UnaryHandler<Request, Response, Principal> = (
  request: Request,
  call: ControlCall<Principal>,
) => Response | Promise<Response>;
export type StreamHandler<Request, Response, Principal> = (
  request: Request,
  sink: MessageSink<Response>,
  call: ControlCall<Principal>,
) => void;

/** Handlers by method name; a method without one is refused as `unsupported`. */
export interface ControlHandlers<Definition, Principal> {
  readonly unary?: {
    readonly [Name in keyof Definition]?: UnaryHandler<
      RequestOf<Definition[Name]>,
      ResponseOf<Definition[Name]>,
      Principal
    >;
  };
  readonly streams?: {
    readonly [Name in keyof Definition]?: StreamHandler<
      RequestOf<Definition[Name]>,
      ResponseOf<Definition[Name]>,
      Principal
    >;
  };
}

export type AnyMethod = MethodDefinition<object, object>;

/** A service with its handlers, as `createControlServer` takes it; made by `controlService`. */
export interface ControlService<Principal> {
  readonly methods: readonly {
    readonly name: string;
    readonly method: AnyMethod;
    readonly unary?: UnaryHandler<object, object, Principal>;
    readonly stream?: StreamHandler<object, object, Principal>;
  }[];
}

export function controlService<Definition extends ServiceDefinition, Principal = unknown>(
  definition: Definition,
  handlers: ControlHandlers<Definition, Principal>,
): ControlService<Principal> {
  const unary = (handlers.unary ?? {}) as Record<string, UnaryHandler<object, object, Principal>>;
  const streams = (handlers.streams ?? {}) as Record<
    string,
    StreamHandler<object, object, Principal>
  >;
  // Handler and method agree by ControlHandlers; the index signature of grpc-js's type loses their messages.
  const methods = Object.entries(definition).map(([name, method]) => {
    const one = unary[name];
    const stream = streams[name];
    return {
      name,
      method,
      ...(one === undefined ? {} : { unary: one }),
      ...(stream === undefined ? {} : { stream }),
    };
  });
  return { methods };
}
