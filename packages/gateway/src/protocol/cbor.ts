/**
 * CBOR as Kinesis speaks it, which is not quite the standard: a time is tag 1 around whole epoch
 * *milliseconds*. Java programs (KCL, Flink, Spark) use it for every operation but SubscribeToShard.
 *
 * Written here, not taken from a library, because the libraries at hand write integers beyond 32
 * bits as floats, keep their tags in one table for the whole process, follow tags that build
 * arbitrary objects, and have no bound on depth. Byte strings are views of the request.
 *
 *   C1  no item reaches beyond the bytes given, and no bytes are left over
 *   C2  nesting is at most DEPTH_MAX
 *   C3  map keys are text
 *
 * Source: RFC 8949; reference/kinesis-api 2.11.
 */
import { Blob, EpochMs } from "./values.ts";

const DEPTH_MAX = 32;
const TEXT_UTF8 = new TextDecoder("utf-8", { fatal: true });
const INDEFINITE = -1;

/** Says where and why the bytes are no CBOR of ours. */
export class CborError extends Error {
  override name = "CborError";
}

export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new CborReader(bytes);
  const value = reader.item(0);
  reader.expectEnd();
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.byteLength) throw this.#broken("bytes are left over"); // C1
  }

  item(depth: number): unknown {
    if (depth > DEPTH_MAX) throw this.#broken(`nesting is deeper than ${DEPTH_MAX}`); // C2
    const initial = this.#byte();
    const major = initial >> 5;
    const info = initial & 31;
    switch (major) {
      case 0:
        return this.#argument(info);
      case 1:
        return -1 - this.#argument(info);
      case 2:
        return this.#byteString(info);
      case 3:
        return this.#text(info);
      case 4:
        return this.#array(info, depth);
      case 5:
        return this.#map(info, depth);
      case 6:
        return this.#tagged(info, depth);
      default:
        return this.#simple(info);
    }
  }

  #map(info: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const size = this.#size(info);
    for (let index = 0; index !== size; index++) {
      if (size === INDEFINITE && this.#breaks()) break;
      const key = this.item(depth + 1);
      if (typeof key !== "string") throw this.#broken("a map key is not text"); // C3
      const value = this.item(depth + 1);
      if (key === "__proto__") {
        throw this.#broken("a map key is __proto__");
      }
      map[key] = value;
    }
    return map;
  }

  #array(info: number, depth: number): unknown[] {
    const array: unknown[] = [];
    const size = this.#size(info);
    for (let index = 0; index !== size; index++) {
      if (size === INDEFINITE && this.#breaks()) break;
      array.push(this.item(depth + 1));
    }
    return array;
  }

  #tagged(info: number, depth: number): unknown {
    const tag = this.#argument(info);
    const value = this.item(depth + 1);
    if (tag !== 1) return value;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw this.#broken("a time is not a number");
    }
    return new EpochMs(Math.trunc(value));
  }

  #text(info: number): string {
    const bytes = this.#string(info, 3);
    try {
      return TEXT_UTF8.decode(bytes);
    } catch {
      throw this.#broken("text is not UTF-8");
    }
  }

  #byteString(info: number): Uint8Array {
    return this.#string(info, 2);
  }

  #string(info: number, major: number): Uint8Array {
    const size = this.#size(info);
    if (size !== INDEFINITE) return this.#take(size);
    const parts: Uint8Array[] = [];
    while (!this.#breaks()) {
      const initial = this.#byte();
      if (initial >> 5 !== major || (initial & 31) === 31)
        throw this.#broken("a part is no string");
      parts.push(this.#take(this.#argument(initial & 31)));
    }
    return Buffer.concat(parts);
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return halfFloat(this.#view.getUint16(this.#advance(2)));
      case 26:
        return this.#view.getFloat32(this.#advance(4));
      case 27:
        return this.#view.getFloat64(this.#advance(8));
      default:
        throw this.#broken(`simple value ${info} is not known`);
    }
  }

  #size(info: number): number {
    return info === 31 ? INDEFINITE : this.#argument(info);
  }

  /** A length or a number; beyond 2^53 a number loses digits, which no member of Kinesis needs. */
  #argument(info: number): number {
    if (info < 24) return info;
    switch (info) {
      case 24:
        return this.#byte();
      case 25:
        return this.#view.getUint16(this.#advance(2));
      case 26:
        return this.#view.getUint32(this.#advance(4));
      case 27:
        return Number(this.#view.getBigUint64(this.#advance(8)));
      default:
        throw this.#broken(`additional information ${info} is not known`);
    }
  }

  #breaks(): boolean {
    if (this.#at < this.#bytes.byteLength && this.#bytes[this.#at] !== 0xff) return false;
    this.#advance(1);
    return true;
  }

  #byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  #take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.byteLength - start) throw this.#broken("it is cut off"); // C1
    this.#at = start + length;
    return start;
  }

  #broken(why: string): CborError {
    return new CborError(`CBOR at byte ${this.#at} of ${this.#bytes.byteLength}: ${why}`);
  }
}

