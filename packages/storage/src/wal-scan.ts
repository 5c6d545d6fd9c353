/**
 * Reads one WAL file from front to back, and decides what the place means where reading stops.
 *
 *   W8  a batch follows the last accepted one when its `durableSeqBefore` is that one's batchSeq
 *   W9  a bad batch is torn when nothing proves that its write had returned, and damaged when a later
 *       batch says so, all its stamps are current (W4), or a page of it cannot be read
 */
import type { OpenFile } from "@millrace/base";

import { BATCH_BYTES_MAX, PAGE_BYTES } from "./limits.ts";
import { PageReader } from "./page-reader.ts";
import { allStampsCurrent, batchIsIntact, framesOf, readBatchHeader } from "./wal-batch.ts";
import type { BatchHeader, WalBatch } from "./wal-batch.ts";
import { anySectorIsOf, currentSectors, readPageStamp, SECTORS_PER_PAGE } from "./wal-stamps.ts";

export interface LaterBatch {
  readonly position: number;
  readonly header: BatchHeader;
}

/** What lies behind the last accepted batch. */
export type ScanEnd =
  | { readonly kind: "clean" }
  /** A write that never finished. */
  | { readonly kind: "torn" }
  /** `isUnreadable`: nothing proves that a write was there. */
  | { readonly kind: "corrupt"; readonly reason: string; readonly isUnreadable?: true };

export interface ScannedFile {
  /** Where the next batch belongs. */
  readonly endPosition: number;
  /** The last accepted batchSeq, or what the caller passed in. */
  readonly lastSeq: number;
  readonly batches: number;
}

export class WalScanner {
  readonly #pages: PageReader;
  readonly #fileSeq: number;

  constructor(file: OpenFile, sizeBytes: number, fileSeq: number) {
    this.#pages = new PageReader(file, sizeBytes);
    this.#fileSeq = fileSeq;
  }

  /**
   * Hands each intact batch to `accept` until one is not, `accept` answers false, or the file ends.
   * `lastSeq` -1 accepts any first batch.
   */
  async scan(
    lastSeq: number,
    accept: (batch: WalBatch, position: number) => boolean,
  ): Promise<ScannedFile> {
    let position = PAGE_BYTES;
    let last = lastSeq;
    let batches = 0;
    for (;;) {
      const found = await this.#batchAt(position);
      if (found === undefined) break;
      const { header, bytes } = found;
      const follows = header.batchSeq > last && (last < 0 || header.durableSeqBefore === last);
      if (!follows) break;
      if (!accept({ ...header, frames: framesOf(bytes, header) }, position)) break;
      last = header.batchSeq;
      position += header.length;
      batches++;
    }
    return { endPosition: position, lastSeq: last, batches };
  }

