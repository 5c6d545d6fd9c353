/**
 * Little-endian numbers of fixed width. A u64 is a safe integer in memory: bigint would cost an
 * allocation per field, and 2^53 is out of reach for every counter here (see base/ids.ts).
 */
import { crc32 } from "node:zlib";

import { StreamError } from "@millrace/base";

const TWO_32 = 2 ** 32;

export function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % TWO_32, at);
  target.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

/** @throws StreamError `corrupt` above 2^53 - 1: no writer of ours makes such a number. */
export function readU64(source: Buffer, at: number): number {
  const value = source.readUInt32LE(at + 4) * TWO_32 + source.readUInt32LE(at);
  if (!Number.isSafeInteger(value)) {
    throw new StreamError("corrupt", `u64 at byte ${at} is ${value}, but must be below 2^53`);
  }
  return value;
}

/** CRC-32/ISO-HDLC, the checksum with algorithm id 1 in every file header. */
export function checksum(bytes: Uint8Array): number {
  return crc32(bytes);
}

export const CHECKSUM_CRC32 = 1;

export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Grows as needed; for small structures off the hot path. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1); // May replace the buffer.
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2); // May replace the buffer.
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4); // May replace the buffer.
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  u64(value: number): this {
    const at = this.#grow(8);
    writeU64(this.#buffer, value, at);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.byteLength);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** u32 length, then the bytes. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.byteLength).raw(bytes);
  }

  /** The bytes so far; valid until the next write. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.byteLength * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }
}

/** Reads what `ByteWriter` wrote. Running off the end is damage, not a range error. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#buffer.byteLength - this.#at;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u64(): number {
    return readU64(this.#buffer, this.#take(8));
  }

  /** A view, not a copy. */
  raw(bytes: number): Buffer {
    const at = this.#take(bytes);
    return this.#buffer.subarray(at, at + bytes);
  }

  sized(): Buffer {
    return this.raw(this.u32());
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#buffer.byteLength) {
      throw new StreamError(
        "corrupt",
        `field of ${bytes} bytes at ${at} runs over the end at ${this.#buffer.byteLength}`,
      );
    }
    this.#at = at + bytes;
    return at;
  }
}
