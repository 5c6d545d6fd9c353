/** One file of a {@link PowerCutFileSystem}: what is durable on the disk below, and what is not, here. */
import type { FileSystem, OpenFile, OpenOptions, Random } from "@millrace/base";

const PAGE_BYTES = 4096;

export interface UnsyncedFileOptions {
  readonly inner: FileSystem;
  readonly random: Random;
  /** Chance that a page is written although nobody asked for it. */
  readonly isEarly: () => boolean;
  readonly realPath: string;
  /** Bytes that are durable. */
  readonly bytes: number;
}

export class UnsyncedFile {
  readonly #options: UnsyncedFileOptions;
  #realPath: string;
  #disk: Promise<OpenFile> | undefined;
  /** Whole pages that were written and are not durable. */
  readonly #pages = new Map<number, Uint8Array>();
  #size: number;
  /** Bytes of the file below that still count: less than its size after a truncation. */
  #diskBytes: number;
  /** Operations of one file go one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: UnsyncedFileOptions) {
    this.#options = options;
    this.#realPath = options.realPath;
    this.#size = options.bytes;
    this.#diskBytes = options.bytes;
  }

  get size(): number {
    return this.#size;
  }

  handle(path: string, { mode, syncedWrites = false }: OpenOptions): OpenFile {
    const writable = <Value>(run: () => Promise<Value>): Promise<Value> => {
      if (mode !== "read") return this.#inOrder(run);
      return Promise.reject(Object.assign(new Error(`EBADF: ${path}`), { code: "EBADF", path }));
    };
    return {
      path,
      read: (into, position) => this.#inOrder(() => this.#read(into, position)),
      write: (parts, position) => writable(() => this.#write(parts, position, syncedWrites)),
      sync: () => this.#inOrder(() => this.#persist([...this.#pages.keys()])),
      truncate: (bytes) => writable(() => this.#truncate(bytes)),
      size: () => this.#inOrder(() => Promise.resolve(this.#size)),
      close: () => this.#inOrder(() => Promise.resolve()),
    };
  }

  /** The name below becomes `path`. */
  moveTo(path: string): Promise<void> {
    return this.#inOrder(async () => {
      await this.#options.inner.rename(this.#realPath, path);
      this.#realPath = path;
    });
  }

  removeName(): Promise<void> {
    return this.#inOrder(() => this.#options.inner.remove(this.#realPath));
  }

  #inOrder<Value>(run: () => Promise<Value>): Promise<Value> {
    const next = this.#last.then(run);
    this.#last = next.catch(() => {}); // its caller has the error; the next operation goes on
    return next;
  }

  #open(): Promise<OpenFile> {
    this.#disk ??= this.#options.inner.open(this.#realPath, { mode: "read-write" });
    return this.#disk;
  }

  async #read(into: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(into.length, this.#size - position));
    const target = into.subarray(0, length);
    const below = Math.max(0, Math.min(length, this.#diskBytes - position));
    const read =
      below === 0 ? 0 : await (await this.#open()).read(target.subarray(0, below), position);
    target.fill(0, read);
    if (length === 0) return 0;
    const lastPage = Math.floor((position + length - 1) / PAGE_BYTES);
    for (let page = Math.floor(position / PAGE_BYTES); page <= lastPage; page++) {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) continue;
      const start = page * PAGE_BYTES;
      const from = Math.max(position, start);
      const to = Math.min(position + length, start + PAGE_BYTES);
      target.set(bytes.subarray(from - start, to - start), from - position);
    }
    return length;
  }

  async #write(parts: readonly Uint8Array[], position: number, isSynced: boolean): Promise<void> {
    const touched: number[] = [];
    let at = position;
    for (const part of parts) {
      let done = 0;
      while (done < part.length) {
        const page = Math.floor(at / PAGE_BYTES);
        const bytes = await this.#page(page);
        const offset = at - page * PAGE_BYTES;
        const count = Math.min(part.length - done, PAGE_BYTES - offset);
        bytes.set(part.subarray(done, done + count), offset);
        if (touched.at(-1) !== page) touched.push(page);
        done += count;
        at += count;
        this.#size = Math.max(this.#size, at);
      }
    }
    await this.#persist(isSynced ? touched : touched.filter(() => this.#options.isEarly()));
  }

  async #page(page: number): Promise<Uint8Array> {
    const known = this.#pages.get(page);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(PAGE_BYTES);
    const start = page * PAGE_BYTES;
    if (start < this.#diskBytes) {
      const below = bytes.subarray(0, Math.min(PAGE_BYTES, this.#diskBytes - start));
      await (await this.#open()).read(below, start);
    }
    this.#pages.set(page, bytes);
    return bytes;
  }

  async #truncate(bytes: number): Promise<void> {
    for (const page of this.#pages.keys()) {
      if (page * PAGE_BYTES >= bytes) this.#pages.delete(page);
    }
    // The page that is cut is kept whole here, with zeros where a later growth shows them.
    const cut = Math.floor(bytes / PAGE_BYTES);
    if (bytes < this.#size && bytes % PAGE_BYTES !== 0) {
      (await this.#page(cut)).fill(0, bytes - cut * PAGE_BYTES);
    }
    this.#size = bytes;
    this.#diskBytes = Math.min(this.#diskBytes, bytes);
  }

  /** In arbitrary order, one page per write: killed in between, the write is torn. */
  async #persist(pages: number[]): Promise<void> {
    const file = await this.#open();
    const disk = await file.size();
    if (disk > this.#diskBytes) await file.truncate(this.#diskBytes);
    for (let left = pages.length; left > 0; left--) {
      const pick = this.#options.random.uniform(left);
      const page = pages[pick] ?? 0;
      pages[pick] = pages[left - 1] ?? 0;
      const bytes = this.#pages.get(page);
      if (bytes === undefined) continue;
      const start = page * PAGE_BYTES;
      await file.write([bytes.subarray(0, Math.min(PAGE_BYTES, this.#size - start))], start);
      this.#diskBytes = Math.max(this.#diskBytes, Math.min(this.#size, start + PAGE_BYTES));
      this.#pages.delete(page);
    }
    if (this.#pages.size === 0 && this.#diskBytes < this.#size) {
      await file.truncate(this.#size);
      this.#diskBytes = this.#size;
    }
  }
}
