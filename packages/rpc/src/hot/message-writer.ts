/**
 * The outgoing half of a hot stream: prefixes messages, gathers those of one turn of the event loop,
 * and counts what the network has not taken.
 *
 * Small parts (prefixes, headers, acknowledgements) are copied next to each other into a slab; large
 * ones go out as they are. So a turn with 200 acknowledgements is one write of one buffer, and 256 KiB
 * of records is one gathering write of two, with no promise and no closure per message.
 */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";

import type { HotLimits } from "./limits.ts";

const PREFIX_BYTES = 5;
const SLAB_BYTES = 64 * 1024;
/** Copying this little costs less than one more buffer in the gathering write. */
const COPIED_PART_BYTES_MAX = 4096;
/** A turn that has gathered this much does not wait for its end. */
const FLUSH_BYTES = 256 * 1024;

/** What the writer needs of an `Http2Stream`. */
export interface WriteTarget {
  cork(): void;
  uncork(): void;
  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean;
}

type WriterLimits = Pick<HotLimits, "messageBytesMax" | "queuedBytesMark" | "queuedBytesMax">;

export class MessageWriter {
  readonly #target: WriteTarget;
  readonly #clock: Clock;
  readonly #limits: WriterLimits;
  readonly #drained: () => void;
  #chunks: Uint8Array[] = [];
  #gatheredBytes = 0;
  #queuedBytes = 0;
  #blocked = false;
  #flushPlanned = false;
  #closed = false;
  #finished = false;
  /** Bytes of the slab before `#slabStart` are already in `#chunks`. */
  #slab = Buffer.alloc(0);
  #slabStart = 0;
  #slabEnd = 0;

  constructor(target: WriteTarget, clock: Clock, limits: WriterLimits, drained: () => void) {
    this.#target = target;
    this.#clock = clock;
    this.#limits = limits;
    this.#drained = drained;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** As `HotStream.send`. */
  send(parts: readonly Uint8Array[]): boolean {
    let length = 0;
    for (const part of parts) length += part.length;
    this.#admit(length);
    if (this.#closed || this.#finished) return true;
    const prefix = this.#reserve(PREFIX_BYTES);
    this.#slab.writeUInt8(0, prefix);
    this.#slab.writeUInt32BE(length, prefix + 1);
    for (const part of parts) this.#gather(part);
    const framed = length + PREFIX_BYTES;
    this.#gatheredBytes += framed;
    this.#queuedBytes += framed;
    if (this.#gatheredBytes >= FLUSH_BYTES) this.flush();
    else this.#planFlush();
    if (this.#queuedBytes > this.#limits.queuedBytesMark) this.#blocked = true;
    return !this.#blocked;
  }

  /** Hands everything gathered to the stream, in one write. */
  flush(): void {
    this.#closeRun();
    const chunks = this.#chunks;
    if (this.#closed || chunks.length === 0) return;
    const bytes = this.#gatheredBytes;
    this.#chunks = [];
    this.#gatheredBytes = 0;
    const last = chunks.length - 1;
    this.#target.cork();
    for (let index = 0; index < last; index += 1) this.#target.write(chunks[index] as Uint8Array);
    this.#target.write(chunks[last] as Uint8Array, () => this.#written(bytes));
    this.#target.uncork();
  }

  /** Hands over what was gathered; messages sent later are dropped. */
  finish(): void {
    this.flush();
    this.#finished = true;
  }

  /** Forgets what was not handed over; later calls do nothing. */
  close(): void {
    this.#closed = true;
    this.#chunks = [];
    this.#slab = Buffer.alloc(0);
    this.#slabStart = 0;
    this.#slabEnd = 0;
    this.#queuedBytes = 0;
  }

  #admit(length: number): void {
    const { messageBytesMax, queuedBytesMax } = this.#limits;
    if (length > messageBytesMax) {
      throw new StreamError(
        "invalid-argument",
        `message length is ${length} bytes, but must be in 0..${messageBytesMax}`,
      );
    }
    if (this.#queuedBytes + length <= queuedBytesMax) return;
    throw new StreamError(
      "overloaded",
      `${this.#queuedBytes} bytes wait on this stream; ${length} more would pass ${queuedBytesMax}`,
    );
  }

  #gather(part: Uint8Array): void {
    if (part.length <= COPIED_PART_BYTES_MAX) {
      const start = this.#reserve(part.length);
      this.#slab.set(part, start);
      return;
    }
    this.#closeRun();
    this.#chunks.push(part);
  }

  /** Offset of `length` free bytes in the slab, right behind those reserved last. */
  #reserve(length: number): number {
    if (this.#slabEnd + length > this.#slab.length) {
      this.#closeRun();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabStart = 0;
      this.#slabEnd = 0;
    }
    const start = this.#slabEnd;
    this.#slabEnd += length;
    return start;
  }

  /** Small parts gathered so far become one chunk, before a large part follows them. */
  #closeRun(): void {
    if (this.#slabEnd === this.#slabStart) return;
    this.#chunks.push(this.#slab.subarray(this.#slabStart, this.#slabEnd));
    this.#slabStart = this.#slabEnd;
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#clock.soon(() => {
      this.#flushPlanned = false;
      this.flush();
    });
  }

  #written(bytes: number): void {
    if (this.#closed) return;
    this.#queuedBytes -= bytes;
    if (!this.#blocked || this.#queuedBytes > this.#limits.queuedBytesMark / 2) return;
    this.#blocked = false;
    this.#drained();
  }
}
