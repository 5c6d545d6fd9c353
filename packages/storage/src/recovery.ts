/**
 * From the files of a WAL to what they add up to. Tearing is cut; damage is named and replay goes on
 * behind it where that is sound: a node that silently forgot a vote or an acknowledged entry would break
 * S1 and S7, and one that does not start for one bad sector takes all its other replicas with it.
 *
 *   W13 frames are lost when a file is damaged or missing. Replay starts anew at the next checkpoint;
 *       where none follows nobody knows what was promised last, and every group is suspect
 *   W14 a file whose last batch is a seal was followed by another one, which exists
 *
 * Source of the rules: Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018.
 */
import { StreamError } from "@millrace/base";
import type { FileSystem, Logger, OpenFile } from "@millrace/base";

import { decodeFrames } from "./frames.ts";
import { numberIn } from "./layout.ts";
import type { LaneLayout } from "./layout.ts";
import { PAGE_BYTES } from "./limits.ts";
import { isUnreadable } from "./read-file.ts";
import { Replay } from "./replay.ts";
import { damaged } from "./segment-format.ts";
import { BATCH_FLAG_CHECKPOINT, BATCH_FLAG_SEAL } from "./wal-batch.ts";
import type { WalBatch } from "./wal-batch.ts";
import { decodeWalHeader } from "./wal-header.ts";
import { settleEnd } from "./wal-end.ts";
import { WalScanner } from "./wal-scan.ts";
import type { ScanEnd } from "./wal-scan.ts";

/** A place in the log at which frames are lost. */
export interface WalDamage {
  readonly fileSeq: number;
  readonly position: number;
  readonly reason: string;
}

export interface RecoveredWal {
  readonly replay: Replay;
  /** Files that are kept, ascending; behind an intact end the last one takes the next batch. */
  readonly files: readonly number[];
  /** Files that are not needed any more. */
  readonly surplus: readonly number[];
  readonly lastSeq: number;
  readonly endPosition: number;
  /** In kept files, or in missing ones that are needed. */
  readonly damages: readonly WalDamage[];
  /** The one of `damages` behind which no checkpoint follows. */
  readonly lostEnd: WalDamage | undefined;
  /** A number above all that ever were in use. */
  readonly nextFileSeq: number;
}

export interface RecoveryContext {
  readonly fileSystem: FileSystem;
  readonly layout: LaneLayout;
  readonly logger: Logger;
  readonly nodeId: number;
  readonly incarnation: string;
}

/** Numbers of the WAL files that exist, ascending. */
export async function walFileNumbers(
  fileSystem: FileSystem,
  layout: LaneLayout,
): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const name of await fileSystem.list(layout.wal)) {
    const number = numberIn(name, "wal");
    if (number !== undefined) numbers.push(number);
  }
  return numbers.sort((left, right) => left - right);
}

/** @throws StreamError `corrupt` for a file of another node, `unsupported` for one of a newer format. */
export async function recoverWal(context: RecoveryContext): Promise<RecoveredWal> {
  const present = await walFileNumbers(context.fileSystem, context.layout);
  const recovery = new WalRecovery(context);
  for (const fileSeq of present) await recovery.scanFile(fileSeq);
  return recovery.finish(present);
}

/** The newest file with batches, so far. */
interface UsedFile {
  readonly fileSeq: number;
  readonly endPosition: number;
  readonly last: { readonly position: number; readonly length: number };
  readonly sealed: boolean;
  /** Why the intact batch behind the end cannot be replayed. */
  readonly misfit: string | undefined;
}

/** A file without a batch that counts, behind the newest one with batches. */
interface EmptyFile {
  readonly fileSeq: number;
  /** Proof that something was durable in it. */
  readonly damage: string | undefined;
  /** Damage that may be older than any use of the file: of its header, or of a page that cannot be read. */
  readonly headerDamage: string | undefined;
}

function emptyFile(
  fileSeq: number,
  hasCheckpoint: boolean,
  headerDamage: string | undefined,
  verdict: ScanEnd,
): EmptyFile {
  if (hasCheckpoint) return { fileSeq, damage: headerDamage, headerDamage };
  if (verdict.kind !== "corrupt") return { fileSeq, damage: undefined, headerDamage };
  const { reason, isUnreadable = false } = verdict;
  if (!isUnreadable) return { fileSeq, damage: reason, headerDamage };
  return { fileSeq, damage: undefined, headerDamage: headerDamage ?? reason };
}

class WalRecovery {
  readonly #context: RecoveryContext;
  readonly #replay = new Replay();
  readonly #damages: WalDamage[] = [];
  #lastSeq = -1;
  #used: UsedFile | undefined;
  #empty: EmptyFile[] = [];

