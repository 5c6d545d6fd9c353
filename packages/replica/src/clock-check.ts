/**
 * Whether this node's wall clock can be trusted to stamp records.
 *
 * Arrival times decide what AT_TIMESTAMP finds and what retention drops, and the leader stamps
 * them; so a node whose clock is away from what most live nodes say does not lead.
 */

/** Nodes, this one included, below which nobody can say whose clock is wrong. */
export const CLOCK_NODES_MIN = 3;

/**
 * How far this clock is ahead of the median of all, in milliseconds; negative when behind.
 * Undefined with fewer than CLOCK_NODES_MIN nodes. `offsets`: how far each peer is ahead of us.
 */
export function clockAheadOfMedian(offsets: readonly number[]): number | undefined {
  const all = [0, ...offsets].sort((a, b) => a - b);
  if (all.length < CLOCK_NODES_MIN) return undefined;
  const middle = Math.floor(all.length / 2);
  const upper = all[middle] ?? 0;
  const lower = all.length % 2 === 0 ? (all[middle - 1] ?? 0) : upper;
  return 0 - (upper + lower) / 2;
}
