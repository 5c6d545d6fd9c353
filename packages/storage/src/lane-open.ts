/** Opening a lane: identity, log, segments and state files, in the order in which each is needed. */
import type { FileSystem, Logger } from "@millrace/base";

import { DamageLog } from "./damage-log.ts";
import { bootIdentity } from "./identity.ts";
import type { StoredIdentity } from "./identity.ts";
import { sweepIncoming } from "./incoming.ts";
import type { GroupShared, LaneGroup } from "./lane-group.ts";
import { readExtents, recoverGroup, WHAT_NEXT } from "./lane-recovery.ts";
import { laneLayout, numberIn } from "./layout.ts";
import type { LaneLayout } from "./layout.ts";
import type { MemoryTotals } from "./memory-log.ts";
import type { ResolvedOptions } from "./options.ts";
import { DamagedReplica } from "./quarantine.ts";
import { recoverWal, walFileNumbers } from "./recovery.ts";
import type { RecoveredWal, WalDamage } from "./recovery.ts";
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
  readonly damaged: readonly DamagedReplica[];
  /** Ascending; the last one is the one to write. Empty before the first. */
  readonly walFiles: readonly number[];
  readonly start: WalPosition | { readonly fileSeq: number; readonly lastSeq: number };
  /** Whether a new file must be opened, although the newest one takes more: its checkpoint says what is damaged. */
  readonly opensNext: boolean;
}

export async function openLane(options: ResolvedOptions): Promise<LaneParts> {
  const { fileSystem, nodeId, logger, entryMeta } = options;
  const layout = laneLayout(options.directory);
  await makeFolders(fileSystem, layout);
  const hasLog = (await walFileNumbers(fileSystem, layout)).length > 0;
  const identity = await bootIdentity(options, layout, hasLog);
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
  const { extents, damages } = await readExtents(wal.replay, segments, incarnation);
  const causes = [...noteDamages(logger, layout, wal), ...damages];
  for (const reason of damages) logger.error("a segment is damaged", { reason, next: WHAT_NEXT });
  const sources = { extents, states, shared, logger, lostEnd: lostEndOf(layout, wal), causes };
  const groups: LaneGroup[] = [];
  const quarantined: DamagedReplica[] = [];
  for (const replayed of wal.replay.groups.values()) {
    const recovered = await recoverGroup(replayed, sources);
    if (recovered instanceof DamagedReplica) quarantined.push(recovered);
    else groups.push(recovered);
  }
  const opensNext = noteQuarantined(logger, wal, quarantined);
  await adoptSegments(options, layout, registry, wal, [...groups, ...quarantined]);
  const identityOfFiles = { nodeId, incarnation, fileBytes: options.walFileBytes };
  const damagedFiles = new Set(wal.damages.map(({ fileSeq }) => fileSeq));
  const files = new WalFiles(fileSystem, layout, identityOfFiles, damagedFiles);
  await files.open();
  const { start, walFiles } = await startOf(fileSystem, layout, files, wal);
  const kept = { layout, identity, files, states, segments, registry, shared, damage };
  return { ...kept, groups, damaged: quarantined, walFiles, start, opensNext };
}

const placeOf = (layout: LaneLayout, { fileSeq, position, reason }: WalDamage): string =>
  `${layout.walFile(fileSeq)} at byte ${position}: ${reason}`;

const lostEndOf = (layout: LaneLayout, { lostEnd }: RecoveredWal): string | undefined =>
  lostEnd && placeOf(layout, lostEnd);

/** Tells of all damage of the log; answers with the places. */
function noteDamages(logger: Logger, layout: LaneLayout, wal: RecoveredWal): readonly string[] {
  for (const { fileSeq, position, reason } of wal.damages) {
    logger.error("the write-ahead log is damaged", {
      path: layout.walFile(fileSeq),
      position,
      reason,
      next: WHAT_NEXT,
    });
  }
  return wal.damages.map((damage) => placeOf(layout, damage));
}

/** Whether a replica is quarantined that the log does not call so yet. */
function noteQuarantined(
  logger: Logger,
  { replay }: RecoveredWal,
  quarantined: readonly DamagedReplica[],
): boolean {
  const fresh = quarantined.filter(
    ({ groupId }) => replay.groups.get(groupId)?.damage === undefined,
  );
  for (const { groupId, replicaId, reason } of fresh) {
    logger.warn("quarantined a replica", { groupId, replicaId, reason });
  }
  return fresh.length > 0;
}

async function makeFolders(fileSystem: FileSystem, layout: LaneLayout): Promise<void> {
  await fileSystem.makeDirectory(layout.directory);
  const { wal, segments, states, trash, incoming } = layout;
  for (const folder of [wal, segments, states, trash, incoming]) {
    await fileSystem.makeDirectory(folder);
  }
}

/** Segments that the log does not name were never finished, or were already given up. */
async function adoptSegments(
  { fileSystem, clock }: ResolvedOptions,
  layout: LaneLayout,
  registry: SegmentRegistry,
  { replay }: RecoveredWal,
  groups: readonly Readonly<Pick<DamagedReplica, "groupId" | "replicaId" | "extents">>[],
): Promise<void> {
  const existing: number[] = [];
  for (const name of await fileSystem.list(layout.segments)) {
    const id = numberIn(name, "seg");
    if (id !== undefined) existing.push(id);
  }
  const used = groups.flatMap(({ extents }) => extents);
  const isLive = (groupId: number, replicaId: number) =>
    groups.some((group) => group.groupId === groupId && group.replicaId === replicaId);
  const incoming = await sweepIncoming(fileSystem, layout, isLive);
  registry.adopt(replay.segments, [...existing, ...incoming], used);
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
  if (wal.lostEnd !== undefined) {
    // One number is left out, so that the log never seems to go on where it was lost.
    const start = { fileSeq: wal.nextFileSeq, lastSeq: wal.lastSeq + 1 };
    return { start, walFiles: [...wal.files, wal.nextFileSeq] };
  }
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
