/**
 * The files of the WAL: which exist, the next one made ready behind the commit path, old ones recycled.
 *
 * A file that was written before is rewritten without the file system's journal having to record new
 * blocks: that halves the cost of a synced write (reference/benchmarks 3.1). So files are filled with
 * zeros ahead, and come back through a small pool.
 *
 *   W11 a name `*.wal` appears only after the header under it is durable; so a damaged header is
 *       damage, never an unfinished preparation
 *   W12 a file leaves the name of its old number, durably, before its header is rewritten
 */
import type { FileSystem, OpenFile } from "@millrace/base";

import type { LaneLayout } from "./layout.ts";
import { FLUSH_SYNC_BYTES, PAGE_BYTES, WAL_POOL_FILES_MAX } from "./limits.ts";
import { encodeWalHeader } from "./wal-header.ts";

const FILL_CHUNK_BYTES = 256 * PAGE_BYTES;
const zeros = Buffer.alloc(FILL_CHUNK_BYTES);
const SPARE = /^spare-\d+$/;

export interface WalFileIdentity {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly fileBytes: number;
}

export class WalFiles {
  readonly #fileSystem: FileSystem;
  readonly #layout: LaneLayout;
  readonly #identity: WalFileIdentity;
  /** Paths of files to reuse. */
  readonly #spares: string[] = [];
  /** Numbers of damaged files. */
  readonly #damaged: ReadonlySet<number>;
  #spareNumber = 0;
  #preparing: { readonly fileSeq: number; readonly done: Promise<void> } | undefined;
  #hurry = false;

  constructor(
    fileSystem: FileSystem,
    layout: LaneLayout,
    identity: WalFileIdentity,
    damaged: ReadonlySet<number> = new Set(),
  ) {
    this.#fileSystem = fileSystem;
    this.#layout = layout;
    this.#identity = identity;
    this.#damaged = damaged;
  }

  get fileBytes(): number {
    return this.#identity.fileBytes;
  }

  /** Finds what an earlier run left to reuse. */
  async open(): Promise<void> {
    for (const name of await this.#fileSystem.list(this.#layout.wal)) {
      if (!SPARE.test(name)) continue;
      this.#spareNumber = Math.max(this.#spareNumber, Number(name.slice("spare-".length)));
      this.#spares.push(`${this.#layout.wal}/${name}`);
    }
  }

  /** Starts to make file `fileSeq` ready, unless that has begun; errors show in `take`. */
  prepare(fileSeq: number): void {
    if (this.#preparing !== undefined) return;
    this.#hurry = false;
    const done = this.#make(fileSeq);
    done.catch(() => {});
    this.#preparing = { fileSeq, done };
  }

  /** File `fileSeq`, open for synced writes; what is left of its preparation is cut short. */
  async take(fileSeq: number): Promise<OpenFile> {
    this.prepare(fileSeq);
    this.#hurry = true;
    const { done } = this.#preparing ?? {};
    this.#preparing = undefined;
    await done;
    return this.#fileSystem.open(this.#layout.walFile(fileSeq), {
      mode: "read-write",
      syncedWrites: true,
    });
  }

  /** Waits for work in the background, so that nothing touches the folder after `close`. */
  async settle(): Promise<void> {
    this.#hurry = true;
    await this.#preparing?.done.catch(() => {});
  }

  /** Takes a file that a flush has emptied. A damaged one goes to the trash: a person may want it. */
  async recycle(fileSeq: number, nowMs: number): Promise<void> {
    const path = this.#layout.walFile(fileSeq);
    if (this.#damaged.has(fileSeq)) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      await this.#fileSystem.rename(path, `${this.#layout.trash}/${nowMs}-${name}`);
      await this.#fileSystem.syncDirectory(this.#layout.trash);
      await this.#fileSystem.syncDirectory(this.#layout.wal);
      return;
    }
    if (this.#spares.length >= WAL_POOL_FILES_MAX) {
      await this.#fileSystem.remove(path);
      await this.#fileSystem.syncDirectory(this.#layout.wal);
      return;
    }
    const spare = `${this.#layout.wal}/spare-${++this.#spareNumber}`;
    await this.#fileSystem.rename(path, spare);
    await this.#fileSystem.syncDirectory(this.#layout.wal); // W12
    this.#spares.push(spare);
  }

  async #make(fileSeq: number): Promise<void> {
    const spare = this.#spares.pop();
    const path = spare ?? `${this.#layout.wal}/new-${fileSeq}`;
    const file = await this.#fileSystem.open(path, { mode: "read-write", create: "if-missing" });
    try {
      const { fileBytes } = this.#identity;
      if ((await file.size()) > fileBytes) await file.truncate(fileBytes);
      await file.write([encodeWalHeader({ ...this.#identity, fileSeq })], 0);
      await this.#fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fileSystem.rename(path, this.#layout.walFile(fileSeq)); // W11
    await this.#fileSystem.syncDirectory(this.#layout.wal);
  }

  /** Zeros up to the full size; a file in a hurry stays short and grows as it is written. */
  async #fill(file: OpenFile): Promise<void> {
    let position = Math.max(PAGE_BYTES, await file.size());
    while (position < this.#identity.fileBytes && !this.#hurry) {
      const count = Math.min(FILL_CHUNK_BYTES, this.#identity.fileBytes - position);
      await file.write([zeros.subarray(0, count)], position);
      position += count;
      // One sync of a whole file would hold the disk against the commits.
      if (position % FLUSH_SYNC_BYTES === 0) await file.sync();
    }
  }
}
