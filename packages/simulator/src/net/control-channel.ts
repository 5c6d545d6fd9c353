/** Calls and server streams of the control plane over simulated connections, in encoded bytes. */
import { asStreamError, StreamError } from "@millrace/base";
import type { Timer } from "@millrace/base";
import type { ControlPort } from "@millrace/client";
import type {
  ControlMethod,
  ControlService,
  MessageSink,
  OpenCall,
  StreamCallbacks,
  UnaryOptions,
} from "@millrace/rpc";

import type { Place } from "./hot-channel.ts";
import { overTheWire } from "./hot-streams.ts";
import type { Connection, ConnectionEvents } from "./network.ts";

type ControlMessage =
  | { readonly kind: "call"; readonly id: number; readonly path: string; readonly bytes: Buffer }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "reply"; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: "end"; readonly id: number; readonly error: StreamError | undefined };

interface PendingCall {
  readonly start: (connection: Connection) => void;
  readonly reply: (bytes: Buffer) => void;
  readonly end: (error: StreamError | undefined) => void;
}

const CONNECT_TIMEOUT_MS = 2000;
/** Messages of one server stream that may wait; more is refused as `overloaded`. */
const SINK_MESSAGES_MAX = 4096;
/** Bytes on the way above which a sink asks its writer to wait. */
const SINK_BYTES_MARK = 1024 * 1024;

function post(connection: Connection, message: ControlMessage): void {
  const bytes = "bytes" in message ? message.bytes.length : 0;
  connection.send(message, bytes + 16);
}

export class SimControlChannel implements ControlPort {
  readonly #place: Place;
  readonly #address: string;
  readonly #calls = new Map<number, PendingCall>();
  #connection: Connection | undefined;
  #dialling = false;
  #closed = false;
  #nextId = 1;

  constructor(place: Place, address: string) {
    this.#place = place;
    this.#address = address;
  }

  call<Request, Response>(
    method: ControlMethod<Request, Response>,
    request: Request,
    { deadlineMs, signal }: UnaryOptions,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      let answer: Response | undefined;
      const open = this.#open(method.path, method.requestSerialize(request), deadlineMs, {
        onMessage: (bytes) => (answer = method.responseDeserialize(bytes)),
        onEnd: (error) => {
          if (error !== undefined) reject(error);
          else if (answer !== undefined) resolve(answer);
          else reject(new StreamError("internal", `${method.path} gave no answer and no error`));
        },
      });
      signal?.addEventListener("abort", () => open.cancel(), { once: true });
    });
  }

  serverStream<Request, Response>(
    method: ControlMethod<Request, Response>,
    request: Request,
    callbacks: StreamCallbacks<Response>,
    deadlineMs?: number,
  ): OpenCall {
    return this.#open(method.path, method.requestSerialize(request), deadlineMs, {
      onMessage: (bytes) => callbacks.onMessage(method.responseDeserialize(bytes)),
      onEnd: callbacks.onEnd,
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
    this.#fail(new StreamError("cancelled", "the channel was closed"));
  }

  #open(
    path: string,
    bytes: Buffer,
    deadlineMs: number | undefined,
    { onMessage, onEnd }: StreamCallbacks<Buffer>,
  ): OpenCall {
    const id = this.#nextId++;
    const { clock } = this.#place;
    let deadline: Timer | undefined;
    const end = (error: StreamError | undefined): void => {
      if (!this.#calls.delete(id)) return;
      deadline?.cancel();
      onEnd(error);
    };
    const stop = (error: StreamError): void => {
      if (this.#connection !== undefined) post(this.#connection, { kind: "cancel", id });
      end(error);
    };
    this.#calls.set(id, {
      start: (connection) => post(connection, { kind: "call", id, path, bytes }),
      reply: onMessage,
      end,
    });
    if (deadlineMs !== undefined) {
      deadline = clock.schedule(deadlineMs, () => {
        stop(new StreamError("deadline", `${path} was not answered within ${deadlineMs} ms`));
      });
    }
    if (this.#closed) clock.soon(() => end(new StreamError("cancelled", "the channel was closed")));
    else if (this.#connection === undefined) this.#dial();
    else this.#calls.get(id)?.start(this.#connection);
    return { cancel: () => clock.soon(() => stop(new StreamError("cancelled", path))) };
  }

  #dial(): void {
    if (this.#dialling) return;
    this.#dialling = true;
    const { network, owner, host } = this.#place;
    const events = (connection: Connection): ConnectionEvents => ({
      message: (message) => {
        if (this.#connection === connection) this.#received(message as ControlMessage);
      },
      lost: (reason) => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.#fail(new StreamError("indeterminate", `${this.#address}: ${reason}`));
      },
    });
    network.dial(owner, host, this.#address, CONNECT_TIMEOUT_MS, events, (dialled) => {
      this.#dialling = false;
      if (dialled.kind !== "connected") {
        this.#fail(new StreamError("unavailable", `${this.#address}: ${dialled.kind}`));
      } else if (this.#closed) {
        dialled.connection.close();
      } else {
        this.#connection = dialled.connection;
        for (const call of this.#calls.values()) call.start(dialled.connection);
      }
    });
  }

  #received(message: ControlMessage): void {
    const call = this.#calls.get(message.id);
    if (message.kind === "reply") call?.reply(message.bytes);
    else if (message.kind === "end") call?.end(message.error);
  }

  #fail(error: StreamError): void {
    for (const call of this.#calls.values()) call.end(error);
  }
}

