/**
 * Cuts gRPC's length-prefixed messages out of DATA chunks.
 *
 *   byte 0        1               5
 *        | flag   | length        | message (`length` bytes) |
 *        | 0 or 1 | u32           |
 *
 * A message inside one chunk is handed out as a view of it; one that spans chunks is copied once, into
 * a buffer of its known length. grpc-js joins and slices instead, which costs a copy of every byte more.
 * `flag` 1 means compressed: refused, because nobody here compresses on a link.
 *
 * Source: gRPC over HTTP/2, "Length-Prefixed-Message".
 */
import { StreamError } from "@millrace/base";

const PREFIX_BYTES = 5;

export class MessageReader {
  readonly #messageBytesMax: number;
  readonly #deliver: (message: Buffer) => void;
  #paused = true;
  /** Chunks that arrived while paused, and the rest of the one whose message paused us. */
  #held: Buffer[] = [];
  readonly #prefix = Buffer.allocUnsafeSlow(PREFIX_BYTES);
  #prefixBytes = 0;
  /** The message that spans chunks, and how much of it is there. */
  #partial: Buffer | undefined;
  #partialBytes = 0;

  /** Starts paused; `deliver` may call `pause`. */
  constructor(messageBytesMax: number, deliver: (message: Buffer) => void) {
    this.#messageBytesMax = messageBytesMax;
    this.#deliver = deliver;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** No bytes are held back from the reader of messages. */
  get drained(): boolean {
    return this.#held.length === 0;
  }

  /** A message has begun that did not end: the stream must not end here. */
  get midMessage(): boolean {
    return this.#prefixBytes > 0 || this.#partial !== undefined;
  }

  pause(): void {
    this.#paused = true;
  }

  /** @throws StreamError as `push`. */
  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const chunk = this.#held.shift();
      if (chunk === undefined) return;
      this.push(chunk);
    }
  }

  /** @throws StreamError `limit-exceeded` for a message that is too long, `unsupported` for a compressed one. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#paused) {
        // Before anything else that is held: `resume` gives out one held chunk at a time.
        if (offset === 0) this.#held.push(chunk);
        else this.#held.unshift(chunk.subarray(offset));
        return;
      }
      offset = this.#partial === undefined ? this.#begin(chunk, offset) : this.#fill(chunk, offset);
    }
  }

  /** At a message's prefix: returns the offset behind what was used. */
  #begin(chunk: Buffer, offset: number): number {
    let body = offset;
    let flag: number;
    let length: number;
    if (this.#prefixBytes === 0 && chunk.length - offset >= PREFIX_BYTES) {
      flag = chunk.readUInt8(offset);
      length = chunk.readUInt32BE(offset + 1);
      body += PREFIX_BYTES;
    } else {
      const taken = chunk.copy(this.#prefix, this.#prefixBytes, offset);
      this.#prefixBytes += taken;
      body += taken;
      if (this.#prefixBytes < PREFIX_BYTES) return body;
      flag = this.#prefix.readUInt8(0);
      length = this.#prefix.readUInt32BE(1);
    }
    this.#prefixBytes = 0;
    this.#check(flag, length);
    const end = body + length;
    if (end <= chunk.length) {
      this.#deliver(chunk.subarray(body, end));
      return end;
    }
    this.#partial = Buffer.allocUnsafe(length);
    this.#partialBytes = chunk.copy(this.#partial, 0, body);
    return chunk.length;
  }

  #fill(chunk: Buffer, offset: number): number {
    const partial = this.#partial;
    if (partial === undefined) return offset;
    const taken = chunk.copy(partial, this.#partialBytes, offset);
    this.#partialBytes += taken;
    if (this.#partialBytes === partial.length) {
      this.#partial = undefined;
      this.#deliver(partial);
    }
    return offset + taken;
  }

  #check(flag: number, length: number): void {
    if (flag !== 0) {
      throw new StreamError(
        "unsupported",
        `message flag is ${flag}, but only 0 is taken: compression is not supported`,
      );
    }
    if (length <= this.#messageBytesMax) return;
    throw new StreamError(
      "limit-exceeded",
      `message length is ${length} bytes, but must be in 0..${this.#messageBytesMax}`,
    );
  }
}
