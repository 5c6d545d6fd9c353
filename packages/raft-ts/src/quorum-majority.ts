/**
 * What a set of voters has decided.
 *
 * Everything that makes Raft safe is an intersection of majorities, so the arithmetic of one
 * majority lives here alone: the index that a majority has acknowledged, and the outcome of a
 * vote. The empty set agrees to everything, which is what lets a joint configuration with one
 * empty half behave like a plain one.
 *
 * Source: Ongaro thesis 3.5, 4.3; outcome names as in etcd-raft `quorum`.
 */

/** The ids of the voters of one majority. */
export type MajorityConfig = ReadonlySet<number>;

/** Gives the index that a voter has acknowledged, or undefined when none is known. */
export interface AckedIndexer {
  ackedIndex(id: number): number | undefined;
}

export type VoteResult = "VotePending" | "VoteLost" | "VoteWon";

// Grows to the largest configuration seen and stays: the index is computed for every
// acknowledgement, and an array per computation would be garbage at that rate.
const scratch: number[] = [];

/**
 * The highest index that a majority has acknowledged: `Infinity` for no voters, 0 when nothing is
 * known of a majority.
 */
export function majorityCommittedIndex(voters: MajorityConfig, acked: AckedIndexer): number {
  const count = voters.size;
  if (count === 0) return Infinity;
  let filled = 0;
  for (const id of voters) {
    const index = acked.ackedIndex(id) ?? 0;
    // Insertion sort, descending: configurations are small, mostly three or five.
    let at = filled;
    while (at > 0 && (scratch[at - 1] ?? 0) < index) {
      scratch[at] = scratch[at - 1] ?? 0;
      at -= 1;
    }
    scratch[at] = index;
    filled += 1;
  }
  return scratch[Math.floor(count / 2)] ?? 0;
}

/** How many make a majority of `voters`: 0 of none, for they agree to everything. */
export function majorityOf(voters: MajorityConfig): number {
  return voters.size === 0 ? 0 : Math.floor(voters.size / 2) + 1;
}

/** The outcome when `votes` has yes and no of those that answered. No voters: won. */
export function majorityVoteResult(
  voters: MajorityConfig,
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  if (voters.size === 0) return "VoteWon";
  let yes = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing += 1;
    else if (vote) yes += 1;
  }
  const needed = majorityOf(voters);
  if (yes >= needed) return "VoteWon";
  return yes + missing >= needed ? "VotePending" : "VoteLost";
}

/** The ids in ascending order, in hexadecimal as the reference prints them: `(1 2 a)`. */
export function majorityToString(voters: MajorityConfig): string {
  return `(${sortedIds(voters)
    .map((id) => id.toString(16))
    .join(" ")})`;
}

export function sortedIds(ids: Iterable<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
