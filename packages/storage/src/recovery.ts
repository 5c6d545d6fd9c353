/**
 * From the files of a WAL to what they add up to. Tearing is cut, damage stops the lane: a node that
 * silently forgot a vote or an acknowledged entry would break S1 and S7, so it must not start.
 *
 * Source of the rules: Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018.
 */
import type { FileSystem, Logger, OpenFile } from "@millrace/base";

import { decodeFrames } from "./frames.ts";
import { numberIn } from "./layout.ts";
import type { LaneLayout } from "./layout.ts";
import { PAGE_BYTES } from "./limits.ts";
import { Replay } from "./replay.ts";
import { damaged } from "./segment-format.ts";
import type { WalBatch } from "./wal-batch.ts";
import { decodeWalHeader } from "./wal-header.ts";
import { WalScanner } from "./wal-scan.ts";
import type { ScannedFile } from "./wal-scan.ts";

export interface RecoveredWal {
  readonly replay: Replay;
  /** Files that are needed, ascending; the last one takes the next batch. Empty for an empty lane. */
  readonly files: readonly number[];
  /** Files that are not needed any more. */
  readonly surplus: readonly number[];
  readonly lastSeq: number;
  readonly endPosition: number;
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

/** @throws StreamError `corrupt`, naming file, position and what to do. */
export async function recoverWal(context: RecoveryContext): Promise<RecoveredWal> {
  const present = await walFileNumbers(context.fileSystem, context.layout);
  const run = lastRun(present);
  const state = new ScanState(context);
  for (const [at, fileSeq] of run.entries()) {
    await state.scanFile(fileSeq, at === run.length - 1);
  }
  const { replay } = state;
  const files = state.files.filter((fileSeq) => fileSeq >= replay.freeBelow);
  const surplus = present.filter((fileSeq) => !files.includes(fileSeq));
  requireChain(context.layout, files, surplus, replay.freeBelow);
  const { endPosition } = state;
  return { replay, files, surplus, lastSeq: Math.max(0, state.lastSeq), endPosition };
}

/**
 * The chain reaches down to the oldest file that the log itself calls needed, and what is left over
 * was freed by the log or never used. Anything else means that a file of the chain is gone.
 */
function requireChain(
  layout: LaneLayout,
  files: readonly number[],
  surplus: readonly number[],
  freeBelow: number,
): void {
  const first = files[0];
  const newestUsed = files.at(-1) ?? 0;
  const unexplained = surplus.filter((fileSeq) => fileSeq >= freeBelow && fileSeq < newestUsed);
  const missing =
    first === undefined ? surplus.length > 1 : first > freeBelow || unexplained.length > 0;
  if (!missing) return;
  const needed = first === undefined ? (surplus.at(-1) ?? 1) - 1 : Math.max(freeBelow, first - 1);
  throw damaged(layout.walFile(needed), "this WAL file is needed but missing");
}

/** The longest run of consecutive numbers at the end. */
function lastRun(numbers: readonly number[]): readonly number[] {
  let from = numbers.length - 1;
  while (from > 0 && numbers[from - 1] === (numbers[from] ?? 0) - 1) from--;
  return numbers.slice(Math.max(0, from));
}

class ScanState {
  readonly replay = new Replay();
  readonly files: number[] = [];
  lastSeq = -1;
  endPosition = PAGE_BYTES;
  /** Place of the newest batch, in the newest file that has one. */
  #last: { readonly position: number; readonly length: number } | undefined;
  readonly #context: RecoveryContext;

  constructor(context: RecoveryContext) {
    this.#context = context;
  }

  async scanFile(fileSeq: number, isNewest: boolean): Promise<void> {
    const path = this.#context.layout.walFile(fileSeq);
    const file = await this.#context.fileSystem.open(path, { mode: "read-write" });
    try {
      await this.#checkHeader(file, fileSeq);
      const scanner = new WalScanner(file, await file.size(), fileSeq);
      const end = await scanner.scan(this.lastSeq, (batch, position) => {
        this.#last = { position, length: batch.length };
        this.#replayBatch(batch, fileSeq, `${path} at byte ${position}`);
      });
      if (end.batches === 0) await this.#judgeEmpty(scanner, path, end, isNewest);
      else if (isNewest) await this.#settleEnd(file, scanner, end);
      if (end.batches === 0) return;
      this.files.push(fileSeq);
      this.lastSeq = end.lastSeq;
      this.endPosition = end.endPosition;
    } finally {
      await file.close();
    }
  }

