/** Opening a lane: identity, log, segments and state files, in the order in which each is needed. */
import type { FileSystem } from "@millrace/base";

import { DamageLog } from "./damage-log.ts";
import { bootIdentity } from "./identity.ts";
import type { StoredIdentity } from "./identity.ts";
import type { GroupShared, LaneGroup } from "./lane-group.ts";
import { readExtents, recoverGroup } from "./lane-recovery.ts";
import { laneLayout, numberIn } from "./layout.ts";
import type { LaneLayout } from "./layout.ts";
import type { MemoryTotals } from "./memory-log.ts";
import type { ResolvedOptions } from "./options.ts";
import { recoverWal, walFileNumbers } from "./recovery.ts";
import type { RecoveredWal } from "./recovery.ts";
import type { Extent } from "./segment-format.ts";
import { SegmentReader } from "./segment-reader.ts";
import { SegmentRegistry } from "./segment-registry.ts";
import { StateFiles } from "./state-files.ts";
import { TailCache } from "./tail-cache.ts";
import { WalFiles } from "./wal-files.ts";
import type { WalPosition } from "./wal-writer.ts";

export interface LaneParts {
  readonly layout: LaneLayout;
  readonly identity: StoredIdentity;
  readonly files: WalFiles;
  readonly states: StateFiles;
  readonly segments: SegmentReader;
  readonly registry: SegmentRegistry;
  readonly shared: GroupShared;
  readonly damage: DamageLog;
  readonly groups: readonly LaneGroup[];
  /** Ascending; the last one is the one to write. Empty before the first. */
  readonly walFiles: readonly number[];
  readonly start: WalPosition | { readonly fileSeq: number; readonly lastSeq: number };
}

export async function openLane(options: ResolvedOptions): Promise<LaneParts> {
  const { fileSystem, nodeId, random, logger, entryMeta } = options;
  const layout = laneLayout(options.directory);
  await makeFolders(fileSystem, layout);
  const hasLog = (await walFileNumbers(fileSystem, layout)).length > 0;
  const identity = await bootIdentity(fileSystem, random, layout, nodeId, hasLog);
  const { incarnation } = identity;
  const wal = await recoverWal({ fileSystem, layout, logger, nodeId, incarnation });
  const segments = new SegmentReader(fileSystem, layout, entryMeta);
  const registry = new SegmentRegistry(fileSystem, layout, logger, segments);
  const states = new StateFiles(fileSystem, layout);
  await states.open();
  const totals: MemoryTotals = { pinnedBytes: 0, cachedBytes: 0 };
  const cache = new TailCache(options.tailCacheBytes, totals);
  const released = (extents: readonly Extent[]) => registry.released(extents);
  const damage = new DamageLog(logger, options.metrics);
  const damaged = damage.extent.bind(damage);
  const shared = { entryMeta, totals, cache, segments, released, damaged };
  const extents = await readExtents(wal.replay, segments, incarnation);
  const groups: LaneGroup[] = [];
  for (const replayed of wal.replay.groups.values()) {
    groups.push(await recoverGroup(replayed, extents, states, shared, layout));
  }
  await adoptSegments(options, layout, registry, wal, groups);
  const files = new WalFiles(fileSystem, layout, {
    nodeId,
    incarnation,
    fileBytes: options.walFileBytes,
  });
  await files.open();
  const { start, walFiles } = await startOf(fileSystem, layout, files, wal);
  const kept = { layout, identity, files, states, segments, registry, shared, damage };
  return { ...kept, groups, walFiles, start };
}

async function makeFolders(fileSystem: FileSystem, layout: LaneLayout): Promise<void> {
  await fileSystem.makeDirectory(layout.directory);
  for (const folder of [layout.wal, layout.segments, layout.states, layout.trash]) {
    await fileSystem.makeDirectory(folder);
  }
}

/** Segments that the log does not name were never finished, or were already given up. */
async function adoptSegments(
  { fileSystem, clock }: ResolvedOptions,
  layout: LaneLayout,
  registry: SegmentRegistry,
  { replay }: RecoveredWal,
  groups: readonly LaneGroup[],
): Promise<void> {
  const existing: number[] = [];
  for (const name of await fileSystem.list(layout.segments)) {
    const id = numberIn(name, "seg");
    if (id !== undefined) existing.push(id);
  }
  const used = groups.flatMap(({ extents }) => extents);
  registry.adopt(replay.segments, existing, used);
  const unnamed = existing.filter((id) => !replay.segments.has(id));
  await registry.discard(unnamed, clock.nowMs());
}

/** Gives back files that are not needed, and opens the one to go on with. */
async function startOf(
  fileSystem: FileSystem,
  layout: LaneLayout,
  files: WalFiles,
  wal: RecoveredWal,
): Promise<Pick<LaneParts, "start" | "walFiles">> {
  for (const fileSeq of wal.surplus) {
    // Not to the pool: a file that was never used may hold a torn write under a number that comes again.
    await fileSystem.remove(layout.walFile(fileSeq));
  }
  await fileSystem.syncDirectory(layout.wal);
  const fileSeq = wal.files.at(-1);
  if (fileSeq === undefined) {
    const first = Math.max(0, ...wal.surplus) + 1;
    return { start: { fileSeq: first, lastSeq: wal.lastSeq }, walFiles: [first] };
  }
  const file = await fileSystem.open(layout.walFile(fileSeq), {
    mode: "read-write",
    syncedWrites: true,
  });
  const { endPosition: position, lastSeq } = wal;
  return { start: { file, fileSeq, position, lastSeq }, walFiles: wal.files };
}
