/**
 * What an append must look like.
 *
 * A follower checks only the place before the first entry: that one check says that the rest fits
 * (log matching), because a leader sends a piece of its log as it is. A leader that sent anything
 * else would break all logs at once, and nothing on the way would notice.
 *
 *   - entries follow `index` without a gap
 *   - terms never fall, from the term before the first entry on
 *   - no term is above the leader's
 */
import type { Message } from "../types.ts";

/** What is wrong with an append, or undefined. */
export function faultOfAppend({ index, logTerm, term, entries }: Message): string | undefined {
  let before = { index, term: logTerm };
  for (const entry of entries) {
    if (entry.index !== before.index + 1) {
      return `entry ${entry.index} follows ${before.index}`;
    }
    if (entry.term < before.term) {
      return `entry ${entry.index} of term ${entry.term} follows term ${before.term}`;
    }
    before = entry;
  }
  return before.term > term ? `term ${before.term} is above the leader's ${term}` : undefined;
}
