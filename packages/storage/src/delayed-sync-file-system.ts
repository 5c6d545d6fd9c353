/** A disk whose every sync takes longer: shows that group commit, not the disk, sets the throughput. */
import { sleep } from "@millrace/base";
import type { Clock, FileSystem, OpenFile, OpenOptions } from "@millrace/base";

export class DelayedSyncFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #clock: Clock;
  readonly #delayMs: number;

  /** `delayMs` is added to each synced write, sync and folder sync. */
  constructor(inner: FileSystem, clock: Clock, delayMs: number) {
    this.#inner = inner;
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const file = await this.#inner.open(path, options);
    const delay = () => sleep(this.#clock, this.#delayMs);
    return new DelayedFile(file, delay, options.syncedWrites === true);
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

  async syncDirectory(path: string): Promise<void> {
    await this.#inner.syncDirectory(path);
    await sleep(this.#clock, this.#delayMs);
  }

  sizeOf(path: string): Promise<number | undefined> {
    return this.#inner.sizeOf(path);
  }

  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    return this.#inner.space(path);
  }
}

class DelayedFile implements OpenFile {
  readonly path: string;
  readonly #inner: OpenFile;
  readonly #delay: () => Promise<void>;
  readonly #synced: boolean;

  constructor(inner: OpenFile, delay: () => Promise<void>, synced: boolean) {
    this.path = inner.path;
    this.#inner = inner;
    this.#delay = delay;
    this.#synced = synced;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#inner.read(into, position);
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    await this.#inner.write(parts, position);
    if (this.#synced) await this.#delay();
  }

  async sync(): Promise<void> {
    await this.#inner.sync();
    await this.#delay();
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
