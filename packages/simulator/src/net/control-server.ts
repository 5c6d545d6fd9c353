/**
 * The `rpc` port of a simulated process: the handlers of @millrace/rpc's control services, called
 * with requests that were encoded and decoded as on the wire.
 */
import { asStreamError, StreamError } from "@millrace/base";
import type { ControlService, MessageSink } from "@millrace/rpc";

import type { ControlMessage } from "./control-channel.ts";
import { postControl } from "./control-channel.ts";
import type { Place } from "./hot-channel.ts";
import { overTheWire } from "./hot-streams.ts";
import type { Connection } from "./network.ts";

/** Messages of one server stream that may wait; more is refused as `overloaded`. */
const SINK_MESSAGES_MAX = 4096;
/** Bytes on the way above which a sink asks its writer to wait. */
const SINK_BYTES_MARK = 1024 * 1024;

interface Started {
  readonly sink: ServerSink | undefined;
  readonly gone: AbortController;
}
type Method<Principal> = ControlService<Principal>["methods"][number];
type Methods<Principal> = ReadonlyMap<string, Method<Principal>>;
type Call = ControlMessage & { readonly kind: "call" };

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
    const calls = new ServedCalls(place, connection, methods, principal, `${from}:1`);
    return {
      message: (message) => calls.receive(message as ControlMessage),
      lost: () => calls.stopAll(),
    };
  });
}

/** The calls of one connection. */
class ServedCalls<Principal> {
  readonly #place: Place;
  readonly #connection: Connection;
  readonly #methods: Methods<Principal>;
  readonly #principal: Principal;
  readonly #peer: string;
  readonly #started = new Map<number, Started>();

  constructor(
    place: Place,
    connection: Connection,
    methods: Methods<Principal>,
    principal: Principal,
    peer: string,
  ) {
    this.#place = place;
    this.#connection = connection;
    this.#methods = methods;
    this.#principal = principal;
    this.#peer = peer;
  }

  receive(message: ControlMessage): void {
    if (message.kind === "call") this.#serve(message);
    else this.#stop(message.id);
  }

  stopAll(): void {
    for (const id of this.#started.keys()) this.#stop(id);
  }

  #serve(call: Call): void {
    const entry = this.#methods.get(call.path);
    if (entry?.stream !== undefined) this.#stream(call, entry, entry.stream);
    else if (entry?.unary !== undefined) this.#unary(call, entry, entry.unary);
    else this.#end(call.id, new StreamError("unsupported", `${call.path} is not served`));
  }

  #stream(
    { id, path, bytes }: Call,
    { method }: Method<Principal>,
    handler: NonNullable<Method<Principal>["stream"]>,
  ): void {
    const gone = new AbortController();
    const send = (reply: object): void => this.#reply(id, method.responseSerialize(reply));
    const end = (error?: StreamError): void => this.#end(id, error);
    const sink = new ServerSink(this.#place, this.#connection, send, end);
    this.#started.set(id, { sink, gone });
    try {
      handler(method.requestDeserialize(bytes), sink, this.#callOf(path, gone));
    } catch (error) {
      sink.end(asStreamError(error));
    }
  }

  #unary(
    { id, path, bytes }: Call,
    { method }: Method<Principal>,
    handler: NonNullable<Method<Principal>["unary"]>,
  ): void {
    const gone = new AbortController();
    this.#started.set(id, { sink: undefined, gone });
    const answer = async (): Promise<object> =>
      handler(method.requestDeserialize(bytes), this.#callOf(path, gone));
    answer().then(
      (reply) => {
        if (!this.#started.has(id)) return;
        this.#reply(id, method.responseSerialize(reply));
        this.#end(id);
      },
      (error: unknown) => {
        if (this.#started.has(id)) this.#end(id, asStreamError(error));
      },
    );
  }

  #callOf(path: string, { signal }: AbortController) {
    return { path, header: () => undefined, peer: this.#peer, principal: this.#principal, signal };
  }

  #reply(id: number, bytes: Buffer): void {
    postControl(this.#connection, { kind: "reply", id, bytes });
  }

  #end(id: number, error?: StreamError): void {
    this.#started.delete(id);
    postControl(this.#connection, { kind: "end", id, error: error && overTheWire(error) });
  }

  #stop(id: number): void {
    const call = this.#started.get(id);
    this.#started.delete(id);
    call?.gone.abort();
    call?.sink?.finish();
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
