/** A group's extents: ascending by last index, each going on where those before it end. */
import type { IndexRange } from "./healing-types.ts";
import type { Extent } from "./segment-format.ts";

/** The extent that is read for entry `index`: the first one that reaches it. */
export function extentHolding(extents: readonly Extent[], index: number): Extent | undefined {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((extents[middle]?.lastIndex ?? 0) < index) low = middle + 1;
    else high = middle;
  }
  const extent = extents[low];
  return extent !== undefined && extent.firstIndex <= index ? extent : undefined;
}

export interface ExtentRange extends IndexRange {
  readonly extent: Extent;
}

/** Entries that each extent is read for, from `firstKept` on. */
export function extentRanges(
  extents: readonly Extent[],
  firstKept: number,
): readonly ExtentRange[] {
  let next = firstKept;
  return extents.map((extent) => {
    const { lastIndex } = extent;
    const firstIndex = Math.max(extent.firstIndex, next);
    next = lastIndex + 1;
    return { firstIndex, lastIndex, extent };
  });
}
