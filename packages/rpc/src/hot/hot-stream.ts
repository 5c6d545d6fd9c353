/**
 * What a user of the hot codec sees of one bidirectional gRPC stream, at either end.
 *
 * Callbacks instead of `node:stream`: a message is handed over in the turn in which its last byte
 * arrived, without a promise, an event object or a second queue per message.
 */
import type { StreamError } from "@millrace/base";

export interface HotStream {
  /**
   * Queues one message, the bytes of `parts` back to back. The parts are not copied when large, so they
   * must not change afterwards. Messages of one turn of the event loop leave together.
   *
   * After the end of the stream the message is dropped.
   *
   * @returns false when more than `queuedBytesMark` bytes are waiting: send again after `onDrain`.
   * @throws StreamError `overloaded` when more than `queuedBytesMax` bytes would wait, `invalid-argument`
   * for a message longer than `messageBytesMax`. Nothing was queued then.
   */
  send(parts: readonly Uint8Array[]): boolean;
  /** Bytes given to `send` that the network has not taken yet. */
  readonly queuedBytes: number;
  /** `onEnd` was called, or will be without another message. */
  readonly ended: boolean;
  /**
   * Called once per message, in order. The buffer may be a view of a larger network buffer: copy what is
   * small and outlives the call. Reading starts with this registration; until then the peer is held back.
   * A `StreamError` that the callback throws ends the stream with it.
   */
  onMessage(callback: (message: Buffer) => void): void;
  /** Called when the queue has fallen to half of `queuedBytesMark` after `send` returned false. */
  onDrain(callback: () => void): void;
  /**
   * Server side: the client will send nothing more; answers can still go out until `end`. Without this
   * callback the server ends the stream itself.
   */
  onHalfClose(callback: () => void): void;
  /**
   * Called exactly once, after the last message, also when registered later. `undefined` is the good
   * end: trailers with status 0 at the client, all trailers sent at the server. A lost connection gives
   * `indeterminate`, or `unavailable` when nothing of the stream had left this process.
   */
  onEnd(callback: (error: StreamError | undefined) => void): void;
  /** No `onMessage` until `resume`; the peer is held back once the window (16 MiB) is full. */
  pause(): void;
  resume(): void;
  /**
   * Sends what is queued, then: at the server the trailers, with status 0 or that of `error`; at the
   * client the half close (with `error`, like `cancel`).
   */
  end(error?: StreamError): void;
  /** Drops what is queued and resets the stream; the own `onEnd` is given `reason`. */
  cancel(reason: StreamError): void;
}

/** A value of type Uint8Array needs a name that ends in `-bin` and travels as base64. */
export type CallMetadata = Readonly<Record<string, string | Uint8Array>>;

/** What a server knows of a call before its first message. */
export interface CallInfo<Principal = unknown> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Names in lower case, without the pseudo headers; `-bin` values still in base64 (see `binaryHeader`). */
  readonly headers: Readonly<Record<string, string>>;
  /** `address:port` of the other end of the connection. */
  readonly peer: string;
  /** What `authenticate` returned; undefined while it runs. */
  readonly principal?: Principal;
}
