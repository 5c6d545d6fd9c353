/**
 * Reads segments as a restart and as readers would, from the disk and not from what this process remembers:
 * table against memory, every frame, every index. What nobody can read any more (trimmed, dropped, replaced)
 * is left out, for damage there harms nothing.
 */
import { StreamError } from "@millrace/base";
import type { FileSystem, OpenFile } from "@millrace/base";

import { checksum } from "./bytes.ts";
import type { LaneGroup } from "./lane-group.ts";
import type { LaneLayout } from "./layout.ts";
import { FLUSH_CHUNK_BYTES } from "./limits.ts";
import type { ScrubPace } from "./scrub-pace.ts";
import { damaged, INDEX_ROW_BYTES } from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import { isUnreadable } from "./read-file.ts";
import { readExtentTable } from "./segment-table.ts";
import { readAt, walkFrames } from "./segment-walk.ts";

export interface SegmentScrub {
  readonly fileSystem: FileSystem;
  readonly layout: LaneLayout;
  readonly incarnation: string;
  readonly pace: ScrubPace;
}

/** An extent that a group reads from. */
export interface LiveExtent {
  readonly group: LaneGroup;
  readonly extent: Extent;
}

/** Extents of all groups by segment, ascending. */
export function liveExtents(
  groups: Iterable<LaneGroup>,
): ReadonlyMap<number, readonly LiveExtent[]> {
  const found = new Map<number, LiveExtent[]>();
  for (const group of groups) {
    for (const extent of group.extents) {
      const known = found.get(extent.segmentId);
      if (known === undefined) found.set(extent.segmentId, [{ group, extent }]);
      else known.push({ group, extent });
    }
  }
  return new Map([...found].sort(([left], [right]) => left - right));
}

const isLive = ({ group, extent }: LiveExtent) => !group.dropped && group.extents.includes(extent);

/** Marks what is damaged; resolves with how many extents were read, and how many of them are damaged. */
export async function scrubSegment(
  context: SegmentScrub,
  segmentId: number,
  candidates: readonly LiveExtent[],
): Promise<{ readonly extents: number; readonly damaged: number }> {
  const live = candidates.filter(isLive);
  if (live.length === 0) return { extents: 0, damaged: 0 };
  const path = context.layout.segment(segmentId);
  const reasons = new Map<LiveExtent, string>();
  const failed = await reasonOf(path, async () => {
    const file = await context.fileSystem.open(path, { mode: "read" });
    try {
      await scrubFile(context, file, segmentId, live, reasons);
    } finally {
      await file.close();
    }
  });
  let damagedExtents = 0;
  for (const one of live) {
    const reason = reasons.get(one) ?? failed;
    if (!isLive(one)) continue;
    if (reason === undefined) one.group.markIntact(one.extent);
    else {
      one.group.markDamaged(one.extent, reason);
      damagedExtents++;
    }
  }
  return { extents: live.length, damaged: damagedExtents };
}

async function scrubFile(
  { pace, incarnation }: SegmentScrub,
  file: OpenFile,
  segmentId: number,
  live: readonly LiveExtent[],
  reasons: Map<LiveExtent, string>,
): Promise<void> {
  const paced = pace.paced(file);
  const table = await readExtentTable(paced, { segmentId, incarnation });
  const known = new Set(table.map((extent) => JSON.stringify(extent)));
  for (const one of live) {
    if (!isLive(one)) continue;
    const reason = await reasonOf(file.path, async () => {
      if (!known.has(JSON.stringify(one.extent))) {
        throw damaged(file.path, "its extent table is not the one that was written");
      }
      await scrubExtent(paced, one.extent);
    });
    if (reason !== undefined) reasons.set(one, reason);
  }
}

async function scrubExtent(file: OpenFile, extent: Extent): Promise<void> {
  const { position, bytes, firstIndex, lastIndex, indexPosition, indexRows, indexCrc } = extent;
  const run = { position, end: position + bytes, index: firstIndex };
  let last = 0;
  await walkFrames(file, run, FLUSH_CHUNK_BYTES, (entry) => {
    last = entry.index;
    return true;
  });
  if (last !== lastIndex) {
    throw damaged(
      `${file.path} at byte ${position}`,
      `the extent ends at ${last}, not ${lastIndex}`,
    );
  }
  const rows = await readAt(file, indexPosition, indexRows * INDEX_ROW_BYTES);
  if (checksum(rows) !== indexCrc) {
    throw damaged(`${file.path} at byte ${indexPosition}`, "the index does not match its checksum");
  }
}

/** What is wrong with what `read` reads, `undefined` for nothing; other errors are thrown on. */
async function reasonOf(path: string, read: () => Promise<void>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (isUnreadable(error)) return `${path}: it cannot be read (${String(error)})`;
    const isDamage =
      error instanceof StreamError && (error.code === "corrupt" || error.code === "unsupported");
    if (isDamage) return error.message;
    throw error;
  }
}
