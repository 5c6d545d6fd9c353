/** The imports of a lane: one per group, few at once, and none of a replica that is gone. */
import { safeInteger, StreamError } from "@millrace/base";

import type { ImportStart } from "./healing-types.ts";
import type { ImportContext } from "./import-part.ts";
import { emptyImport, resumeImport } from "./import-resume.ts";
import type { ResumedParts } from "./import-resume.ts";
import { incomingParts, partPath } from "./incoming.ts";
import type { LaneGroup } from "./lane-group.ts";
import type { LaneParts } from "./lane-open.ts";
import { IMPORTS_MAX } from "./limits.ts";
import { LaneImport } from "./log-import.ts";
import type { ImportTarget } from "./log-import.ts";
import type { LogPosition } from "./memory-log.ts";
import type { ResolvedOptions } from "./options.ts";

const NOTHING_BEFORE: LogPosition = { endOffset: 0, arrivalMaxMs: 0 };

export class LaneImports {
  readonly #context: ImportContext;
  readonly #partBytes: number;
  readonly #open = new Map<number, LaneImport>();
  /** Groups whose import is being opened. */
  readonly #opening = new Set<number>();

  constructor(context: ImportContext, partBytes: number) {
    this.#context = context;
    this.#partBytes = partBytes;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws StreamError `limit-exceeded`, `wrong-state`, `invalid-argument`, and what the disk reports. */
  async open(group: LaneGroup, from: ImportStart): Promise<LaneImport> {
    const { groupId } = group;
    safeInteger("afterIndex", from.afterIndex, 0, Number.MAX_SAFE_INTEGER - 1);
    safeInteger("afterTerm", from.afterTerm, 0);
    if (this.#opening.has(groupId)) {
      throw new StreamError("wrong-state", `an import of group ${groupId} is being opened`);
    }
    const known = this.#open.get(groupId);
    // A quarantined replica's import may outlive it for a moment: its successor begins anew.
    const isOwn = known?.replicaId === group.replicaId;
    if (isOwn && known?.goesOnFrom(from) === true) return known;
    if (known === undefined && this.#open.size + this.#opening.size >= IMPORTS_MAX) {
      throw new StreamError(
        "limit-exceeded",
        `a lane receives at most ${IMPORTS_MAX} logs at once`,
      );
    }
    this.#opening.add(groupId);
    try {
      await known?.abort();
      return await this.#begin(group, from);
    } finally {
      this.#opening.delete(groupId);
    }
  }

  async #begin(group: LaneGroup, from: ImportStart): Promise<LaneImport> {
    const before = positionBefore(group, from.afterIndex + 1);
    const left = await this.#leftOf(group, before);
    if (left !== undefined) {
      const resumed = this.#import(group, left);
      if (resumed.goesOnFrom(from)) return resumed;
      await resumed.abort();
    }
    return this.#import(group, emptyImport(from, before));
  }

  #import(group: LaneGroup, state: ResumedParts): LaneImport {
    const { groupId } = group;
    const made = new LaneImport(
      this.#context,
      group,
      state,
      () => {
        if (this.#open.get(groupId) === made) this.#open.delete(groupId);
      },
      this.#partBytes,
    );
    this.#open.set(groupId, made);
    return made;
  }

  /** What an earlier run received for this replica. */
  async #leftOf(
    { groupId, replicaId }: LaneGroup,
    before: LogPosition,
  ): Promise<ResumedParts | undefined> {
    const { fileSystem, layout } = this.#context;
    const left = (await incomingParts(fileSystem, layout)).filter(
      (part) => part.groupId === groupId,
    );
    for (const part of left) {
      if (part.replicaId !== replicaId) await fileSystem.remove(partPath(layout, part));
    }
    const own = left.filter((part) => part.replicaId === replicaId);
    return own.length === 0 ? undefined : resumeImport(this.#context, own, before);
  }

  /** The replica is dropped or quarantined; the import of its successor is another one. */
  async abortOf({ groupId, replicaId }: ImportTarget): Promise<void> {
    const known = this.#open.get(groupId);
    if (known?.replicaId === replicaId) await known.abort();
  }

  /** Closes all files; what they hold waits for the next start. */
  async release(): Promise<void> {
    for (const open of this.#open.values()) await open.release();
  }
}

export function laneImports(options: ResolvedOptions, parts: LaneParts): LaneImports {
  const { fileSystem, nodeId, entryMeta } = options;
  const { layout, registry, identity } = parts;
  const { incarnation } = identity;
  const nextSegmentId = () => registry.nextId();
  const context = { fileSystem, layout, nodeId, incarnation, entryMeta, nextSegmentId };
  return new LaneImports(context, options.importPartBytes);
}

/**
 * Offset and arrival before entry `index`, as far as the group's own segments know: what they hold is
 * committed, so it is the same log. A lower bound is enough for every search.
 */
function positionBefore(group: LaneGroup, index: number): LogPosition {
  const extent = group.extents.findLast(({ firstIndex }) => firstIndex <= index);
  if (extent === undefined) return NOTHING_BEFORE;
  return index > extent.lastIndex
    ? { endOffset: extent.endOffset, arrivalMaxMs: extent.arrivalMaxMs }
    : { endOffset: extent.startOffset, arrivalMaxMs: extent.arrivalBeforeMs };
}
