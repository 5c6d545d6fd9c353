/**
 * Empties full WAL files: committed entries go to segments, the uncommitted tail moves to the current
 * file, and then the file is free.
 *
 * Groups with much to write get a segment of their own; all others share one, sorted by group: one
 * file per group would mean one sync per group, and mixing in arrival order would make every
 * catch-up read random (reference G.4.3).
 *
 *   F1  a segment is synced, and its name too, before the WAL names it
 *   F2  a WAL file is freed only after the frame that says so is durable in a later file
 */
import type { FileSystem } from "@millrace/base";

import type { LaneGroup } from "./lane-group.ts";
import type { LaneLayout } from "./layout.ts";
import type { Extent } from "./segment-format.ts";
import { writeSegment } from "./segment-writer.ts";
import type { ExtentSource } from "./segment-writer.ts";
import type { EntryMetaReader } from "./types.ts";

export interface FlushedSegment {
  readonly segmentId: number;
  readonly extents: readonly Extent[];
  readonly bytes: number;
}

export interface FlusherHost {
  readonly fileSystem: FileSystem;
  readonly layout: LaneLayout;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly entryMeta: EntryMetaReader;
  readonly shardSegmentThresholdBytes: number;
  /** Groups whose entries may be in the WAL. */
  groups(): Iterable<LaneGroup>;
  nextSegmentId(): number;
  /** Names the segments in the WAL and frees the file; resolves when that is durable. */
  publish(fileSeq: number, segments: readonly FlushedSegment[]): Promise<void>;
  failed(error: unknown): void;
}

interface FlushJob {
  readonly source: ExtentSource;
  readonly bytes: number;
}

export class Flusher {
  readonly #host: FlusherHost;
  readonly #sealed: number[] = [];
  #active = false;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(host: FlusherHost) {
    this.#host = host;
  }

  /** File `fileSeq` is full; files come in ascending order. */
  sealed(fileSeq: number): void {
    this.#sealed.push(fileSeq);
    if (this.#active || this.#stopped) return;
    this.#active = true;
    this.#running = this.#drain();
  }

  /** Ends after the file it is at; the rest is flushed after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#active) await this.#running;
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#stopped) {
        const fileSeq = this.#sealed[0];
        if (fileSeq === undefined) break;
        await this.#flush(fileSeq);
        this.#sealed.shift();
      }
    } catch (error) {
      this.#stopped = true;
      this.#host.failed(error);
    } finally {
      this.#active = false;
    }
  }

  async #flush(fileSeq: number): Promise<void> {
    const { shardSegmentThresholdBytes, fileSystem, layout } = this.#host;
    const jobs = this.#jobs(fileSeq);
    const own = jobs.filter(({ bytes }) => bytes >= shardSegmentThresholdBytes);
    const shared = jobs.filter(({ bytes }) => bytes < shardSegmentThresholdBytes);
    const segments: FlushedSegment[] = [];
    for (const job of own) segments.push(await this.#write([job]));
    if (shared.length > 0) segments.push(await this.#write(shared));
    if (segments.length > 0) await fileSystem.syncDirectory(layout.segments); // F1
    await this.#host.publish(fileSeq, segments);
  }

  #jobs(fileSeq: number): FlushJob[] {
    const jobs: FlushJob[] = [];
    for (const group of this.#host.groups()) {
      const lo = group.flushedThrough + 1;
      const hi = Math.min(group.committedIndex, group.log.lastIndexInFilesThrough(fileSeq));
      if (hi < lo || group.dropped) continue;
      const entries = group.log.slice(lo, hi + 1, Number.MAX_SAFE_INTEGER);
      const bytes = entries.reduce((sum, { data }) => sum + data.byteLength, 0);
      const { groupId, replicaId } = group;
      const before = group.log.positionBefore(lo);
      jobs.push({ bytes, source: { groupId, replicaId, entries, before } });
    }
    return jobs.sort((left, right) => left.source.groupId - right.source.groupId);
  }

  async #write(jobs: readonly FlushJob[]): Promise<FlushedSegment> {
    const { fileSystem, layout, nodeId, incarnation, entryMeta } = this.#host;
    const segmentId = this.#host.nextSegmentId();
    const written = await writeSegment(
      fileSystem,
      layout.segment(segmentId),
      { nodeId, incarnation, segmentId },
      jobs.map(({ source }) => source),
      entryMeta,
    );
    return { segmentId, ...written };
  }
}
