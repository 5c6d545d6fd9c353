/**
 * Goes on with an import that an earlier run of this program began: every byte of it is read and verified
 * again, for nothing was promised about it, and what is intact need not cross the network twice.
 */
import { StreamError } from "@millrace/base";
import type { OpenFile } from "@millrace/base";

import { ExtentBuilder } from "./extent-builder.ts";
import type { ImportStart } from "./healing-types.ts";
import { ImportPart } from "./import-part.ts";
import type { FinishedPart, ImportContext } from "./import-part.ts";
import { partPath } from "./incoming.ts";
import type { IncomingPart } from "./incoming.ts";
import { FLUSH_CHUNK_BYTES, FLUSH_SYNC_BYTES, IMPORT_CHUNK_BYTES_MAX } from "./limits.ts";
import type { LogPosition } from "./memory-log.ts";
import { isUnreadable } from "./read-file.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import { readExtentTable, requireHeader } from "./segment-table.ts";
import { readAt, walkFrames } from "./segment-walk.ts";

/** Where an import stands. */
export interface ResumedParts {
  readonly start: ImportStart;
  readonly finished: readonly FinishedPart[];
  readonly current: ImportPart | undefined;
  readonly nextIndex: number;
  readonly lastTerm: number;
  /** Offset and arrival behind the last entry. */
  readonly after: LogPosition;
}

/** An import without entries. */
export function emptyImport(start: ImportStart, before: LogPosition): ResumedParts {
  return {
    start,
    finished: [],
    current: undefined,
    nextIndex: start.afterIndex + 1,
    lastTerm: start.afterTerm,
    after: before,
  };
}

/** `parts` of one replica, ascending; those that do not continue what is before them are removed. */
export async function resumeImport(
  context: ImportContext,
  parts: readonly IncomingPart[],
  before: LogPosition,
): Promise<ResumedParts> {
  const [first] = parts;
  const { afterIndex = 0, afterTerm = 0 } = first ?? {};
  let state = emptyImport({ afterIndex, afterTerm }, before);
  for (const part of parts) {
    const follows = part.afterIndex === state.nextIndex - 1 && part.afterTerm === state.lastTerm;
    const next =
      follows && state.current === undefined ? await resumePart(context, part, state) : undefined;
    if (next === undefined) await context.fileSystem.remove(partPath(context.layout, part));
    else state = next;
  }
  return state;
}

/** `undefined` when the part has no intact entry. */
async function resumePart(
  context: ImportContext,
  part: IncomingPart,
  state: ResumedParts,
): Promise<ResumedParts | undefined> {
  const file = await context.fileSystem.open(partPath(context.layout, part), {
    mode: "read-write",
  });
  let keepsOpen = false;
  try {
    const { incarnation } = context;
    const { segmentId } = part;
    if ((await unlessCorrupt(() => checkedHeader(file, segmentId, incarnation))) === undefined) {
      return undefined;
    }
    const table = await tableOf(file, part, incarnation);
    const start = { ...part, position: SEGMENT_HEADER_BYTES, before: state.after };
    const builder = new ExtentBuilder(start, context.entryMeta);
    const lastTerm = await verify(file, builder, table?.extent, part);
    if (lastTerm === undefined) return undefined;
    const whole = table !== undefined && table.extent.lastIndex === builder.lastIndex;
    const nextIndex = builder.lastIndex + 1;
    const { endOffset, arrivalMaxMs } = whole ? table.extent : builder.after;
    const next = { ...state, nextIndex, lastTerm, after: { endOffset, arrivalMaxMs } };
    if (whole) return { ...next, finished: [...state.finished, table] };
    await rewriteTail(file, builder.position);
    keepsOpen = true;
    return { ...next, current: new ImportPart(part, file, builder) };
  } finally {
    if (!keepsOpen) await file.close();
  }
}

async function checkedHeader(file: OpenFile, segmentId: number, incarnation: string) {
  await requireHeader(file, { segmentId, incarnation });
  return true;
}

/** The part's extent when its table and footer are there; only the synced whole has them. */
async function tableOf(
  file: OpenFile,
  part: IncomingPart,
  incarnation: string,
): Promise<FinishedPart | undefined> {
  const { segmentId, groupId, replicaId, afterIndex } = part;
  const extents = await unlessCorrupt(() => readExtentTable(file, { segmentId, incarnation }));
  const extent = extents?.[0];
  const fits =
    extent?.groupId === groupId &&
    extent.replicaId === replicaId &&
    extent.firstIndex === afterIndex + 1;
  return fits ? { part, extent } : undefined;
}

/** Feeds the intact frames to `builder`; resolves with the last one's term, `undefined` for none. */
async function verify(
  file: OpenFile,
  builder: ExtentBuilder,
  extent: Extent | undefined,
  { afterIndex, afterTerm }: IncomingPart,
): Promise<number | undefined> {
  let term = afterTerm;
  let found = false;
  const end = extent === undefined ? await file.size() : extent.position + extent.bytes;
  const run = { position: SEGMENT_HEADER_BYTES, end, index: afterIndex + 1 };
  await unlessCorrupt(async () => {
    await walkFrames(file, run, FLUSH_CHUNK_BYTES, (entry) => {
      if (entry.term < term) return false;
      ({ term } = entry);
      builder.add(entry);
      found = true;
      return true;
    });
  });
  return found ? term : undefined;
}

/**
 * Cuts what is not intact, and writes the rest again as far back as no sync is known to have covered it.
 * When a sync failed in the last run, the system may have kept those pages and called them clean: they
 * read well, no sync would write them, and they are gone with the power (see `recovery.ts`).
 */
async function rewriteTail(file: OpenFile, end: number): Promise<void> {
  await file.truncate(end);
  const unproven = FLUSH_SYNC_BYTES + IMPORT_CHUNK_BYTES_MAX;
  let position = Math.max(0, end - unproven);
  while (position < end) {
    const bytes = await readAt(file, position, Math.min(FLUSH_CHUNK_BYTES, end - position));
    await file.write([bytes], position);
    position += bytes.byteLength;
  }
}

async function unlessCorrupt<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    const isDamage = error instanceof StreamError && error.code === "corrupt";
    if (isDamage || isUnreadable(error)) return undefined;
    throw error;
  }
}
