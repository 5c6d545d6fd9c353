/**
 * Segments and the log that names them: a flush, a repair and a sweep each change which files count by
 * one frame, and memory follows in the same step in which the frame is queued.
 *
 *   F1  a segment is synced, and its name too, before the WAL names it
 *   F2  a WAL file is freed only after the frame that says so is durable in a later file
 */
import type { Clock, Counter, Metrics } from "@millrace/base";

import type { FlushedSegment } from "./flusher.ts";
import type { LaneGroup } from "./lane-group.ts";
import type { LaneParts } from "./lane-open.ts";
import { framePieces, movedOperation, segmentsOperation } from "./operations.ts";
import type { Extent } from "./segment-format.ts";
import type { WalOperation } from "./wal-writer.ts";

export interface SegmentsHost {
  readonly parts: LaneParts;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Files that exist under their number, ascending; freed ones are taken out. */
  readonly walFiles: number[];
  /** Groups as the WAL has them so far. */
  readonly walGroups: ReadonlyMap<number, LaneGroup>;
  enqueue(operation: WalOperation): void;
  run(): void;
  /** Queues what `operation` makes and runs; resolves when that is durable. */
  durably(operation: (durable: () => void) => WalOperation): Promise<void>;
  inBackground(work: () => Promise<unknown>): void;
  hasFailed(): boolean;
  /** A flush waits in the queue, or a file was freed. */
  roomMayBe(): void;
}

export class LaneSegments {
  readonly #host: SegmentsHost;
  readonly #flushedBytes: Counter;
  #publishing = 0;
  readonly counters = { flushes: 0, flushedBytes: 0 };

  constructor(host: SegmentsHost) {
    this.#host = host;
    this.#flushedBytes = host.metrics.counter(
      "millrace_storage_flushed_bytes_total",
      "Bytes written to segments",
    );
  }

  /** Flushes that wait in the queue to free a file. */
  get publishing(): number {
    return this.#publishing;
  }

  /** Names what a flush of file `fileSeq` wrote, and frees the file. */
  async publish(fileSeq: number, segments: readonly FlushedSegment[]): Promise<void> {
    const { parts, walFiles, clock } = this.#host;
    const { registry, files } = parts;
    const added = segments.map(({ segmentId }) => segmentId);
    this.#publishing++;
    this.#host.roomMayBe();
    const durable = this.#host.durably((done) => {
      for (const segment of segments) registry.add(segment.segmentId, segment.extents);
      for (const { extents } of segments) {
        for (const extent of extents) this.#adopt(extent);
      }
      this.#moveTail(fileSeq);
      const change = { added, removed: [], freeBelow: fileSeq + 1 };
      return segmentsOperation(change, () => registry.noteNamed(added, []), done);
    });
    await durable.finally(() => this.#publishing--);
    parts.shared.cache.evict();
    walFiles.splice(0, walFiles.indexOf(fileSeq) + 1);
    await files.recycle(fileSeq, clock.nowMs()); // F2
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    this.counters.flushes++;
    this.counters.flushedBytes += bytes;
    this.#flushedBytes.add(bytes);
    this.#host.roomMayBe();
    this.sweep();
  }

  #adopt(extent: Extent): void {
    const group = this.#host.walGroups.get(extent.groupId);
    const adopted = group?.replicaId === extent.replicaId && group.adopt(extent);
    // Trimmed, replaced or dropped while the segment was written: nobody will read it.
    if (!adopted) this.#host.parts.registry.released([extent]);
  }

  #moveTail(fileSeq: number): void {
    for (const group of this.#host.walGroups.values()) {
      if (group.dropped) continue;
      for (const piece of framePieces(group.log.pinnedIn(fileSeq))) {
        this.#host.enqueue(movedOperation(group, piece));
      }
    }
  }

  /** Counts segments that an import made; the frame that names them is queued in the same step. */
  add(extents: readonly Extent[]): readonly number[] {
    const { registry } = this.#host.parts;
    for (const extent of extents) registry.add(extent.segmentId, [extent]);
    return extents.map(({ segmentId }) => segmentId);
  }

  /** Durable when it resolves: `by` stands in the place of `replaced`. */
  async replace(
    group: LaneGroup,
    replaced: readonly Extent[],
    by: readonly Extent[],
  ): Promise<void> {
    const { registry } = this.#host.parts;
    await this.#host.durably((done) => {
      const added = this.add(by);
      if (!group.replace(replaced, by)) registry.released(by);
      const change = { added, removed: [], freeBelow: this.#host.walFiles[0] ?? 0 };
      return segmentsOperation(change, () => registry.noteNamed(added, []), done);
    });
    this.sweep();
  }

  /** Takes segments without readers out of the log, then moves their files to the trash. */
  sweep(): void {
    const { parts, walFiles, clock } = this.#host;
    const { registry } = parts;
    const removed = registry.takeDead();
    if (removed.length === 0 || this.#host.hasFailed()) return;
    const change = { added: [], removed, freeBelow: walFiles[0] ?? 0 };
    const encoded = () => registry.noteNamed([], removed);
    this.#host.enqueue(
      segmentsOperation(change, encoded, () => {
        this.#host.inBackground(() => registry.discard(removed, clock.nowMs()));
      }),
    );
    this.#host.run();
  }
}
