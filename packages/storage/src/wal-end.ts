/**
 * The end of the log after a crash, made safe to go on from.
 *
 * Zeroing a torn write makes the next batch at its place safe: no sector of the torn one can complete
 * it. Then everything is synced, because what a dead process had only in the page cache is about to be
 * relied on.
 *
 * The last batch is written again first. When its write failed, the system may have kept its pages
 * and called them clean: they read well, no sync would write them, and they are gone with the power.
 * The batches before it are proven durable by those after them. Source: Rebello et al., "Can
 * Applications Recover from fsync Failures?", USENIX ATC 2020.
 */
import type { Logger, OpenFile } from "@millrace/base";

import { PAGE_BYTES } from "./limits.ts";
import { WalScanner } from "./wal-scan.ts";

/** Why the end is damaged; then nothing was changed. */
export async function settleEnd(
  file: OpenFile,
  fileSeq: number,
  { endPosition, lastSeq }: { readonly endPosition: number; readonly lastSeq: number },
  last: { readonly position: number; readonly length: number },
  logger: Logger,
): Promise<string | undefined> {
  const scanner = new WalScanner(file, await file.size(), fileSeq);
  const verdict = await scanner.judgeEnd({ endPosition, lastSeq, batches: 1 });
  if (verdict.kind === "corrupt") return verdict.reason;
  if (verdict.kind === "torn") {
    logger.info("cut a write that never finished", { path: file.path, position: endPosition });
    const zeros = Buffer.alloc(PAGE_BYTES);
    for (const position of await scanner.dirtyPages(endPosition, lastSeq)) {
      await file.write([zeros], position);
    }
  }
  const bytes = Buffer.alloc(last.length);
  const filled = await file.read(bytes, last.position);
  await file.write([bytes.subarray(0, filled)], last.position);
  await file.sync();
  return undefined;
}
