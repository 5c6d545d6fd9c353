/**
 * The configuration of a group together with what its leader knows of every node in it.
 *
 * The configuration is a value: a change makes a new one and swaps it in, so a half-made change
 * can never be observed. The map of progress is kept in ascending order of ids, because messages
 * are sent in that order and a run must be reproducible from its seed.
 *
 * Source: etcd-raft `tracker`.
 */
import { Inflights } from "./inflights.ts";
import type { Progress } from "./progress.ts";
import { jointCommittedIndex, jointToString, jointVoteResult } from "./quorum-joint.ts";
import type { JointConfig } from "./quorum-joint.ts";
import { majorityOf, majorityToString, sortedIds } from "./quorum-majority.ts";
import type { AckedIndexer, MajorityConfig, VoteResult } from "./quorum-majority.ts";
import type { ConfState } from "./types.ts";

/** Who votes, who learns, and what will happen at the end of a joint state. */
export interface TrackerConfig {
  /** Incoming and outgoing voters; the second set is empty outside of a joint configuration. */
  readonly voters: JointConfig;
  /** The leader leaves the joint state by itself once it is committed. */
  readonly autoLeave: boolean;
  /** Nodes that receive the log and do not count. Disjoint from both halves of voters. */
  readonly learners?: ReadonlySet<number> | undefined;
  /** Outgoing voters that become learners when the joint state ends. */
  readonly learnersNext?: ReadonlySet<number> | undefined;
}

export const EMPTY_CONFIG: TrackerConfig = { voters: [new Set(), new Set()], autoLeave: false };

export type ProgressMap = Map<number, Progress>;

export interface Tally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/** Configuration, progress and the votes of a running election. */
export class ProgressTracker implements AckedIndexer {
  config: TrackerConfig = EMPTY_CONFIG;
  progress: ProgressMap = new Map();
  readonly votes = new Map<number, boolean>();
  readonly maxInflightMsgs: number;
  readonly maxInflightBytes: number;

  constructor(maxInflightMsgs: number, maxInflightBytes: number) {
    this.maxInflightMsgs = maxInflightMsgs;
    this.maxInflightBytes = maxInflightBytes;
  }

  newInflights(): Inflights {
    return new Inflights(this.maxInflightMsgs, this.maxInflightBytes);
  }

  /** True if the whole group is one voter, which decides alone. */
  isSingleton(): boolean {
    return this.config.voters[0].size === 1 && this.config.voters[1].size === 0;
  }

  ackedIndex(id: number): number | undefined {
    return this.progress.get(id)?.matchIndex;
  }

  /** The highest index that a quorum holds. */
  committedIndex(): number {
    return jointCommittedIndex(this.config.voters, this);
  }

  /** True if a quorum was heard of since the flags were last cleared. */
  isQuorumActive(): boolean {
    const [incoming, outgoing] = this.config.voters;
    return this.#isMajorityActive(incoming) && this.#isMajorityActive(outgoing);
  }

  #isMajorityActive(voters: MajorityConfig): boolean {
    let active = 0;
    for (const id of voters) {
      const one = this.progress.get(id);
      if (one !== undefined && !one.isLearner && one.recentActive) active += 1;
    }
    return active >= majorityOf(voters);
  }

  resetVotes(): void {
    this.votes.clear();
  }

  /** Notes a vote; the first answer of a node counts. */
  recordVote(id: number, granted: boolean): void {
    if (!this.votes.has(id)) this.votes.set(id, granted);
  }

  /** Counts the votes of present voters, and says whether the election is decided. */
  tallyVotes(): Tally {
    let granted = 0;
    let rejected = 0;
    for (const [id, one] of this.progress) {
      if (one.isLearner) continue;
      const vote = this.votes.get(id);
      if (vote === undefined) continue;
      if (vote) granted += 1;
      else rejected += 1;
    }
    return { granted, rejected, result: jointVoteResult(this.config.voters, this.votes) };
  }

  confState(): ConfState {
    return confStateOf(this.config);
  }
}

/** The configuration as sorted lists. */
export function confStateOf(config: TrackerConfig): ConfState {
  return {
    voters: sortedIds(config.voters[0]),
    votersOutgoing: sortedIds(config.voters[1]),
    learners: sortedIds(config.learners ?? []),
    learnersNext: sortedIds(config.learnersNext ?? []),
    autoLeave: config.autoLeave,
  };
}

/** `voters=(1 2 3)&&(1) learners=(4) learners_next=(2) autoleave`. */
export function configToString(config: TrackerConfig): string {
  let text = `voters=${jointToString(config.voters)}`;
  if (config.learners !== undefined) text += ` learners=${majorityToString(config.learners)}`;
  if (config.learnersNext !== undefined) {
    text += ` learners_next=${majorityToString(config.learnersNext)}`;
  }
  return config.autoLeave ? `${text} autoleave` : text;
}
