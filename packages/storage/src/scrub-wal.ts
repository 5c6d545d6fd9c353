/**
 * Reads the files of the WAL again, up to what was acknowledged when the look began. Only a restart would
 * notice damage there, and would have to give up replicas for it; while the process lives, everything is
 * still in memory, and a fresh checkpoint in the next file makes the damaged one needless.
 */
import type { FileSystem, OpenFile } from "@millrace/base";

import type { LaneLayout } from "./layout.ts";
import { PAGE_BYTES } from "./limits.ts";
import type { ScrubPace } from "./scrub-pace.ts";
import { isUnreadable } from "./read-file.ts";
import { decodeWalHeader } from "./wal-header.ts";
import { WalScanner } from "./wal-scan.ts";

export interface WalScrub {
  readonly fileSystem: FileSystem;
  readonly layout: LaneLayout;
  readonly pace: ScrubPace;
  /** Files that exist under their number now, ascending. */
  walFiles(): readonly number[];
  /** Newest durable batch. */
  lastSeq(): number;
}

export interface WalVerdict {
  readonly fileSeq: number;
  readonly reason: string;
}

/** Ascending, as far as the files are still there when they were read. */
export async function scrubWal(
  context: WalScrub,
): Promise<{ readonly files: number; readonly damaged: readonly WalVerdict[] }> {
  const files = [...context.walFiles()];
  const newestSeq = context.lastSeq();
  const damaged: WalVerdict[] = [];
  let expectedBefore: number | undefined;
  let reachedSeq = -1;
  for (const [at, fileSeq] of files.entries()) {
    const isNewest = at === files.length - 1;
    const found = await scrubFile(context, fileSeq);
    if (!context.walFiles().includes(fileSeq)) {
      expectedBefore = undefined; // Freed meanwhile, and written over perhaps.
      continue;
    }
    // A later file proves how far the one before it must reach (W9).
    const previous = files[at - 1];
    const cut = expectedBefore !== undefined && found.firstBefore !== expectedBefore;
    if (cut && previous !== undefined && found.kind === "read") {
      const reason = `it ends at batch ${expectedBefore}, the next file follows ${found.firstBefore}`;
      damaged.push({ fileSeq: previous, reason });
    }
    // The newest file may just be opened: its first batch is not durable, and nothing is missing.
    const isWhole = isNewest && Math.max(reachedSeq, found.lastSeq) >= newestSeq;
    const isShort = isNewest && !isWhole;
    const reason =
      found.kind === "no-batch" && isWhole
        ? undefined
        : (found.reason ??
          (isShort ? `it ends at batch ${found.lastSeq} of ${newestSeq}` : undefined));
    if (reason !== undefined) damaged.push({ fileSeq, reason });
    expectedBefore = reason === undefined ? found.lastSeq : undefined;
    reachedSeq = Math.max(reachedSeq, found.lastSeq);
  }
  return { files: files.length, damaged };
}

interface ScrubbedFile {
  readonly kind: "read" | "unreadable" | "no-batch";
  readonly lastSeq: number;
  /** `durableSeqBefore` of the first batch. */
  readonly firstBefore: number;
  readonly reason?: string;
}

async function scrubFile(context: WalScrub, fileSeq: number): Promise<ScrubbedFile> {
  const nothing = { kind: "unreadable", lastSeq: -1, firstBefore: -1 } as const;
  try {
    const path = context.layout.walFile(fileSeq);
    const file = await context.fileSystem.open(path, { mode: "read" });
    try {
      return await scanFile(context.pace.paced(file), fileSeq);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isUnreadable(error)) return { ...nothing, reason: `it cannot be read (${String(error)})` };
    throw error;
  }
}

async function scanFile(file: OpenFile, fileSeq: number): Promise<ScrubbedFile> {
  const page = Buffer.alloc(PAGE_BYTES);
  const filled = await file.read(page, 0);
  const header = decodeWalHeader(page.subarray(0, filled), file.path);
  if (header?.fileSeq !== fileSeq) {
    return {
      kind: "unreadable",
      lastSeq: -1,
      firstBefore: -1,
      reason: "its header is damaged",
    };
  }
  const scanner = new WalScanner(file, await file.size(), fileSeq);
  let firstBefore = -1;
  const { lastSeq, batches } = await scanner.scan(-1, ({ durableSeqBefore }) => {
    if (firstBefore < 0) firstBefore = durableSeqBefore;
    return true;
  });
  return batches === 0
    ? { kind: "no-batch", lastSeq, firstBefore, reason: "its checkpoint is damaged" }
    : { kind: "read", lastSeq, firstBefore };
}
