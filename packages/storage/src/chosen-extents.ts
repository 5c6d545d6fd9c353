/**
 * Which extents of the live segments make up a group's log.
 *
 * Two may hold the same entry: after a repair or an import, while the segment of the older one lives on for
 * other groups. All of them hold the same bytes, for only committed entries go to segments (S2); but the older one
 * may be the damaged one that was replaced. So of those that go on where the log stands, the one that
 * reaches furthest is taken, and of two that reach equally far the one in the newer segment.
 */
import type { Extent } from "./segment-format.ts";

export interface ExtentOwner {
  readonly groupId: number;
  readonly replicaId: number;
  readonly compactedIndex: number;
}

/** Ascending, without one that another makes needless; up to the first hole, or to the end. */
export function chosenExtents(owner: ExtentOwner, extents: readonly Extent[]): readonly Extent[] {
  const { groupId, replicaId, compactedIndex } = owner;
  const own = extents
    .filter((extent) => extent.groupId === groupId && extent.replicaId === replicaId)
    .sort((left, right) => left.firstIndex - right.firstIndex);
  const chosen: Extent[] = [];
  let through = compactedIndex;
  let at = 0;
  for (;;) {
    let best: Extent | undefined;
    for (let next = own[at]; next !== undefined; next = own[++at]) {
      if (next.firstIndex > through + 1) break;
      if (next.lastIndex > through && !reachesFurther(best, next)) best = next;
    }
    if (best === undefined) return chosen;
    chosen.push(best);
    through = best.lastIndex;
  }
}

function reachesFurther(best: Extent | undefined, next: Extent): boolean {
  if (best === undefined || best.lastIndex !== next.lastIndex) {
    return best !== undefined && best.lastIndex > next.lastIndex;
  }
  return best.segmentId > next.segmentId;
}