  /** Judges the place where `scan` stopped, when no later file exists (W9). */
  async judgeEnd({ endPosition, lastSeq }: ScannedFile): Promise<ScanEnd> {
    const later = await this.#laterBatch(endPosition, lastSeq);
    if (later !== undefined) {
      const { position, header } = later;
      return {
        kind: "corrupt",
        reason:
          `the batch after ${lastSeq} is damaged: batch ${header.batchSeq} at byte ${position} ` +
          `proves that it was durable`,
      };
    }
    return (
      (await this.#judgeUnreadable(endPosition, lastSeq)) ?? this.#judgeLast(endPosition, lastSeq)
    );
  }

  /**
   * A page that cannot be read may be of a batch that was durable; not so where no write has reached the place
   * of the next batch, which begins it. `#laterBatch` has asked for all pages.
   */
  async #judgeUnreadable(endPosition: number, lastSeq: number): Promise<ScanEnd | undefined> {
    const bad = this.#pages.unreadableFrom(endPosition);
    if (bad === undefined) return undefined;
    const isBehind = bad !== endPosition;
    if (isBehind && (await this.#firstDirtyPage(endPosition, endPosition, lastSeq)) === undefined) {
      return undefined;
    }
    return {
      kind: "corrupt",
      reason: `the page at byte ${bad}, behind batch ${lastSeq}, cannot be read`,
      isUnreadable: true,
    };
  }

  async #judgeLast(position: number, lastSeq: number): Promise<ScanEnd> {
    const page = Buffer.from(await this.#pages.bytes(position, PAGE_BYTES));
    if (page.byteLength < PAGE_BYTES) return { kind: "clean" };
    const header = readBatchHeader(page, 0);
    if (header !== undefined && this.#isNewer(header.fileSeq, header.batchSeq, lastSeq)) {
      const batch = await this.#pages.bytes(position, header.length);
      if (!allStampsCurrent(batch, header)) return { kind: "torn" };
      return {
        kind: "corrupt",
        reason: `batch ${header.batchSeq} was written whole, but its checksum does not match`,
      };
    }
    const stamp = readPageStamp(page, 0);
    const isWhole =
      stamp?.page === 0 &&
      this.#isNewer(stamp.fileSeq, stamp.batchSeq, lastSeq) &&
      currentSectors(page, 0, 0, { ...stamp, fileSeq: this.#fileSeq }) === SECTORS_PER_PAGE;
    if (isWhole) {
      return {
        kind: "corrupt",
        reason: `the header of batch ${stamp.batchSeq} was written whole, but is damaged`,
      };
    }
    const dirty = await this.#firstDirtyPage(position, position, lastSeq);
    return { kind: dirty === undefined ? "clean" : "torn" };
  }

  /** The intact batch at `position`, whether or not it follows. */
  async batchAt(position: number): Promise<WalBatch | undefined> {
    const found = await this.#batchAt(position);
    return found && { ...found.header, frames: framesOf(found.bytes, found.header) };
  }

  /** The header of the intact batch at `position`, whether or not it follows. */
  async headerAt(position: number): Promise<BatchHeader | undefined> {
    return (await this.#batchAt(position))?.header;
  }

  /** Positions from `from` on of pages that a write after `lastSeq` reached. */
  async dirtyPages(from: number, lastSeq: number): Promise<number[]> {
    const found: number[] = [];
    let position: number | undefined = from;
    while ((position = await this.#firstDirtyPage(position, from, lastSeq)) !== undefined) {
      found.push(position);
      position += PAGE_BYTES;
    }
    return found;
  }

  /**
   * The first page at or behind `from` that a write after `lastSeq` reached with one sector or more;
   * that write began at `batchAt`. A sector left of it would pass for current in the next write there,
   * which has the same number.
   */
  async #firstDirtyPage(
    from: number,
    batchAt: number,
    lastSeq: number,
  ): Promise<number | undefined> {
    const write = { batchSeq: Math.max(0, lastSeq) + 1, fileSeq: this.#fileSeq };
    for (let position = from; position < this.#pages.sizeBytes; position += PAGE_BYTES) {
      const bytes = await this.#pages.bytes(position, PAGE_BYTES);
      const stamp = readPageStamp(bytes, 0);
      if (stamp !== undefined && this.#isNewer(stamp.fileSeq, stamp.batchSeq, lastSeq)) {
        return position;
      }
      const page = (position - batchAt) / PAGE_BYTES;
      if (position - batchAt < BATCH_BYTES_MAX && anySectorIsOf(bytes, 0, page, write)) {
        return position;
      }
    }
    return undefined;
  }

  /** All intact batches at or behind `from` that are newer than `lastSeq`, whatever is missing between them. */
  async *laterBatches(from: number, lastSeq: number): AsyncGenerator<WalBatch> {
    for (let position = from; position < this.#pages.sizeBytes; position += PAGE_BYTES) {
      const stamp = readPageStamp(await this.#pages.bytes(position, PAGE_BYTES), 0);
      if (stamp?.page !== 0 || !this.#isNewer(stamp.fileSeq, stamp.batchSeq, lastSeq)) continue;
      const batch = await this.batchAt(position);
      if (batch !== undefined) yield batch;
    }
  }

  async #laterBatch(from: number, lastSeq: number): Promise<LaterBatch | undefined> {
    for (let position = from; position < this.#pages.sizeBytes; position += PAGE_BYTES) {
      const page = await this.#pages.bytes(position, PAGE_BYTES);
      const stamp = readPageStamp(page, 0);
      if (stamp?.page !== 0 || !this.#isNewer(stamp.fileSeq, stamp.batchSeq, lastSeq)) continue;
      const found = await this.#batchAt(position);
      if (found !== undefined && found.header.durableSeqBefore > lastSeq) {
        return { position, header: found.header };
      }
    }
    return undefined;
  }

  async #batchAt(
    position: number,
  ): Promise<{ readonly header: BatchHeader; readonly bytes: Buffer } | undefined> {
    const page = await this.#pages.bytes(position, PAGE_BYTES);
    const header = readBatchHeader(page, 0);
    if (header === undefined || header.fileSeq !== this.#fileSeq) return undefined;
    if (position + header.length > this.#pages.sizeBytes) return undefined;
    const bytes = await this.#pages.bytes(position, header.length);
    if (bytes.byteLength < header.length || !batchIsIntact(bytes, header)) return undefined;
    return { header, bytes };
  }

  #isNewer(fileSeq: number, batchSeq: number, lastSeq: number): boolean {
    return fileSeq % 2 ** 32 === this.#fileSeq % 2 ** 32 && batchSeq > lastSeq;
  }
}
