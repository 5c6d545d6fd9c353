/**
 * Goes over the frames of a file in order, a bounded window at a time, and verifies each. Readers, scrubs
 * and imports that go on after a restart share it, so that what one of them accepts all of them do.
 */
import type { OpenFile } from "@millrace/base";

import { INDEX_INTERVAL_BYTES } from "./limits.ts";
import { damaged, decodeSegmentFrame } from "./segment-format.ts";
import type { LogEntry } from "./types.ts";

/** Frames back to back. */
export interface FrameRun {
  readonly position: number;
  readonly end: number;
  /** Index of the first one. */
  readonly index: number;
}

/** Sees an entry and its whole frame, views of bytes that nobody writes again; false ends the walk. */
export type FrameVisitor = (entry: LogEntry, frame: Buffer) => boolean;

/** @throws StreamError `corrupt`, naming file and position, at the first frame that is not intact. */
export async function walkFrames(
  file: OpenFile,
  run: FrameRun,
  wantedBytes: number,
  visit: FrameVisitor,
): Promise<void> {
  const { path } = file;
  let { position, index } = run;
  let needBytes = wantedBytes + INDEX_INTERVAL_BYTES;
  while (position < run.end) {
    const bytes = await readAt(file, position, Math.min(needBytes, run.end - position));
    const step = visitFrames({ bytes, position, path }, index, visit);
    if (step.stopped) return;
    if (step.used === 0 && position + bytes.byteLength >= run.end) {
      throw damaged(`${path} at byte ${position}`, `entry ${index} runs over the extent's end`);
    }
    position += step.used;
    index = step.nextIndex;
    needBytes = Math.max(wantedBytes + INDEX_INTERVAL_BYTES, step.needBytes);
  }
}

interface FramesAt {
  readonly bytes: Buffer;
  readonly position: number;
  readonly path: string;
}

function visitFrames(
  { bytes, position, path }: FramesAt,
  firstIndex: number,
  visit: FrameVisitor,
): { stopped: boolean; used: number; nextIndex: number; needBytes: number } {
  let at = 0;
  let index = firstIndex;
  const failed = (what: string) => damaged(`${path} at byte ${position + at}`, what);
  for (;;) {
    if (at === bytes.byteLength)
      return { stopped: false, used: at, nextIndex: index, needBytes: 0 };
    const frame = decodeSegmentFrame(bytes, at, index, failed);
    if ("needBytes" in frame) {
      return { stopped: false, used: at, nextIndex: index, needBytes: frame.needBytes };
    }
    if (!visit(frame.entry, bytes.subarray(at, frame.end))) {
      return { stopped: true, used: at, nextIndex: index, needBytes: 0 };
    }
    at = frame.end;
    index++;
  }
}

/** @throws StreamError `corrupt` when the file ends before `bytes` are read. */
export async function readAt(file: OpenFile, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(0, bytes));
  const filled = await file.read(buffer, position);
  if (filled === bytes) return buffer;
  throw damaged(
    `${file.path} at byte ${position}`,
    `the file ends ${bytes - filled} bytes too early`,
  );
}
