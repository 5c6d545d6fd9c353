/**
 * One segment of an import while it is written. Frames go to disk as they came, checksums included; only the
 * header before and the index behind them are ours.
 */
import type { FileSystem, OpenFile } from "@millrace/base";

import { ExtentBuilder, segmentTrailer } from "./extent-builder.ts";
import { partPath } from "./incoming.ts";
import type { IncomingPart } from "./incoming.ts";
import type { LaneLayout } from "./layout.ts";
import { FLUSH_SYNC_BYTES } from "./limits.ts";
import type { LogPosition } from "./memory-log.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import type { EntryMetaReader, LogEntry } from "./types.ts";

/** What the imports of a lane share. */
export interface ImportContext {
  readonly fileSystem: FileSystem;
  readonly layout: LaneLayout;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly entryMeta: EntryMetaReader;
  nextSegmentId(): number;
}

/** A part with its index, table and footer, synced and closed. */
export interface FinishedPart {
  readonly part: IncomingPart;
  readonly extent: Extent;
}

export class ImportPart {
  readonly part: IncomingPart;
  readonly builder: ExtentBuilder;
  readonly #file: OpenFile;
  #unsynced = 0;

  constructor(part: IncomingPart, file: OpenFile, builder: ExtentBuilder) {
    this.part = part;
    this.#file = file;
    this.builder = builder;
  }

  /** Makes the file, and its name durable: a restart is to find what was received. */
  static async make(
    { fileSystem, layout, nodeId, incarnation, entryMeta }: ImportContext,
    part: IncomingPart,
    before: LogPosition,
  ): Promise<ImportPart> {
    const options = { mode: "read-write", create: "if-missing" } as const;
    const file = await fileSystem.open(partPath(layout, part), options);
    try {
      await file.truncate(0);
      const { segmentId } = part;
      await file.write([encodeSegmentHeader({ nodeId, incarnation, segmentId })], 0);
      await fileSystem.syncDirectory(layout.incoming);
    } catch (error) {
      await file.close();
      throw error;
    }
    const start = { ...part, position: SEGMENT_HEADER_BYTES, before };
    return new ImportPart(part, file, new ExtentBuilder(start, entryMeta));
  }

  /** Frames of `entries`, verified. */
  async add(frames: Uint8Array, entries: readonly LogEntry[]): Promise<void> {
    await this.#file.write([frames], this.builder.position);
    for (const entry of entries) this.builder.add(entry);
    this.#unsynced += frames.byteLength;
    if (this.#unsynced < FLUSH_SYNC_BYTES) return;
    this.#unsynced = 0;
    await this.#file.sync();
  }

  /** G3: index, table and footer behind the data, then the sync. */
  async finish(): Promise<FinishedPart> {
    const { segmentId } = this.part;
    const { position } = this.builder;
    const { extents, parts } = segmentTrailer(segmentId, position, [this.builder]);
    await this.#file.write(parts, position);
    await this.#file.sync();
    await this.#file.close();
    const [extent] = extents;
    if (extent === undefined) throw new Error("a part has one extent");
    return { part: this.part, extent };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