  constructor(context: RecoveryContext) {
    this.#context = context;
  }

  scanFile(fileSeq: number): Promise<void> {
    return this.#withFile(fileSeq, async (file) => {
      const headerDamage = await this.#headerDamage(file, fileSeq);
      const scanner = new WalScanner(file, await file.size(), fileSeq);
      const first = await scanner.batchAt(PAGE_BYTES);
      const isNext =
        first !== undefined &&
        first.batchSeq > this.#lastSeq &&
        (first.flags & BATCH_FLAG_CHECKPOINT) !== 0;
      if (!isNext || headerDamage !== undefined) {
        const start = { endPosition: PAGE_BYTES, lastSeq: this.#lastSeq, batches: 0 };
        const verdict = await scanner.judgeEnd(start);
        this.#empty.push(emptyFile(fileSeq, isNext, headerDamage, verdict));
        return;
      }
      const lost = this.#lastSeq >= 0 && first.durableSeqBefore !== this.#lastSeq;
      if (lost) this.#noteLost(file.path, fileSeq);
      else if (this.#lastSeq < 0) this.#noteEmptyFiles();
      await this.#scanBatches(scanner, fileSeq, lost);
    });
  }

  /** The first batch starts anew where frames before it are lost (W13). */
  async #scanBatches(scanner: WalScanner, fileSeq: number, lost: boolean): Promise<void> {
    let last = { position: PAGE_BYTES, length: 0 };
    let sealed = false;
    let misfit: string | undefined;
    const end = await scanner.scan(lost ? -1 : this.#lastSeq, (batch, position) => {
      misfit = this.#replayBatch(batch, fileSeq, lost && position === PAGE_BYTES);
      if (misfit !== undefined) return false;
      last = { position, length: batch.length };
      sealed = (batch.flags & BATCH_FLAG_SEAL) !== 0;
      return true;
    });
    const { endPosition } = end;
    if (end.batches === 0) {
      this.#empty.push({ fileSeq, damage: misfit, headerDamage: undefined });
      return;
    }
    this.#lastSeq = end.lastSeq;
    this.#used = { fileSeq, endPosition, last, sealed, misfit };
    this.#empty = [];
  }

  /** Why the batch does not fit what is before it, although it is intact. */
  #replayBatch(batch: WalBatch, fileSeq: number, anew: boolean): string | undefined {
    const { frames, frameCount } = batch;
    try {
      if (anew) this.#replay.resume(decodeFrames(frames, frameCount), fileSeq);
      else {
        for (const frame of decodeFrames(frames, frameCount)) this.#replay.apply(frame, fileSeq);
      }
      return undefined;
    } catch (error) {
      if (error instanceof StreamError && error.code === "corrupt") return error.message;
      throw error;
    }
  }

  /** Frames before the checkpoint of `fileSeq`, which `path` holds, are lost: where? */
  #noteLost(path: string, fileSeq: number): void {
    if (this.#noteEmptyFiles()) return;
    const used = this.#used;
    if (used === undefined) return;
    if (fileSeq > used.fileSeq + 1) {
      this.#damages.push(missing(used.fileSeq + 1));
      return;
    }
    const proof = `batch ${this.#lastSeq + 1} is damaged: ${path} proves that it was durable`;
    const reason = used.misfit ?? proof;
    this.#damages.push({ fileSeq: used.fileSeq, position: used.endPosition, reason });
  }

  /** Files were used after them, so that they hold nothing is damage. */
  #noteEmptyFiles(): boolean {
    for (const { fileSeq, damage, headerDamage } of this.#empty) {
      const reason = headerDamage ?? damage ?? "the checkpoint of this file is damaged";
      this.#damages.push({
        fileSeq,
        position: headerDamage === undefined ? PAGE_BYTES : 0,
        reason,
      });
    }
    return this.#empty.length > 0;
  }

  async finish(present: readonly number[]): Promise<RecoveredWal> {
    const { freeBelow } = this.#replay;
    const lostEnd = await this.#judgeEnd();
    if (lostEnd !== undefined) await this.#nameLost();
    const used = this.#used?.fileSeq ?? 0;
    const files = present.filter(
      (fileSeq) => fileSeq >= freeBelow && (lostEnd !== undefined || fileSeq <= used),
    );
    // While the seal is the last batch its follower must exist; the next roll puts another in its place.
    const follower = this.#used?.sealed === true ? used + 1 : undefined;
    const [oldest = freeBelow] = files;
    const damages = this.#damages.filter(({ fileSeq }) => fileSeq >= freeBelow);
    if (oldest > freeBelow && freeBelow > 0) damages.unshift(missing(freeBelow));
    if (lostEnd !== undefined) damages.push(lostEnd);
    return {
      replay: this.#replay,
      files,
      surplus: present.filter((fileSeq) => !files.includes(fileSeq) && fileSeq !== follower),
      lastSeq: Math.max(0, this.#lastSeq),
      endPosition: this.#used?.endPosition ?? PAGE_BYTES,
      damages,
      lostEnd,
      nextFileSeq: Math.max(0, present.at(-1) ?? 0, lostEnd?.fileSeq ?? 0) + 1,
    };
  }

  /** Whether the log ends where the newest batch does; then what lies behind it is cleared. */
  async #judgeEnd(): Promise<WalDamage | undefined> {
    const used = this.#used;
    for (const { fileSeq, damage, headerDamage } of this.#empty) {
      // Behind a seal the file may have been used (W14), and such damage is not what a crash leaves (W11).
      const mayBeUsed = used === undefined || used.sealed;
      const reason = damage ?? (mayBeUsed ? headerDamage : undefined);
      if (reason !== undefined) return { fileSeq, position: PAGE_BYTES, reason };
    }
    if (used === undefined) return undefined;
    const gone = this.#missingBehind(used);
    if (gone !== undefined) return missing(gone);
    const { fileSeq, endPosition, misfit, last } = used;
    if (misfit !== undefined) return { fileSeq, position: endPosition, reason: misfit };
    const end = { endPosition, lastSeq: this.#lastSeq };
    const reason = await this.#withFile(fileSeq, (file) =>
      settleEnd(file, fileSeq, end, last, this.#context.logger),
    );
    return reason === undefined ? undefined : { fileSeq, position: endPosition, reason };
  }

  /**
   * Batches behind the loss are not replayed, but they name groups that are to be quarantined too. One whose
   * creation itself is lost stays unknown: the host finds that it lacks the replica.
   */
  async #nameLost(): Promise<void> {
    const used = this.#used;
    const ends = this.#empty.map(({ fileSeq }) => ({ fileSeq, endPosition: PAGE_BYTES }));
    for (const { fileSeq, endPosition } of used === undefined ? ends : [used, ...ends]) {
      await this.#withFile(fileSeq, async (file) => {
        const scanner = new WalScanner(file, await file.size(), fileSeq);
        for await (const batch of scanner.laterBatches(endPosition, this.#lastSeq)) {
          for (const frame of decodeFrames(batch.frames, batch.frameCount)) {
            this.#replay.nameOnly(frame);
          }
        }
      });
    }
  }

  /** Number of a file that must have followed the newest one with batches. */
  #missingBehind({ fileSeq, sealed }: UsedFile): number | undefined {
    const followers = this.#empty.map((empty) => empty.fileSeq);
    if (sealed && followers.length === 0) return fileSeq + 1;
    const gap = followers.findIndex((follower, at) => follower !== fileSeq + 1 + at);
    return gap < 0 ? undefined : fileSeq + 1 + gap;
  }

  /** @throws StreamError `corrupt` when another node wrote the file. */
  async #headerDamage(file: OpenFile, fileSeq: number): Promise<string | undefined> {
    const header = decodeWalHeader(await this.#headerPage(file), file.path);
    if (header === undefined) return "the header is damaged";
    const { nodeId, incarnation } = this.#context;
    if (header.nodeId !== nodeId || header.incarnation !== incarnation) {
      throw damaged(
        `${file.path} at byte 0`,
        `the header says node ${header.nodeId}, incarnation ${header.incarnation}; ` +
          `expected node ${nodeId}, incarnation ${incarnation}`,
      );
    }
    if (header.fileSeq === fileSeq) return undefined;
    return `the header says file ${header.fileSeq}, expected ${fileSeq}`;
  }

  /** Empty when it cannot be read. */
  async #headerPage(file: OpenFile): Promise<Buffer> {
    const page = Buffer.alloc(PAGE_BYTES);
    try {
      return page.subarray(0, await file.read(page, 0));
    } catch (error) {
      if (isUnreadable(error)) return page.subarray(0, 0);
      throw error;
    }
  }

  async #withFile<Result>(
    fileSeq: number,
    use: (file: OpenFile) => Promise<Result>,
  ): Promise<Result> {
    const path = this.#context.layout.walFile(fileSeq);
    const file = await this.#context.fileSystem.open(path, { mode: "read-write" });
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }
}

const missing = (fileSeq: number): WalDamage => ({
  fileSeq,
  position: 0,
  reason: "this WAL file is missing",
});
