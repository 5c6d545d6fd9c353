/**
 * Reads protobuf fields out of one message; `bytes` fields come as views of it.
 *
 * What another program sends is not trusted: a length beyond the message, a varint beyond 2^53 - 1 or
 * an unknown wire type is an `invalid-argument` that names the message, never a wrong value.
 */
import { StreamError } from "@millrace/base";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const UINT32_MAX = 0xffff_ffff;

export class WireReader {
  readonly #message: string;
  readonly #bytes: Buffer;
  #offset = 0;
  #field = 0;
  #wireType = 0;

  /** `message` names the message in errors. */
  constructor(message: string, bytes: Buffer) {
    this.#message = message;
    this.#bytes = bytes;
  }

  /** Number of the next field, or 0 at the end of the message. */
  next(): number {
    if (this.#offset >= this.#bytes.length) return 0;
    const key = this.#varint("field key");
    this.#field = Math.floor(key / 8);
    this.#wireType = key & 7;
    if (this.#field === 0 || key > UINT32_MAX) throw this.#bad(`field key ${key} is not allowed`);
    return this.#field;
  }

  uint64(name: string): number {
    this.#expect(VARINT, name);
    return this.#varint(name);
  }

  uint32(name: string): number {
    const value = this.uint64(name);
    if (value <= UINT32_MAX) return value;
    throw this.#bad(`${name} is ${value}, but must be in 0..${UINT32_MAX}`);
  }

  bool(name: string): boolean {
    return this.uint64(name) !== 0;
  }

  string(name: string): string {
    return this.bytes(name).toString("utf8");
  }

  /** A view of the message. */
  bytes(name: string): Buffer {
    this.#expect(LENGTH_DELIMITED, name);
    const length = this.#varint(name);
    return this.#take(length, name);
  }

  /** Passes over the field that `next` announced: a later version may know it. */
  skip(): void {
    const name = `field ${this.#field}`;
    if (this.#wireType === VARINT) this.#skipVarint(name);
    else if (this.#wireType === FIXED64) this.#take(8, name);
    else if (this.#wireType === LENGTH_DELIMITED) this.#take(this.#varint(name), name);
    else if (this.#wireType === FIXED32) this.#take(4, name);
    else throw this.#bad(`${name} has wire type ${this.#wireType}, known are 0, 1, 2 and 5`);
  }

  #take(length: number, name: string): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      const left = this.#bytes.length - this.#offset;
      throw this.#bad(`${name} is ${length} bytes long, but ${left} are left`);
    }
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  #varint(name: string): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#bytes[this.#offset];
      if (byte === undefined) throw this.#bad(`${name} is cut off`);
      this.#offset += 1;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) {
        throw this.#bad(`${name} is more than ${Number.MAX_SAFE_INTEGER}`);
      }
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw this.#bad(`${name} is longer than 10 bytes`);
  }

  /** Unknown fields may use all 64 bits. */
  #skipVarint(name: string): void {
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#bytes[this.#offset];
      if (byte === undefined) throw this.#bad(`${name} is cut off`);
      this.#offset += 1;
      if (byte < 0x80) return;
    }
    throw this.#bad(`${name} is longer than 10 bytes`);
  }

  #expect(wireType: number, name: string): void {
    if (this.#wireType === wireType) return;
    throw this.#bad(`${name} has wire type ${this.#wireType}, but must have ${wireType}`);
  }

  #bad(reason: string): StreamError {
    return new StreamError(
      "invalid-argument",
      `${this.#message}: ${reason} (byte ${this.#offset} of ${this.#bytes.length})`,
    );
  }
}
