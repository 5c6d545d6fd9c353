/**
 * Names of the files in `incoming/`. A file is a segment that is being received; all that a restart must
 * know besides its bytes is in its name, so there is no second file that could disagree with it.
 *
 *   <segment id, ten digits>-<groupId>-<replicaId>-<afterIndex>-<afterTerm>.part
 *
 * `afterIndex` and `afterTerm` are those of the entry before the part's first one.
 */
import type { FileSystem } from "@millrace/base";

import type { ImportStart } from "./healing-types.ts";
import type { LaneLayout } from "./layout.ts";

export interface IncomingPart extends ImportStart {
  readonly segmentId: number;
  readonly groupId: number;
  readonly replicaId: number;
}

const NAME = /^(\d{10,16})-(\d{1,16})-(\d{1,16})-(\d{1,16})-(\d{1,16})\.part$/;

export function partPath(layout: LaneLayout, part: IncomingPart): string {
  const { segmentId, groupId, replicaId, afterIndex, afterTerm } = part;
  const id = String(segmentId).padStart(10, "0");
  return `${layout.incoming}/${id}-${groupId}-${replicaId}-${afterIndex}-${afterTerm}.part`;
}

function partOf(name: string): IncomingPart | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [segmentId = 0, groupId = 0, replicaId = 0, afterIndex = 0, afterTerm = 0] = match
    .slice(1)
    .map(Number);
  return { segmentId, groupId, replicaId, afterIndex, afterTerm };
}

/** Ascending by segment id, which is the order in which they were begun. */
export async function incomingParts(
  fileSystem: FileSystem,
  layout: LaneLayout,
): Promise<readonly IncomingPart[]> {
  const parts: IncomingPart[] = [];
  for (const name of await fileSystem.list(layout.incoming)) {
    const part = partOf(name);
    if (part !== undefined) parts.push(part);
  }
  return parts.sort((left, right) => left.segmentId - right.segmentId);
}

/** What no live replica waits for is removed; resolves with the segment ids of the rest. */
export async function sweepIncoming(
  fileSystem: FileSystem,
  layout: LaneLayout,
  isLive: (groupId: number, replicaId: number) => boolean,
): Promise<readonly number[]> {
  const kept: number[] = [];
  for (const part of await incomingParts(fileSystem, layout)) {
    if (isLive(part.groupId, part.replicaId)) kept.push(part.segmentId);
    else await fileSystem.remove(partPath(layout, part));
  }
  return kept;
}
