import type { GroupWrites } from "./group-writes.ts";
import type { LaneParts } from "./lane-open.ts";
import type { LaneSegments } from "./lane-segments.ts";
import type { Scrubber } from "./scrubber.ts";
import type { LaneStats } from "./types.ts";
import type { WalWriter } from "./wal-writer.ts";

/** The parts of a lane that count something. */
export interface CountedParts {
  readonly wal: WalWriter;
  readonly writes: GroupWrites;
  readonly segments: LaneSegments;
  readonly scrubber: Scrubber;
  readonly parts: LaneParts;
  readonly walFiles: number;
  readonly waitingForFlush: boolean;
}

export function laneStats(counted: CountedParts): LaneStats {
  const { wal, writes, segments, scrubber, parts } = counted;
  const { batches, syncedWrites, bytes } = wal.counters;
  const { pinnedBytes, cachedBytes } = parts.shared.totals;
  return {
    walBatches: batches,
    walSyncedWrites: syncedWrites,
    walBytes: bytes,
    entriesWritten: writes.entriesWritten,
    queuedWrites: wal.queued,
    queuedBytes: wal.queuedBytes,
    inFlightSinceMs: wal.inFlightSinceMs,
    walFiles: counted.walFiles,
    waitingForFlush: counted.waitingForFlush,
    ...segments.counters,
    segments: parts.registry.count,
    pinnedBytes,
    cachedBytes,
    damagedExtents: parts.damage.count,
    ...scrubber.counters,
    secondsSinceScrub: scrubber.secondsSinceScrub,
  };
}
