/**
 * Encoded records, grown in one buffer, with room for a batch header in front, so that a put is
 * copied once between the request it came in and the batch that is sent.
 */
import {
  BATCH_HEADER_BYTES,
  PARTITION_KEY_BYTES_MAX,
  RECORD_HEADER_BYTES,
  viewOf,
} from "./record-batch.ts";
import { requireWithin } from "@millrace/base";

import { HASH_KEY_BYTES } from "./hash-key.ts";

/** Makes a buffer of its own (never a slice of a shared pool) of at least `bytes`. */
export type Allocate = (bytes: number) => Uint8Array;

export class RecordsBuilder {
  readonly #allocate: Allocate;
  #buffer: Uint8Array;
  #view: DataView;
  #end = BATCH_HEADER_BYTES;
  #count = 0;

  constructor(allocate: Allocate, bytesExpected: number) {
    this.#allocate = allocate;
    this.#buffer = allocate(BATCH_HEADER_BYTES + bytesExpected);
    this.#view = viewOf(this.#buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of the encoded records so far. */
  get recordBytes(): number {
    return this.#end - BATCH_HEADER_BYTES;
  }

  /** The buffer that `add` positions refer to; a later `add` can replace it. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Adds one record and returns where its `dataBytes` of data must be written into `buffer`.
   *
   * @param hashKey 16 big-endian bytes.
   * @param partitionKey UTF-8, 1..1024 bytes.
   * @throws StreamError `invalid-argument` for a key outside its bounds.
   */
  add(hashKey: Uint8Array, partitionKey: Uint8Array, dataBytes: number): number {
    requireWithin("partitionKey bytes", partitionKey.byteLength, 1, PARTITION_KEY_BYTES_MAX);
    const at = this.#end;
    const dataAt = at + RECORD_HEADER_BYTES + partitionKey.byteLength;
    this.#end = dataAt + dataBytes;
    this.#reserve(this.#end);
    this.#view.setUint32(at, this.#end - at - 4, true);
    this.#buffer.set(hashKey, at + 4);
    this.#view.setUint16(at + 4 + HASH_KEY_BYTES, partitionKey.byteLength, true);
    this.#buffer.set(partitionKey, at + RECORD_HEADER_BYTES);
    this.#count++;
    return dataAt;
  }

  /** Header room and records, a view of `buffer`: ready for `sealBatch`. */
  batch(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }

  /** The encoded records alone. */
  records(): Uint8Array {
    return this.#buffer.subarray(BATCH_HEADER_BYTES, this.#end);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.byteLength) return;
    const grown = this.#allocate(Math.max(bytes, this.#buffer.byteLength * 2));
    grown.set(this.#buffer);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}
