/** The hot streams of @millrace/rpc over a simulated connection: both ends of one stream. */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { HotStream } from "@millrace/rpc";
import { HOT_LIMITS } from "@millrace/rpc";

import type { Connection } from "./network.ts";

export type HotMessage =
  | { readonly kind: "open"; readonly id: number; readonly path: string }
  | { readonly kind: "data"; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: "half"; readonly id: number }
  | { readonly kind: "end"; readonly id: number; readonly error: StreamError | undefined }
  | { readonly kind: "reset"; readonly id: number };

/** Bytes that a message costs beside its own. */
const OVERHEAD_BYTES = 16;

export function sendHot(connection: Connection, message: HotMessage): void {
  const bytes = message.kind === "data" ? message.bytes.length : 0;
  connection.send(message, bytes + OVERHEAD_BYTES);
}

/** An error as the other end sees it: what travels is code, message and hint. */
export function overTheWire(error: StreamError): StreamError {
  return new StreamError(error.code, error.message, { hint: error.hint });
}

export class SimHotStream implements HotStream {
  readonly id: number;
  readonly #clock: Clock;
  readonly #isServer: boolean;
  readonly #over: () => void;
  #connection: Connection | undefined;
  /** Before the connection stands. */
  readonly #early: HotMessage[] = [];
  #onMessage: ((message: Buffer) => void) | undefined;
  #onEnd: ((error: StreamError | undefined) => void) | undefined;
  #onHalfClose: (() => void) | undefined;
  #onDrain: (() => void) | undefined;
  #paused = false;
  readonly #unread: HotMessage[] = [];
  #outcome: { readonly error: StreamError | undefined } | undefined;
  #told = false;
  #draining = false;

  constructor(
    id: number,
    clock: Clock,
    isServer: boolean,
    connection: Connection | undefined,
    over: () => void,
  ) {
    this.id = id;
    this.#clock = clock;
    this.#isServer = isServer;
    this.#connection = connection;
    this.#over = over;
  }

  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  /** The connection stands: what waited goes. */
  attach(connection: Connection): void {
    this.#connection = connection;
    for (const message of this.#early.splice(0)) sendHot(connection, message);
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.ended) return true;
    const bytes = Buffer.concat(parts);
    if (bytes.length > HOT_LIMITS.messageBytesMax) {
      throw new StreamError("invalid-argument", `message has ${bytes.length} bytes`);
    }
    if (this.queuedBytes + bytes.length > HOT_LIMITS.queuedBytesMax) {
      throw new StreamError("overloaded", `${this.queuedBytes} bytes wait on the stream`);
    }
    this.post({ kind: "data", id: this.id, bytes });
    if (this.queuedBytes <= HOT_LIMITS.queuedBytesMark) return true;
    this.#watchDrain();
    return false;
  }

  post(message: HotMessage): void {
    if (this.#connection === undefined) this.#early.push(message);
    else sendHot(this.#connection, message);
  }

  onMessage(callback: (message: Buffer) => void): void {
    this.#onMessage = callback;
    this.#read();
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  onHalfClose(callback: () => void): void {
    this.#onHalfClose = callback;
  }

  onEnd(callback: (error: StreamError | undefined) => void): void {
    this.#onEnd = callback;
    if (this.#outcome !== undefined) this.#clock.soon(() => this.#report());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#read();
  }

  end(error?: StreamError): void {
    if (this.ended) return;
    if (!this.#isServer) {
      if (error === undefined) this.post({ kind: "half", id: this.id });
      else this.cancel(error);
      return;
    }
    this.post({ kind: "end", id: this.id, error: error && overTheWire(error) });
    this.#clock.soon(() => this.finish(undefined));
  }

  cancel(reason: StreamError): void {
    if (this.ended) return;
    this.post({ kind: "reset", id: this.id });
    this.finish(reason);
  }

  /** What the other end sent. */
  receive(message: HotMessage): void {
    if (this.ended) return;
    if (message.kind === "reset") {
      this.finish(new StreamError("cancelled", "the other end has reset the stream"));
      return;
    }
    this.#unread.push(message);
    this.#read();
  }

  /** Ends the stream at this side. The first outcome counts. */
  finish(error: StreamError | undefined): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { error };
    this.#over();
    this.#report();
  }

  #report(): void {
    if (this.#told || this.#onEnd === undefined || this.#outcome === undefined) return;
    this.#told = true;
    this.#onEnd(this.#outcome.error);
  }

  #read(): void {
    while (!this.#paused && !this.ended && this.#onMessage !== undefined) {
      const message = this.#unread.shift();
      if (message === undefined) return;
      if (message.kind === "data") this.#deliver(message.bytes);
      else if (message.kind === "end") this.finish(message.error);
      else if (this.#onHalfClose === undefined) this.end();
      else this.#onHalfClose();
    }
  }

  #deliver(bytes: Buffer): void {
    try {
      this.#onMessage?.(bytes);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      if (this.#isServer) this.end(error);
      else this.cancel(error);
    }
  }

  #watchDrain(): void {
    if (this.#draining) return;
    this.#draining = true;
    const look = (): void => {
      if (this.ended) return;
      if (this.queuedBytes > HOT_LIMITS.queuedBytesMark / 2) {
        this.#clock.schedule(1, look);
        return;
      }
      this.#draining = false;
      this.#onDrain?.();
    };
    this.#clock.schedule(1, look);
  }
}
