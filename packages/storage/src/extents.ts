import type { Extent } from "./segment-format.ts";

/** The extent with entry `index`, of extents in ascending order without gaps. */
export function extentHolding(extents: readonly Extent[], index: number): Extent | undefined {
  let low = 0;
  let high = extents.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle];
    if (extent === undefined) return undefined;
    if (index < extent.firstIndex) high = middle - 1;
    else if (index > extent.lastIndex) low = middle + 1;
    else return extent;
  }
  return undefined;
}
