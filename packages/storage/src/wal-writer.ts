/**
 * Group commit. While a write is in flight everything queues; when it returns, all that queued (up to
 * a bound) goes out as one batch with one synced write. No timer: a lone write goes out at once, and
 * the slower the disk, the larger the batches.
 *
 * Exactly one write is in flight, so batches become durable in order and `durableSeqBefore` of each is
 * the batch before it.
 */
import { StreamError } from "@millrace/base";
import type { Clock, OpenFile } from "@millrace/base";

import { laneError } from "./lane-error.ts";
import { COMMIT_BYTES_TARGET, PAGE_BYTES } from "./limits.ts";
import { BATCH_FLAG_CHECKPOINT, BATCH_FLAG_SEAL, batchBytes, BatchBuilder } from "./wal-batch.ts";
import type { WalFiles } from "./wal-files.ts";

/** One thing to make durable, together with others or alone. */
export interface WalOperation {
  /** Upper bound of the bytes of its frames. */
  readonly frameBytes: number;
  /** A second copy of what an older file holds, so that the older file can be freed. */
  readonly moves?: boolean;
  /** Opens the next file first, whatever room this one has: its checkpoint supersedes what is here. */
  readonly rolls?: boolean;
  /** Work that must be durable before the batch that names it: state files. */
  before?(): Promise<void>;
  encode(builder: BatchBuilder, fileSeq: number): void;
  durable?(): void;
}

/** The batch that opens a file. */
export interface CheckpointBatch {
  readonly frames: readonly Uint8Array[];
  readonly durable: () => void;
}

export interface WalWriterHost {
  /** State of all groups as the WAL holds it, for the first batch of file `fileSeq`. */
  checkpoint(fileSeq: number): Promise<CheckpointBatch>;
  /** Resolves when another file may exist; must resolve once a flush waits in the queue. */
  roomForFile(): Promise<void>;
  /** File `fileSeq` takes no more batches. */
  sealed(fileSeq: number): void;
  /** A batch is durable and nothing else is under way. */
  committed(): void;
  failed(error: StreamError): void;
}

/** Where recovery ended: the file to go on with. */
export interface WalPosition {
  readonly file: OpenFile;
  readonly fileSeq: number;
  readonly position: number;
  readonly lastSeq: number;
}

export class WalWriter {
  readonly #files: WalFiles;
  readonly #host: WalWriterHost;
  readonly #clock: Clock;
  readonly #builder = new BatchBuilder();
  /** Small files get small batches, or each batch would overgrow a file. */
  readonly #batchBytesTarget: number;
  #file: OpenFile | undefined;
  #fileSeq: number;
  #position: number;
  #lastSeq: number;
  #queue: WalOperation[] = [];
  #queuedBytes = 0;
  /** Cleared in the same step in which the queue is found empty: no operation can fall between. */
  #active = false;
  #running: Promise<void> = Promise.resolve();
  #failed = false;
  #checkpointEnd = 0;
  /** Second copies in the present file. */
  #movedBytes = 0;
  readonly counters = { batches: 0, syncedWrites: 0, bytes: 0 };
  inFlightSinceMs: number | undefined;

  constructor(
    files: WalFiles,
    host: WalWriterHost,
    clock: Clock,
    start: WalPosition | { readonly fileSeq: number; readonly lastSeq: number },
  ) {
    this.#files = files;
    this.#host = host;
    this.#clock = clock;
    this.#batchBytesTarget = Math.min(COMMIT_BYTES_TARGET, files.fileBytes / 4);
    this.#fileSeq = start.fileSeq;
    this.#lastSeq = start.lastSeq;
    this.#file = "file" in start ? start.file : undefined;
    this.#position = "file" in start ? start.position : 0;
  }

  get fileSeq(): number {
    return this.#fileSeq;
  }

  /** Newest durable batch. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Opens the first file of an empty lane, or the one after that where recovery ended. */
  async start(): Promise<void> {
    await this.#openFile(this.#file === undefined ? this.#fileSeq : this.#fileSeq + 1);
  }

