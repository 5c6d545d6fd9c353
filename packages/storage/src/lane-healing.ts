/**
 * How a lane gets back what its disk has lost: logs that arrive from other replicas, and the extents that
 * they replace.
 */
import { StreamError } from "@millrace/base";

import { extentRanges } from "./extents.ts";
import type { ExtentRange } from "./extents.ts";
import type { ImportStart, IndexRange, LogImport } from "./healing-types.ts";
import type { LaneGroup } from "./lane-group.ts";
import type { LaneImports } from "./lane-imports.ts";
import type { LaneSegments } from "./lane-segments.ts";
import { LaneImport } from "./log-import.ts";
import type { Extent } from "./segment-format.ts";
import { TermRuns } from "./term-runs.ts";
import type { StateSnapshot } from "./types.ts";

export interface HealingHost {
  readonly imports: LaneImports;
  readonly segments: LaneSegments;
  /** @throws StreamError `not-found` */
  group(groupId: number): LaneGroup;
  /** @throws StreamError when the lane is closed or has failed. */
  requireOpen(): void;
}

export class LaneHealing {
  readonly #host: HealingHost;

  constructor(host: HealingHost) {
    this.#host = host;
  }

  async openImport(groupId: number, from: ImportStart): Promise<LogImport> {
    this.#host.requireOpen();
    const group = this.#host.group(groupId);
    const opened = await this.#host.imports.open(group, from);
    if (!group.dropped) return opened;
    await opened.abort();
    throw new StreamError("not-found", `group ${groupId} was dropped`);
  }

  /** The import `log` has what `range` needs; it is used up, whatever comes of it. */
  async repair(groupId: number, range: IndexRange, log: LogImport): Promise<void> {
    this.#host.requireOpen();
    const group = this.#host.group(groupId);
    const received = requireImport(group, log);
    try {
      const replaced = extentsWithin(group, range);
      if (replaced.length === 0) {
        await received.abort(); // Trimmed or replaced meanwhile: there is nothing left to repair.
        return;
      }
      requireCover(group, replaced, received);
      await received.finish();
      const by = received.extents;
      requireSameTerms(group, replaced, by);
      received.take();
      const extents = replaced.map(({ extent }) => extent);
      await this.#host.segments.replace(group, extents, by);
    } catch (error) {
      await received.abort();
      throw error;
    }
  }
}

/** @throws StreamError `invalid-argument` for an import of another replica. */
function requireImport(group: LaneGroup, log: LogImport): LaneImport {
  const { groupId, replicaId } = group;
  const fits = log instanceof LaneImport && log.groupId === groupId && log.replicaId === replicaId;
  if (fits) return log;
  throw new StreamError(
    "invalid-argument",
    `the import is of group ${log.groupId}, replica ${log.replicaId}, but must be of ${groupId}, ${replicaId}`,
  );
}

/**
 * The import that a write with `snapshot` brings.
 *
 * @throws StreamError `invalid-argument` when it does not end at the snapshot, `wrong-state` before `finish`.
 */
export function requireShipped(
  group: LaneGroup,
  { index, term }: StateSnapshot,
  log: LogImport,
): LaneImport {
  const received = requireImport(group, log);
  if (received.phase !== "finished") {
    throw new StreamError(
      "wrong-state",
      `the import of group ${group.groupId} is ${received.phase}, but must be finished`,
    );
  }
  if (received.nextIndex - 1 === index && received.lastTerm === term) return received;
  throw new StreamError(
    "invalid-argument",
    `the import of group ${group.groupId} ends at entry ${received.nextIndex - 1} of term ` +
      `${received.lastTerm}, the snapshot at ${index} of term ${term}`,
  );
}

/** Extents that are read for entries of the range alone; a range may not cut through one. */
function extentsWithin(
  group: LaneGroup,
  { firstIndex, lastIndex }: IndexRange,
): readonly ExtentRange[] {
  const touched = extentRanges(group.extents, group.firstIndex()).filter(
    (range) => range.lastIndex >= firstIndex && range.firstIndex <= lastIndex,
  );
  for (const range of touched) {
    // What retention has dropped below the first kept entry needs no repair.
    if (range.firstIndex >= firstIndex && range.lastIndex <= lastIndex) continue;
    throw new StreamError(
      "invalid-argument",
      `the range ${firstIndex}..${lastIndex} of group ${group.groupId} cuts through the extent ` +
        `${range.firstIndex}..${range.lastIndex}`,
    );
  }
  return touched;
}

/** The import must hold what its extents are read for, and may begin before: the earlier extent counts there. */
function requireCover(group: LaneGroup, replaced: readonly ExtentRange[], log: LaneImport): void {
  const first = replaced[0]?.firstIndex ?? 0;
  const last = replaced.at(-1)?.lastIndex ?? 0;
  if (log.nextIndex === last + 1 && log.afterIndex < first) return;
  throw new StreamError(
    "invalid-argument",
    `the import has entries ${log.afterIndex + 1}..${log.nextIndex - 1} of group ${group.groupId}, ` +
      `but must have ${first}..${last}`,
  );
}

/** Another term at the same index is another log: replacing an acknowledged entry by it would break S2. */
function requireSameTerms(
  group: LaneGroup,
  replaced: readonly ExtentRange[],
  by: readonly Extent[],
): void {
  const first = Math.max(replaced[0]?.firstIndex ?? 0, group.firstIndex());
  const last = replaced.at(-1)?.lastIndex ?? 0;
  const runs = new TermRuns();
  let through = (by[0]?.firstIndex ?? 1) - 1;
  for (const { terms, lastIndex } of by) {
    runs.appendRuns(terms, through);
    through = lastIndex;
  }
  const expected = JSON.stringify(group.terms.between(first, last));
  const found = JSON.stringify(runs.between(first, last));
  if (expected === found) return;
  throw new StreamError(
    "corrupt",
    `the import of group ${group.groupId} has terms ${found} where the log has ${expected}`,
  );
}
