/** A caller's channel to the control plane over simulated connections, in encoded bytes. */
import { StreamError } from "@millrace/base";
import type { Timer } from "@millrace/base";
import type { ControlPort } from "@millrace/client";
import type { ControlMethod, OpenCall, StreamCallbacks, UnaryOptions } from "@millrace/rpc";

import type { Place } from "./hot-channel.ts";
import type { Connection, ConnectionEvents } from "./network.ts";

export type ControlMessage =
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
export function postControl(connection: Connection, message: ControlMessage): void {
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
      if (this.#connection !== undefined) postControl(this.#connection, { kind: "cancel", id });
      end(error);
    };
    this.#calls.set(id, {
      start: (connection) => postControl(connection, { kind: "call", id, path, bytes }),
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
