/**
 * Writes protobuf fields in front of payloads that are passed on uncopied.
 *
 * The generated serializers copy every byte of a message into a new buffer; here a message is a list of
 * parts, and only the fields around the payloads are written, into one small buffer per message.
 *
 * Source: protobuf.dev, "Encoding". Fields with their default value are left out, as proto3 does.
 */
import { requireWithin, safeInteger } from "@millrace/base";

/** Longest field number and varint together: one key byte (numbers up to 15) and 8 bytes for 2^53 - 1. */
export const SCALAR_BYTES_MAX = 9;
/** Key and length of a field whose content is not longer than CONTENT_BYTES_MAX. */
export const LENGTH_BYTES_MAX = 5;
/** What four bytes of varint can say; frames and messages are bounded far below it. */
const CONTENT_BYTES_MAX = 2 ** 28 - 1;

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const UINT32_MAX = 0xffff_ffff;

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  readonly #buffer: Buffer;
  #start = 0;
  #end = 0;

  /** `bytesMax` covers all fields but the payloads given to `payload`. */
  constructor(bytesMax: number) {
    this.#buffer = Buffer.allocUnsafe(bytesMax);
  }

  /** @throws StreamError `invalid-argument` unless `value` is a whole number in 0..2^53 - 1. */
  uint64(field: number, name: string, value: number): void {
    if (safeInteger(name, value) !== 0) this.#scalar(field, value);
  }

  /** @throws StreamError `invalid-argument` unless `value` is a whole number in 0..2^32 - 1. */
  uint32(field: number, name: string, value: number): void {
    if (safeInteger(name, value, 0, UINT32_MAX) !== 0) this.#scalar(field, value);
  }

  bool(field: number, value: boolean): void {
    if (value) this.#scalar(field, 1);
  }

  /** A short field (string or embedded message) that is copied; the caller counted it in `bytesMax`. */
  bytes(field: number, content: Uint8Array): void {
    this.length(field, content.length);
    this.#buffer.set(content, this.#end);
    this.#end += content.length;
  }

  /** Key and length of a field whose content follows. */
  length(field: number, bytes: number): void {
    requireWithin(`length of field ${field}`, bytes, 0, CONTENT_BYTES_MAX);
    this.#buffer[this.#end++] = (field << 3) | LENGTH_DELIMITED;
    this.#varint(bytes);
  }

  /** A `bytes` field made of `parts`, which are not copied. An empty one is left out. */
  payload(field: number, parts: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes === 0) return;
    this.length(field, bytes);
    this.#cut();
    this.#parts.push(...parts);
  }

  /** The message, back to back. The writer cannot be used afterwards. */
  finish(): Uint8Array[] {
    this.#cut();
    return this.#parts;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#parts.push(this.#buffer.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #scalar(field: number, value: number): void {
    this.#buffer[this.#end++] = (field << 3) | VARINT;
    this.#varint(value);
  }

  #varint(value: number): void {
    let rest = value;
    // Above 2^31 the bitwise operators would cut the number.
    while (rest > 0x7fff_ffff) {
      this.#buffer[this.#end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#buffer[this.#end++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#end++] = rest;
  }
}
