/** A disk on which some sectors cannot be read until they are written again. */
import type { FileSystem, OpenFile, OpenOptions } from "@millrace/base";

import { diskError } from "./memory-file-system.ts";

const SECTOR_BYTES = 4096;

export class BadSectorFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  /** Numbers of bad sectors, by file. */
  readonly #bad = new Map<string, Set<number>>();

  constructor(inner: FileSystem) {
    this.#inner = inner;
  }

  /** The sector that holds byte `position` of `path` goes bad. */
  spoil(path: string, position: number): void {
    const bad = this.#bad.get(path) ?? new Set();
    this.#bad.set(path, bad.add(Math.floor(position / SECTOR_BYTES)));
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const file = await this.#inner.open(path, options);
    const bad = () => this.#bad.get(path) ?? new Set();
    return {
      path,
      read: async (into, position) => {
        const end = Math.min(position + into.byteLength, await file.size());
        for (const sector of bad()) {
          const at = sector * SECTOR_BYTES;
          if (at < end && at + SECTOR_BYTES > position) throw diskError("EIO", path);
        }
        return file.read(into, position);
      },
      write: async (parts, position) => {
        const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
        await file.write(parts, position);
        for (const sector of bad()) {
          const at = sector * SECTOR_BYTES;
          if (position <= at && position + bytes >= at + SECTOR_BYTES) bad().delete(sector);
        }
      },
      sync: () => file.sync(),
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#inner.rename(from, to);
    const bad = this.#bad.get(from);
    this.#bad.delete(from);
    this.#bad.delete(to);
    if (bad !== undefined) this.#bad.set(to, bad);
  }

  async remove(path: string): Promise<void> {
    await this.#inner.remove(path);
    this.#bad.delete(path);
  }

  list(path: string): Promise<readonly string[]> {
    return this.#inner.list(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#inner.syncDirectory(path);
  }

  sizeOf(path: string): Promise<number | undefined> {
    return this.#inner.sizeOf(path);
  }

  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    return this.#inner.space(path);
  }
}