  async #checkHeader(file: OpenFile, fileSeq: number): Promise<void> {
    const page = Buffer.alloc(PAGE_BYTES);
    const filled = await file.read(page, 0);
    const header = decodeWalHeader(page.subarray(0, filled), file.path);
    const { nodeId, incarnation } = this.#context;
    const ours =
      header.fileSeq === fileSeq && header.nodeId === nodeId && header.incarnation === incarnation;
    if (ours) return;
    throw damaged(
      `${file.path} at byte 0`,
      `the header says file ${header.fileSeq} of node ${header.nodeId}, incarnation ` +
        `${header.incarnation}; expected file ${fileSeq} of node ${nodeId}, incarnation ${incarnation}`,
    );
  }

  #replayBatch(batch: WalBatch, fileSeq: number, where: string): void {
    try {
      for (const frame of decodeFrames(batch.frames, batch.frameCount)) {
        this.replay.apply(frame, fileSeq);
      }
    } catch (error) {
      throw damaged(where, error instanceof Error ? error.message : String(error));
    }
  }

  /** A file without a batch that follows: made ready and never used, or a sign of damage. */
  async #judgeEmpty(
    scanner: WalScanner,
    path: string,
    end: ScannedFile,
    isNewest: boolean,
  ): Promise<void> {
    const previous = this.files.at(-1);
    const first = await scanner.headerAt(PAGE_BYTES);
    if (first !== undefined && first.durableSeqBefore > this.lastSeq && previous !== undefined) {
      throw damaged(
        `${this.#context.layout.walFile(previous)} at byte ${this.endPosition}`,
        `batch ${this.lastSeq + 1} is damaged: ${path} proves that it was durable`,
      );
    }
    const verdict = await scanner.judgeEnd(end);
    if (verdict.kind === "corrupt") throw damaged(`${path} at byte ${PAGE_BYTES}`, verdict.reason);
    if (!isNewest)
      throw damaged(`${path} at byte ${PAGE_BYTES}`, "the checkpoint of this file is damaged");
    if (previous !== undefined) await this.#settlePrevious(previous);
  }

  /** The newest file was never used, so the one before it is where the log ends. */
  async #settlePrevious(fileSeq: number): Promise<void> {
    const path = this.#context.layout.walFile(fileSeq);
    const file = await this.#context.fileSystem.open(path, { mode: "read-write" });
    try {
      const scanner = new WalScanner(file, await file.size(), fileSeq);
      const { lastSeq, endPosition } = this;
      await this.#settleEnd(file, scanner, { lastSeq, endPosition, batches: 1 });
    } finally {
      await file.close();
    }
  }

  /**
   * Decides what lies behind the last batch, and clears it. Zeroing makes the next batch at this place
   * safe: no page of the torn one can complete it. Then everything is synced, because what a dead
   * process had only in the page cache is about to be relied on.
   *
   * The last batch is written again first. When its write failed, the system may have kept its pages
   * and called them clean: they read well, no sync would write them, and they are gone with the power.
   * The batches before it are proven durable by those after them. Source: Rebello et al., "Can
   * Applications Recover from fsync Failures?", USENIX ATC 2020.
   */
  async #settleEnd(file: OpenFile, scanner: WalScanner, end: ScannedFile): Promise<void> {
    const verdict = await scanner.judgeEnd(end);
    const where = `${file.path} at byte ${end.endPosition}`;
    if (verdict.kind === "corrupt") throw damaged(where, verdict.reason);
    if (verdict.kind === "torn") {
      this.#context.logger.info("cut a write that never finished", {
        path: file.path,
        position: end.endPosition,
      });
      const zeros = Buffer.alloc(PAGE_BYTES);
      for (const position of await scanner.dirtyPages(end.endPosition, end.lastSeq)) {
        await file.write([zeros], position);
      }
    }
    if (this.#last !== undefined) await rewrite(file, this.#last.position, this.#last.length);
    await file.sync();
  }
}

async function rewrite(file: OpenFile, position: number, length: number): Promise<void> {
  const bytes = Buffer.alloc(length);
  const filled = await file.read(bytes, position);
  await file.write([bytes.subarray(0, filled)], position);
}
