/** A lane with flushed entries to ship, and the same entries as chunks. */
import type { GroupLog } from "../group-log.ts";
import type { LogChunk, LogImport } from "../healing-types.ts";
import type { LaneStorage } from "../lane-storage.ts";
import { createGroup, entriesOf, openLane, write } from "./lane-fixture.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

/** Appends until `count` more flushes were finished; entries are committed one behind. */
export async function fill(
  lane: LaneStorage,
  group: GroupLog,
  count: number,
  bytes = 20_000,
): Promise<void> {
  const goal = lane.stats().flushes + count;
  while (lane.stats().flushes < goal) {
    const next = group.lastIndex() + 1;
    group.committed(next - 1);
    await write(lane, { group, entries: entriesOf(next, next, 1, bytes) });
  }
}

export interface Source {
  readonly lane: LaneStorage;
  readonly group: GroupLog;
  readonly disk: MemoryFileSystem;
}

/** A lane of another node with a log of some flushes. */
export async function makeSource(flushes = 2, bytes = 20_000): Promise<Source> {
  const disk = new MemoryFileSystem();
  const lane = await openLane(disk, { nodeId: 2 });
  const group = await createGroup(lane, 1, 20);
  await fill(lane, group, flushes, bytes);
  group.committed(group.lastIndex());
  return { lane, group, disk };
}

/** Everything from `lo` up to and with `last`, in chunks. */
export async function chunksOf(
  group: GroupLog,
  lo: number,
  last: number,
  chunkBytes = 100_000,
): Promise<readonly LogChunk[]> {
  const chunks: LogChunk[] = [];
  for (let next = lo; next <= last;) {
    const chunk = await group.exportEntries(next, last + 1, chunkBytes);
    chunks.push(chunk);
    next = chunk.lastIndex + 1;
  }
  return chunks;
}

/** Adds what `log` still needs of `chunks`. */
export async function addAll(log: LogImport, chunks: readonly LogChunk[]): Promise<void> {
  for (const chunk of chunks) if (chunk.firstIndex >= log.nextIndex) await log.add(chunk);
}