type Started = { readonly sink: ServerSink | undefined; readonly gone: AbortController };
type Method<Principal> = ControlService<Principal>["methods"][number];

/** Serves control services at `address`; every caller is `principal`. */
export function serveControl<Principal>(
  place: Place,
  address: string,
  services: readonly ControlService<Principal>[],
  principal: Principal,
): void {
  const methods = new Map<string, Method<Principal>>();
  for (const service of services) {
    for (const entry of service.methods) methods.set(entry.method.path, entry);
  }
  place.network.listen(place.owner, place.host, address, (connection, from) => {
    const started = new Map<number, Started>();
    const serve = (message: ControlMessage & { kind: "call" }): void => {
      const { id, path, bytes } = message;
      const end = (error?: StreamError): void => {
        started.delete(id);
        post(connection, { kind: "end", id, error: error && overTheWire(error) });
      };
      const entry = methods.get(path);
      if (entry === undefined) {
        end(new StreamError("unsupported", `${path} is not served`));
        return;
      }
      const gone = new AbortController();
      const call = {
        path,
        header: () => undefined,
        peer: `${from}:1`,
        principal,
        signal: gone.signal,
      };
      const { method, unary, stream } = entry;
      const request = method.requestDeserialize(bytes);
      if (stream !== undefined) {
        const send = (reply: object): void =>
          post(connection, { kind: "reply", id, bytes: method.responseSerialize(reply) });
        const sink = new ServerSink(place, connection, send, end);
        started.set(id, { sink, gone });
        attempt(
          () => stream(request, sink, call),
          (error) => sink.end(error),
        );
        return;
      }
      started.set(id, { sink: undefined, gone });
      const answered = (async () => {
        if (unary === undefined) throw new StreamError("unsupported", `${path} is not served`);
        return unary(request, call);
      })();
      answered.then(
        (reply) => {
          if (!started.has(id)) return;
          post(connection, { kind: "reply", id, bytes: method.responseSerialize(reply) });
          end();
        },
        (error: unknown) => {
          if (started.has(id)) end(asStreamError(error));
        },
      );
    };
    const stop = (id: number): void => {
      const call = started.get(id);
      started.delete(id);
      call?.gone.abort();
      call?.sink?.finish();
    };
    return {
      message: (given) => {
        const message = given as ControlMessage;
        if (message.kind === "call") serve(message);
        else stop(message.id);
      },
      lost: () => {
        for (const id of [...started.keys()]) stop(id);
      },
    };
  });
}

function attempt(run: () => void, failed: (error: StreamError) => void): void {
  try {
    run();
  } catch (error) {
    failed(asStreamError(error));
  }
}

class ServerSink implements MessageSink<object> {
  readonly #place: Place;
  readonly #connection: Connection;
  readonly #send: (message: object) => void;
  readonly #ended: (error?: StreamError) => void;
  readonly #onEnd: (() => void)[] = [];
  #onDrain: () => void = () => {};
  #isOver = false;
  #waiting = 0;

  constructor(
    place: Place,
    connection: Connection,
    send: (message: object) => void,
    ended: (error?: StreamError) => void,
  ) {
    this.#place = place;
    this.#connection = connection;
    this.#send = send;
    this.#ended = ended;
  }

  send(message: object): boolean {
    if (this.#isOver) return true;
    const isFull = this.#connection.queuedBytes > SINK_BYTES_MARK;
    if (isFull && this.#waiting >= SINK_MESSAGES_MAX) {
      throw new StreamError("overloaded", `${SINK_MESSAGES_MAX} messages wait for a tail`);
    }
    this.#send(message);
    if (!isFull) {
      this.#waiting = 0;
      return true;
    }
    if (this.#waiting++ === 0) this.#watch();
    return false;
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  onEnd(callback: () => void): void {
    if (this.#isOver) this.#place.clock.soon(callback);
    else this.#onEnd.push(callback);
  }

  end(error?: StreamError): void {
    if (this.#isOver) return;
    this.#ended(error);
    this.finish();
  }

  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const callback of this.#onEnd) callback();
  }

  #watch(): void {
    this.#place.clock.schedule(5, () => {
      if (this.#isOver) return;
      if (this.#connection.queuedBytes > SINK_BYTES_MARK / 2) {
        this.#watch();
        return;
      }
      this.#waiting = 0;
      this.#onDrain();
    });
  }
}
