/** Offline reader of one WAL file, for the debugging command and for tests. Changes nothing. */
import { StreamError } from "@millrace/base";
import type { FileSystem } from "@millrace/base";

import { decodeFrames } from "./frames.ts";
import type { WalFrame } from "./frames.ts";
import { PAGE_BYTES } from "./limits.ts";
import type { BatchHeader } from "./wal-batch.ts";
import { decodeWalHeader } from "./wal-header.ts";
import { WalScanner } from "./wal-scan.ts";

export interface InspectedBatch {
  readonly position: number;
  readonly header: BatchHeader;
  readonly frames: readonly WalFrame[];
}

/**
 * Batches of the file at `path` in order; returns what lies behind the last one.
 *
 * @throws StreamError `corrupt` for a damaged header.
 */
export async function* inspectWal(
  fileSystem: FileSystem,
  path: string,
): AsyncGenerator<InspectedBatch, string> {
  const file = await fileSystem.open(path, { mode: "read" });
  try {
    const page = Buffer.alloc(PAGE_BYTES);
    const filled = await file.read(page, 0);
    const header = decodeWalHeader(page.subarray(0, filled), path);
    if (header === undefined) {
      throw new StreamError("corrupt", `${path}: damaged header at byte 0`);
    }
    const scanner = new WalScanner(file, await file.size(), header.fileSeq);
    let lastSeq = -1;
    let position = PAGE_BYTES;
    for (;;) {
      const batch = await scanner.batchAt(position);
      const follows = batch !== undefined && (lastSeq < 0 || batch.durableSeqBefore === lastSeq);
      if (!follows) break;
      const { frames, ...header } = batch;
      yield { position, header, frames: [...decodeFrames(frames, header.frameCount)] };
      lastSeq = batch.batchSeq;
      position += batch.length;
    }
    const end = await scanner.judgeEnd({ endPosition: position, lastSeq, batches: 1 });
    return `${end.kind} at byte ${position}${end.kind === "corrupt" ? `: ${end.reason}` : ""}`;
  } finally {
    await file.close();
  }
}