function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Maps and arrays are written with indefinite length, as the service writes them; absent members are left out. */
export function encodeCbor(value: unknown): Buffer {
  const writer = new CborWriter();
  writer.item(value);
  return writer.bytes();
}

class CborWriter {
  #buffer = Buffer.allocUnsafe(1024);
  #end = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  item(value: unknown): void {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "number") return this.#number(value);
    if (value === true || value === false) return this.#byte(value ? 0xf5 : 0xf4);
    if (value === null || value === undefined) return this.#byte(0xf6);
    if (value instanceof Blob) return this.#byteString(value.bytes);
    if (value instanceof Uint8Array) return this.#byteString(value);
    if (value instanceof EpochMs) {
      this.#byte(0xc1);
      return this.#number(Math.trunc(value.ms));
    }
    if (Array.isArray(value)) return this.#array(value);
    return this.#map(value as Readonly<Record<string, unknown>>);
  }

  #array(items: readonly unknown[]): void {
    this.#byte(0x9f);
    for (const item of items) this.item(item);
    this.#byte(0xff);
  }

  #map(map: Readonly<Record<string, unknown>>): void {
    this.#byte(0xbf);
    for (const key of Object.keys(map)) {
      const held = map[key];
      if (held === undefined) continue;
      this.#text(key);
      this.item(held);
    }
    this.#byte(0xff);
  }

  #text(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#head(3, bytes);
    this.#reserve(bytes);
    this.#end += this.#buffer.write(text, this.#end, bytes, "utf8");
  }

  #byteString(bytes: Uint8Array): void {
    this.#head(2, bytes.byteLength);
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.byteLength;
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) {
      return value < 0 ? this.#head(1, -1 - value) : this.#head(0, value);
    }
    this.#byte(0xfb);
    this.#reserve(8);
    this.#end = this.#buffer.writeDoubleBE(value, this.#end);
  }

  #head(major: number, argument: number): void {
    this.#reserve(9);
    const type = major << 5;
    if (argument < 24) {
      this.#buffer[this.#end++] = type | argument;
    } else if (argument < 0x100) {
      this.#buffer[this.#end++] = type | 24;
      this.#buffer[this.#end++] = argument;
    } else if (argument < 0x1_0000) {
      this.#buffer[this.#end++] = type | 25;
      this.#end = this.#buffer.writeUInt16BE(argument, this.#end);
    } else if (argument < 0x1_0000_0000) {
      this.#buffer[this.#end++] = type | 26;
      this.#end = this.#buffer.writeUInt32BE(argument, this.#end);
    } else {
      this.#buffer[this.#end++] = type | 27;
      this.#end = this.#buffer.writeBigUInt64BE(BigInt(argument), this.#end);
    }
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#end++] = byte;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#end + bytes, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }
}