  enqueue(operation: WalOperation): void {
    if (this.#failed) return;
    this.#queue.push(operation);
    this.#queuedBytes += operation.frameBytes;
  }

  /** Writes what is queued; the first write has begun when it returns. */
  run(): void {
    if (this.#active || this.#failed || this.#queue.length === 0) return;
    this.#active = true;
    this.#running = this.#drain();
  }

  /** Gives up what is queued: another part of the lane has failed. */
  stop(): void {
    this.#failed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  /** Resolves when the queue is empty, or the lane has failed. */
  async idle(): Promise<void> {
    while (this.#active) await this.#running;
  }

  async close(): Promise<void> {
    await this.idle();
    await this.#files.settle();
    await this.#file?.close();
    this.#file = undefined;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#failed) await this.#commit();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#active = false;
    }
  }

  async #commit(): Promise<void> {
    const { operations, frameBytes } = this.#takeBatch();
    for (const operation of operations) {
      if (operation.before !== undefined) await operation.before();
    }
    const moves = operations[0]?.moves === true;
    const rolls = operations.some((operation) => operation.rolls === true);
    if (rolls || (!moves && !this.#fits(batchBytes(frameBytes)))) await this.#roll();
    this.#begin(frameBytes, 0);
    for (const operation of operations) operation.encode(this.#builder, this.#fileSeq);
    const written = await this.#write();
    if (moves) this.#movedBytes += written;
    this.counters.batches++;
    for (const operation of operations) operation.durable?.();
    this.#host.committed();
    if (this.#position > this.#files.fileBytes / 4) this.#files.prepare(this.#fileSeq + 1);
  }

  /**
   * Whether the present file takes so much more. A file outgrows its nominal size where it must: for
   * one large batch behind the checkpoint, for a large checkpoint, and for what moved into it. Second
   * copies never open a file, and as much new as moved goes into each: or a tail larger than a file
   * would be copied from file to file without end, and never faster than it is copied.
   */
  #fits(bytes: number): boolean {
    const { fileBytes } = this.#files;
    if (this.#position <= this.#checkpointEnd) return true;
    const room = Math.max(2 * this.#movedBytes, fileBytes / 2);
    return this.#position + bytes <= Math.max(fileBytes, this.#checkpointEnd + room);
  }

  /** Second copies travel alone, so that a batch counts as one kind. */
  #takeBatch(): { operations: readonly WalOperation[]; frameBytes: number } {
    let count = 0;
    let frameBytes = 0;
    const moves = this.#queue[0]?.moves;
    for (const operation of this.#queue) {
      if (operation.moves !== moves) break;
      if (count > 0 && frameBytes + operation.frameBytes > this.#batchBytesTarget) break;
      frameBytes += operation.frameBytes;
      count++;
    }
    this.#queuedBytes -= frameBytes;
    return { operations: this.#queue.splice(0, count), frameBytes };
  }

  #begin(frameBytes: number, flags: number): void {
    const identity = {
      batchSeq: this.#lastSeq + 1,
      fileSeq: this.#fileSeq,
      durableSeqBefore: this.#lastSeq,
      flags,
    };
    this.#builder.begin(identity, frameBytes);
  }

  /** Resolves with the length of what is durable then. */
  async #write(): Promise<number> {
    const batch = this.#builder.finish();
    if (this.#file === undefined) throw new StreamError("wrong-state", "the WAL is closed");
    this.inFlightSinceMs = this.#clock.monotonicMs();
    await this.#file.write([batch], this.#position);
    this.inFlightSinceMs = undefined;
    this.#lastSeq++;
    this.#position += batch.byteLength;
    this.counters.syncedWrites++;
    this.counters.bytes += batch.byteLength;
    this.#builder.release();
    return batch.byteLength;
  }

  async #roll(): Promise<void> {
    await this.#host.roomForFile();
    const sealed = this.#fileSeq;
    await this.#openFile(sealed + 1);
    this.#host.sealed(sealed);
  }

  /** W14: without it nobody would miss the next file, and what is acknowledged in it, if that were lost. */
  async #seal(): Promise<void> {
    if (this.#file === undefined) return;
    this.#begin(0, BATCH_FLAG_SEAL);
    await this.#write();
    await this.#file.close();
    this.#file = undefined;
  }

  async #openFile(fileSeq: number): Promise<void> {
    const file = await this.#files.take(fileSeq);
    await this.#seal();
    this.#file = file;
    this.#fileSeq = fileSeq;
    this.#position = PAGE_BYTES;
    this.#movedBytes = 0;
    const { frames, durable } = await this.#host.checkpoint(fileSeq);
    this.#begin(
      frames.reduce((sum, frame) => sum + frame.byteLength, 0),
      BATCH_FLAG_CHECKPOINT,
    );
    for (const frame of frames) {
      this.#builder.countFrame();
      this.#builder.put(frame);
    }
    await this.#write();
    this.#checkpointEnd = this.#position;
    durable();
  }

  /** Rule 8: after an error nothing is known about the bytes, so nothing is acknowledged ever again. */
  #fail(error: unknown): void {
    this.stop();
    this.inFlightSinceMs = undefined;
    this.#host.failed(laneError("the write-ahead log", error));
  }
}
