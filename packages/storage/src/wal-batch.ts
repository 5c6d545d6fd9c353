/**
 * One batch of the WAL: what one group commit writes. FORMAT.md draws it.
 *
 *   page     4052 bytes of payload, then stamps: see wal-stamps.ts
 *   payload  header of 48 bytes, then frames; the last page is padded with zeros
 *
 *   W1  a batch starts at a page and is whole pages
 *   W2  `crc` covers every byte after itself, stamps and padding included
 *   W3  the first page's stamp says page 0, so payload bytes can never pass for a batch header
 *   W4  a sector is written whole or not at all, so a current stamp proves the sector's content: a
 *       batch with all stamps current and a bad checksum was damaged later, and is not a torn write
 */
import { StreamError } from "@millrace/base";

import { checksum, readU64, writeU64 } from "./bytes.ts";
import { BATCH_BYTES_MAX, COMMIT_BYTES_TARGET, PAGE_BYTES } from "./limits.ts";
import {
  copyPayload,
  currentSectors,
  PAGE_PAYLOAD_BYTES,
  PAGE_TRAILER_BYTES,
  restampPages,
  SECTORS_PER_PAGE,
  stampPages,
} from "./wal-stamps.ts";

export const BATCH_HEADER_BYTES = 48;
const HEADER_CRC_AT = 44;
/** Slabs above this are given back after use: only a checkpoint of very many groups needs one. */
const SLAB_KEPT_BYTES = 4 * COMMIT_BYTES_TARGET;

export const BATCH_FLAG_CHECKPOINT = 1;
/** No frames: written before the next file is used, which exists by then. */
export const BATCH_FLAG_SEAL = 2;

export interface BatchHeader {
  /** Bytes on disk: whole pages. */
  readonly length: number;
  readonly batchSeq: number;
  readonly fileSeq: number;
  /** Last batch known durable when this one was built: the evidence that tells damage from tearing. */
  readonly durableSeqBefore: number;
  readonly frameCount: number;
  /** Header and frames, without stamps and padding. */
  readonly payloadBytes: number;
  readonly flags: number;
}

export interface WalBatch extends BatchHeader {
  /** The frames, contiguous, in memory of their own. */
  readonly frames: Buffer;
}

/** Bytes on disk of a batch whose frames take `frameBytes`. */
export function batchBytes(frameBytes: number): number {
  return Math.ceil((BATCH_HEADER_BYTES + frameBytes) / PAGE_PAYLOAD_BYTES) * PAGE_BYTES;
}

/** Lays a batch out in a slab that is reused, copying each byte once. */
export class BatchBuilder {
  #slab = Buffer.allocUnsafeSlow(batchBytes(COMMIT_BYTES_TARGET) + PAGE_BYTES);
  #at = 0;
  #pageEnd = 0;
  #frameCount = 0;
  #identity = { batchSeq: 0, fileSeq: 0, durableSeqBefore: 0, flags: 0 };

