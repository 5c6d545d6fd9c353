/**
 * Which extents of the live segments make up a group's log.
 *
 * Two may hold the same entry: after a repair or an import, while the segment of the older one lives on for
 * other groups. All of them hold the same bytes, for only committed entries go to segments (S2); but the older
 * one may be the damaged one that was replaced.
 *
 *   G5  each entry is read from the newest segment that holds it
 */
import type { Extent } from "./segment-format.ts";

export interface ExtentOwner {
  readonly groupId: number;
  readonly replicaId: number;
  readonly compactedIndex: number;
}

/**
 * Ascending by last index, each going on where those before it end; up to the first hole, or to the end. One
 * may begin before the end of another: the earlier one in the list counts (see `extentHolding`).
 */
export function chosenExtents(owner: ExtentOwner, extents: readonly Extent[]): readonly Extent[] {
  const { groupId, replicaId, compactedIndex } = owner;
  const own = extents
    .filter((extent) => extent.groupId === groupId && extent.replicaId === replicaId)
    .sort((left, right) => left.firstIndex - right.firstIndex);
  const chosen: Extent[] = [];
  let through = compactedIndex;
  let candidates: Extent[] = [];
  for (let at = 0; ;) {
    for (
      let next = own[at];
      next !== undefined && next.firstIndex <= through + 1;
      next = own[++at]
    ) {
      candidates.push(next);
    }
    const reached = through;
    candidates = candidates.filter(({ lastIndex }) => lastIndex > reached);
    const [first] = candidates;
    if (first === undefined) return chosen;
    const newest = candidates.reduce(
      (best, extent) => (extent.segmentId > best.segmentId ? extent : best),
      first,
    );
    chosen.push(newest);
    through = newest.lastIndex;
  }
}
