/**
 * What a node tells about itself.
 *
 * The basic form is a handful of numbers that a host may read every turn; the full form copies
 * the progress of every node, so that a reader never sees it half changed.
 */
import type { Progress } from "./progress.ts";
import type { TrackerConfig } from "./progress-tracker.ts";
import type { RaftState } from "./raft-state.ts";
import type { StateType } from "./types.ts";

/** The state of a node in numbers. */
export interface BasicStatus {
  /** Id of the node in its group. */
  readonly id: number;
  /** The newest term that it has entered. */
  readonly term: number;
  /** Whom it voted for in `term`; 0 is nobody. */
  readonly vote: number;
  /** Highest index known to it to be on a quorum. */
  readonly commit: number;
  /** Highest index reported as applied. */
  readonly applied: number;
  /** The known leader; 0 is nobody. */
  readonly lead: number;
  /** Its role. */
  readonly raftState: StateType;
  /** Index of the oldest entry that it can read. */
  readonly firstIndex: number;
  /** Index of its newest entry. */
  readonly lastIndex: number;
  /** Whom leadership is being handed to; 0 is nobody. */
  readonly leadTransferee: number;
  /** Payload bytes of a leader's log that are not applied. */
  readonly uncommittedSize: number;
}

/** The state of a node with its configuration and, at a leader, the progress of all nodes. */
export interface Status extends BasicStatus {
  /** The configuration as applied at the node. */
  readonly config: TrackerConfig;
  /** In ascending order of ids; empty unless the node leads. */
  readonly progress: ReadonlyMap<number, Progress>;
}

export function basicStatusOf(r: RaftState): BasicStatus {
  return {
    id: r.id,
    term: r.term,
    vote: r.vote,
    commit: r.log.committed,
    applied: r.log.applied,
    lead: r.lead,
    raftState: r.state,
    firstIndex: r.log.firstIndex(),
    lastIndex: r.log.lastIndex(),
    leadTransferee: r.leadTransferee,
    uncommittedSize: r.uncommittedSize,
  };
}

export function statusOf(r: RaftState): Status {
  const progress = new Map<number, Progress>();
  if (r.state === "StateLeader") {
    for (const [id, one] of r.tracker.progress) {
      progress.set(id, one.clone(one.inflights.clone()));
    }
  }
  return { ...basicStatusOf(r), config: r.tracker.config, progress };
}
