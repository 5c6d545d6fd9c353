/**
 * Whole pages of a WAL file, read through one window.
 *
 * A page that the device cannot read is shown as zeros and remembered: who judges the end of the log must
 * know that something may have been there, and one bad sector must not keep a node from starting.
 */
import type { OpenFile } from "@millrace/base";

import { PAGE_BYTES } from "./limits.ts";
import { isUnreadable } from "./read-file.ts";

const WINDOW_BYTES = 1024 * PAGE_BYTES;

export class PageReader {
  readonly #file: OpenFile;
  readonly sizeBytes: number;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  /** Positions of pages that could not be read. */
  readonly #unreadable = new Set<number>();
  #from = 0;
  #filled = 0;

  constructor(file: OpenFile, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = Math.floor(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
  }

  /** A view, valid until the next call; shorter than asked at the end of the file. */
  async bytes(position: number, length: number): Promise<Buffer> {
    const end = Math.min(position + length, this.sizeBytes);
    if (end - position > WINDOW_BYTES) {
      const large = Buffer.allocUnsafeSlow(end - position);
      return large.subarray(0, await this.#read(large, position));
    }
    if (position < this.#from || end > this.#from + this.#filled) {
      this.#from = position;
      const wanted = Math.min(WINDOW_BYTES, this.sizeBytes - position);
      this.#filled = await this.#read(this.#window.subarray(0, wanted), position);
    }
    return this.#window.subarray(position - this.#from, Math.max(position, end) - this.#from);
  }

  /** The first page at or behind `from` that was asked for and could not be read. */
  unreadableFrom(from: number): number | undefined {
    let first: number | undefined;
    for (const position of this.#unreadable) {
      if (position >= from && position < (first ?? Infinity)) first = position;
    }
    return first;
  }

  async #read(into: Buffer, position: number): Promise<number> {
    try {
      return await this.#file.read(into, position);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
    for (let at = 0; at < into.byteLength; at += PAGE_BYTES) {
      await this.#readPage(into.subarray(at, at + PAGE_BYTES), position + at);
    }
    return into.byteLength;
  }

  async #readPage(page: Buffer, position: number): Promise<void> {
    try {
      const filled = await this.#file.read(page, position);
      page.fill(0, filled);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      page.fill(0);
      this.#unreadable.add(position);
    }
  }
}
