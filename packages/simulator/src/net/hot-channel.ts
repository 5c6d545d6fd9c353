/** A client's channel for hot streams, and the port that serves them, over simulated connections. */
import type { Clock, Timer } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { HotPort } from "@millrace/client";
import type { CallInfo, ChannelState, HotChannelOptions, HotStream } from "@millrace/rpc";

import type { Owner } from "../kernel/scheduler.ts";
import type { HotMessage } from "./hot-streams.ts";
import { SimHotStream } from "./hot-streams.ts";
import type { Connection, ConnectionEvents, SimNetwork } from "./network.ts";

const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2000;
const CONNECT_TIMEOUT_MS = 2000;

export interface Place {
  readonly owner: Owner;
  readonly host: string;
  readonly network: SimNetwork;
  readonly clock: Clock;
}

export class SimHotChannel implements HotPort {
  readonly #place: Place;
  readonly #options: HotChannelOptions;
  readonly #streams = new Map<number, SimHotStream>();
  #state: ChannelState = "idle";
  #onState: (state: ChannelState, error: StreamError | undefined) => void = () => {};
  #connection: Connection | undefined;
  #attempts = 0;
  #nextId = 1;
  #backoffMs = BACKOFF_MS_MIN;
  #nextAttempt: Timer | undefined;

  constructor(place: Place, options: HotChannelOptions) {
    this.#place = place;
    this.#options = options;
  }

  get state(): ChannelState {
    return this.#state;
  }

  onState(callback: (state: ChannelState, error: StreamError | undefined) => void): void {
    this.#onState = callback;
  }

  connect(): void {
    if (this.#state === "idle" || this.#state === "down") this.#attempt();
  }

  open(path: string): HotStream {
    if (this.#state === "idle") this.#attempt();
    const id = this.#nextId++;
    const { clock } = this.#place;
    const stream = new SimHotStream(id, clock, false, this.#connection, () => {
      this.#streams.delete(id);
    });
    if (this.#state === "down" || this.#state === "closed") {
      const error = new StreamError("unavailable", `no connection to ${this.#options.address}`);
      stream.finish(error);
      return stream;
    }
    this.#streams.set(id, stream);
    stream.post({ kind: "open", id, path });
    return stream;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#nextAttempt?.cancel();
    const wasReady = this.#state === "ready";
    this.#connection?.close();
    this.#connection = undefined;
    this.#enter("closed", undefined);
    this.#failStreams(wasReady, "the channel was closed");
  }

  #attempt(): void {
    this.#nextAttempt?.cancel();
    this.#enter("connecting", undefined);
    const attempt = ++this.#attempts;
    const { network, owner, host } = this.#place;
    const { address, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const events = (connection: Connection): ConnectionEvents => ({
      message: (message) => {
        if (this.#connection !== connection) return;
        const given = message as HotMessage;
        this.#streams.get(given.id)?.receive(given);
      },
      lost: (reason) => {
        if (this.#connection === connection) this.#lost(true, reason);
      },
    });
    network.dial(owner, host, address, connectTimeoutMs, events, (dialled) => {
      if (attempt !== this.#attempts || this.#state !== "connecting") {
        if (dialled.kind === "connected") dialled.connection.close();
      } else if (dialled.kind === "connected") this.#connected(dialled.connection);
      else this.#lost(false, dialled.kind);
    });
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#backoffMs = BACKOFF_MS_MIN;
    this.#enter("ready", undefined);
    for (const stream of this.#streams.values()) stream.attach(connection);
  }

  #lost(stood: boolean, reason: string): void {
    this.#connection = undefined;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, waitMs * 2);
    this.#nextAttempt = this.#place.clock.schedule(waitMs, () => this.connect());
    this.#enter("down", new StreamError("unavailable", reason));
    this.#failStreams(stood, reason);
  }

  #failStreams(stood: boolean, reason: string): void {
    const error = new StreamError(stood ? "indeterminate" : "unavailable", reason);
    for (const stream of this.#streams.values()) stream.finish(error);
  }

  #enter(state: ChannelState, failure: StreamError | undefined): void {
    this.#state = state;
    this.#onState(state, failure);
  }
}

export type HotHandlers<Principal> = Readonly<
  Record<string, (stream: HotStream, call: CallInfo<Principal>) => void>
>;

/** Serves hot streams at `address`; every caller is `principal`. */
export function serveHot<Principal>(
  { owner, host, network, clock }: Place,
  address: string,
  handlers: HotHandlers<Principal>,
  principal: Principal,
): void {
  network.listen(owner, host, address, (connection, from) => {
    const streams = new Map<number, SimHotStream>();
    const open = (id: number, path: string): void => {
      const stream = new SimHotStream(id, clock, true, connection, () => streams.delete(id));
      streams.set(id, stream);
      const handler = handlers[path];
      if (handler === undefined) stream.end(new StreamError("unsupported", path));
      else handler(stream, { path, headers: {}, peer: `${from}:1`, principal });
    };
    return {
      message: (given) => {
        const message = given as HotMessage;
        if (message.kind === "open") open(message.id, message.path);
        else streams.get(message.id)?.receive(message);
      },
      lost: (reason) => {
        const error = new StreamError("indeterminate", reason);
        for (const stream of streams.values()) stream.finish(error);
      },
    };
  });
}