  /** Starts a batch that will hold at most `frameBytes` of frames. */
  begin(
    identity: { batchSeq: number; fileSeq: number; durableSeqBefore: number; flags: number },
    frameBytes: number,
  ): void {
    const needed = batchBytes(frameBytes);
    if (needed > BATCH_BYTES_MAX) {
      throw new StreamError(
        "limit-exceeded",
        `WAL batch is ${needed} bytes, but at most ${BATCH_BYTES_MAX} are allowed`,
      );
    }
    if (needed > this.#slab.byteLength) this.#slab = Buffer.allocUnsafeSlow(needed);
    this.#identity = identity;
    this.#at = BATCH_HEADER_BYTES;
    this.#pageEnd = PAGE_PAYLOAD_BYTES;
    this.#frameCount = 0;
  }

  /** Called once per frame, before its bytes. */
  countFrame(): void {
    this.#frameCount++;
  }

  put(bytes: Uint8Array): void {
    let from = 0;
    const length = bytes.byteLength;
    while (from < length) {
      if (this.#at === this.#pageEnd) {
        this.#at += PAGE_TRAILER_BYTES;
        this.#pageEnd += PAGE_BYTES;
      }
      const count = Math.min(length - from, this.#pageEnd - this.#at);
      // A view only where the bytes span pages: most headers fit.
      this.#slab.set(count === length ? bytes : bytes.subarray(from, from + count), this.#at);
      this.#at += count;
      from += count;
    }
  }

  /** The finished batch: a view of the slab, valid until the next `begin`. */
  finish(): Buffer {
    const pages = (this.#pageEnd + PAGE_TRAILER_BYTES) / PAGE_BYTES;
    const payloadBytes = this.#at - (pages - 1) * PAGE_TRAILER_BYTES;
    this.#slab.fill(0, this.#at, this.#pageEnd);
    const batch = this.#slab.subarray(0, pages * PAGE_BYTES);
    this.#writeHeader(batch, payloadBytes);
    stampPages(batch, this.#identity);
    batch.writeUInt32LE(checksum(batch.subarray(4)), 0);
    return batch;
  }

  /** After the write: keeps the usual slab, frees an outsized one. */
  release(): void {
    if (this.#slab.byteLength <= SLAB_KEPT_BYTES) return;
    this.#slab = Buffer.allocUnsafeSlow(batchBytes(COMMIT_BYTES_TARGET) + PAGE_BYTES);
  }

  #writeHeader(batch: Buffer, payloadBytes: number): void {
    const { batchSeq, fileSeq, durableSeqBefore, flags } = this.#identity;
    batch.writeUInt32LE(batch.byteLength, 4);
    writeU64(batch, batchSeq, 8);
    writeU64(batch, fileSeq, 16);
    writeU64(batch, durableSeqBefore, 24);
    batch.writeUInt32LE(this.#frameCount, 32);
    batch.writeUInt32LE(payloadBytes, 36);
    batch.writeUInt32LE(flags, 40);
    batch.writeUInt32LE(checksum(batch.subarray(4, HEADER_CRC_AT)), HEADER_CRC_AT);
  }
}

/** The header of the batch at `at`, when its own checksum holds; says nothing about the rest. */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader | undefined {
  if (at + PAGE_BYTES > bytes.byteLength) return undefined;
  if (checksum(bytes.subarray(at + 4, at + HEADER_CRC_AT)) !== bytes.readUInt32LE(at + 44)) {
    return undefined;
  }
  const length = bytes.readUInt32LE(at + 4);
  const payloadBytes = bytes.readUInt32LE(at + 36);
  const pages = length / PAGE_BYTES;
  const plausible =
    pages >= 1 &&
    Number.isInteger(pages) &&
    length <= BATCH_BYTES_MAX &&
    payloadBytes >= BATCH_HEADER_BYTES &&
    payloadBytes <= pages * PAGE_PAYLOAD_BYTES;
  if (!plausible) return undefined;
  return {
    length,
    batchSeq: readU64(bytes, at + 8),
    fileSeq: readU64(bytes, at + 16),
    durableSeqBefore: readU64(bytes, at + 24),
    frameCount: bytes.readUInt32LE(at + 32),
    payloadBytes,
    flags: bytes.readUInt32LE(at + 40),
  };
}

/**
 * Whether the whole batch is intact. Where only stamps are damaged the checksum over the batch with
 * the stamps it should have still proves every byte of content, so that is accepted too.
 */
export function batchIsIntact(batch: Buffer, header: BatchHeader): boolean {
  const stored = batch.readUInt32LE(0);
  if (checksum(batch.subarray(4)) === stored) return true;
  const healed = Buffer.from(batch);
  restampPages(healed, header);
  return checksum(healed.subarray(4)) === stored;
}

/** Copies the frames out of the pages, into memory of their own. */
export function framesOf(batch: Buffer, header: BatchHeader): Buffer {
  const payload = Buffer.allocUnsafeSlow(header.payloadBytes);
  copyPayload(batch, payload);
  return payload.subarray(BATCH_HEADER_BYTES);
}

/** Whether every sector of a batch carries its stamp (W4). */
export function allStampsCurrent(batch: Buffer, header: BatchHeader): boolean {
  if (batch.byteLength < header.length) return false;
  for (let page = 0; page * PAGE_BYTES < header.length; page++) {
    if (currentSectors(batch, page * PAGE_BYTES, page, header) < SECTORS_PER_PAGE) return false;
  }
  return true;
}
