/**
 * Counts what reaches the disk, by class of file: "one synced write per commit" is a promise that
 * tests and benchmarks check with it.
 */
import type { FileSystem, OpenFile, OpenOptions } from "@millrace/base";

export type FileClass = "wal" | "segment" | "other";

export interface FileClassCounts {
  /** Writes that return only when durable. */
  syncedWrites: number;
  writes: number;
  syncs: number;
  bytesWritten: number;
}

function classOf(path: string): FileClass {
  if (path.includes("/wal/")) return "wal";
  return path.includes("/segments/") ? "segment" : "other";
}

const none = (): FileClassCounts => ({ syncedWrites: 0, writes: 0, syncs: 0, bytesWritten: 0 });

export class CountingFileSystem implements FileSystem {
  readonly counts: Readonly<Record<FileClass, FileClassCounts>> = {
    wal: none(),
    segment: none(),
    other: none(),
  };
  readonly #inner: FileSystem;

  constructor(inner: FileSystem) {
    this.#inner = inner;
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const file = await this.#inner.open(path, options);
    return new CountingFile(file, this.counts[classOf(path)], options.syncedWrites === true);
  }

  list(path: string): Promise<readonly string[]> {
    return this.#inner.list(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#inner.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path);
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

class CountingFile implements OpenFile {
  readonly path: string;
  readonly #inner: OpenFile;
  readonly #counts: FileClassCounts;
  readonly #synced: boolean;

  constructor(inner: OpenFile, counts: FileClassCounts, synced: boolean) {
    this.path = inner.path;
    this.#inner = inner;
    this.#counts = counts;
    this.#synced = synced;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#inner.read(into, position);
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    if (this.#synced) this.#counts.syncedWrites++;
    this.#counts.writes++;
    for (const part of parts) this.#counts.bytesWritten += part.byteLength;
    return this.#inner.write(parts, position);
  }

  sync(): Promise<void> {
    this.#counts.syncs++;
    return this.#inner.sync();
  }

  truncate(bytes: number): Promise<void> {
    return this.#inner.truncate(bytes);
  }

  size(): Promise<number> {
    return this.#inner.size();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
