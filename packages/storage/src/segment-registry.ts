/** Which segments are live, and which have lost their last reader and go to the trash. */
import type { FileSystem, Logger } from "@millrace/base";

import type { LaneLayout } from "./layout.ts";
import type { Extent } from "./segment-format.ts";
import type { SegmentReader } from "./segment-reader.ts";

export class SegmentRegistry {
  readonly #fileSystem: FileSystem;
  readonly #layout: LaneLayout;
  readonly #logger: Logger;
  readonly #reader: SegmentReader;
  /** Extents that groups refer to, by segment. */
  readonly #references = new Map<number, number>();
  /** Segments as the WAL names them so far. */
  readonly #named = new Set<number>();
  readonly #dead = new Set<number>();
  #nextId = 1;

  constructor(fileSystem: FileSystem, layout: LaneLayout, logger: Logger, reader: SegmentReader) {
    this.#fileSystem = fileSystem;
    this.#layout = layout;
    this.#logger = logger;
    this.#reader = reader;
  }

  get count(): number {
    return this.#references.size;
  }

  get named(): readonly number[] {
    return [...this.#named].sort((left, right) => left - right);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** After recovery: `used` are the extents of groups, `named` all segments that the WAL lists. */
  adopt(named: Iterable<number>, existing: readonly number[], used: readonly Extent[]): void {
    for (const id of named) {
      this.#named.add(id);
      this.#references.set(id, 0);
    }
    this.#nextId = Math.max(0, ...this.#named, ...existing) + 1;
    for (const extent of used) this.#refer(extent.segmentId, 1);
    for (const [id, count] of this.#references) if (count === 0) this.#dead.add(id);
  }

  /** A flush made the segment. */
  add(segmentId: number, extents: readonly Extent[]): void {
    this.#references.set(segmentId, extents.length);
  }

  /** The frame that names it is encoded. */
  noteNamed(added: readonly number[], removed: readonly number[]): void {
    for (const id of added) this.#named.add(id);
    for (const id of removed) this.#named.delete(id);
  }

  released(extents: readonly Extent[]): void {
    for (const { segmentId } of extents) {
      this.#refer(segmentId, -1);
      if (this.#references.get(segmentId) === 0) this.#dead.add(segmentId);
    }
  }

  /** Segments without readers since the last call; the caller removes them from the WAL, then `discard`s. */
  takeDead(): readonly number[] {
    const dead = [...this.#dead];
    this.#dead.clear();
    for (const id of dead) this.#references.delete(id);
    return dead;
  }

  /** Moves files that no durable log names to the trash. */
  async discard(segmentIds: readonly number[], nowMs: number): Promise<void> {
    if (segmentIds.length === 0) return;
    this.#reader.forget(segmentIds);
    for (const id of segmentIds) {
      const from = this.#layout.segment(id);
      if ((await this.#fileSystem.sizeOf(from)) === undefined) continue;
      const name = from.slice(from.lastIndexOf("/") + 1);
      await this.#fileSystem.rename(from, `${this.#layout.trash}/${nowMs}-${name}`);
      this.#logger.info("moved a segment without live entries to the trash", { segment: from });
    }
    await this.#fileSystem.syncDirectory(this.#layout.trash);
    await this.#fileSystem.syncDirectory(this.#layout.segments);
  }

  /** Removes trash that is older than `olderThanMs`. */
  async emptyTrash(nowMs: number, olderThanMs: number): Promise<number> {
    let removed = 0;
    for (const name of await this.#fileSystem.list(this.#layout.trash)) {
      const trashedMs = Number(/^(\d+)-/.exec(name)?.[1]);
      if (!(nowMs - trashedMs >= olderThanMs)) continue;
      await this.#fileSystem.remove(`${this.#layout.trash}/${name}`);
      removed++;
    }
    if (removed > 0) await this.#fileSystem.syncDirectory(this.#layout.trash);
    return removed;
  }

  #refer(segmentId: number, by: number): void {
    this.#references.set(segmentId, (this.#references.get(segmentId) ?? 0) + by);
  }
}
