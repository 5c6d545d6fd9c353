/**
 * Changing who belongs to a group.
 *
 * A change is made on copies and checked before it takes effect, because a configuration whose
 * quorums do not intersect with the one before it can elect two leaders. A change of one voter
 * keeps the intersection by itself; anything more goes through a joint configuration, in which
 * both the old and the new majority must agree.
 *
 *   C1  every voter, learner and coming learner has a progress
 *   C2  a coming learner is an outgoing voter and not yet marked as learner
 *   C3  learners are disjoint from both halves of voters
 *   C4  outside of a joint configuration there are no coming learners and no auto-leave
 *
 * Source: Ongaro thesis 4.1 and 4.3; texts as in etcd-raft `confchange`.
 */
import { RaftError, RaftPanic } from "./errors.ts";
import { Progress } from "./progress.ts";
import type { ProgressMap, ProgressTracker, TrackerConfig } from "./progress-tracker.ts";
import { jointIds } from "./quorum-joint.ts";
import type { ConfState } from "./types.ts";

/**
 * What one step does to a node: make it a voter, take it out, nothing at all, or make it a
 * learner.
 */
export type ConfChangeType =
  | "ConfChangeAddNode"
  | "ConfChangeRemoveNode"
  | "ConfChangeUpdateNode"
  | "ConfChangeAddLearnerNode";

/** One step of a membership change. Node 0 means: do nothing. */
export interface ConfChangeSingle {
  /** What happens to the node. */
  readonly type: ConfChangeType;
  /** The node; 0 makes the step do nothing. */
  readonly nodeId: number;
}

/** A configuration and the progress of all of its nodes. */
export interface ConfigAndProgress {
  readonly config: TrackerConfig;
  readonly progress: ProgressMap;
}

/** A configuration under construction. */
interface Draft {
  readonly incoming: Set<number>;
  readonly outgoing: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  autoLeave: boolean;
  readonly progress: ProgressMap;
}

/** Makes new configurations from the one in a tracker, which it does not touch. */
export class ConfChanger {
  readonly #tracker: ProgressTracker;
  readonly #lastIndex: number;

  /** @param lastIndex end of the log: where the first probe of a new node starts. */
  constructor(tracker: ProgressTracker, lastIndex: number) {
    this.#tracker = tracker;
    this.#lastIndex = lastIndex;
  }

  /** Changes at most one voter. @throws RaftError `invalid-conf-change`. */
  simple(changes: readonly ConfChangeSingle[]): ConfigAndProgress {
    const draft = this.#copy();
    if (draft.outgoing.size > 0) refuse("can't apply simple config change in joint config");
    this.#apply(draft, changes);
    if (symmetricDifference(this.#tracker.config.voters[0], draft.incoming) > 1) {
      refuse("more than one voter changed without entering joint config");
    }
    return finish(draft);
  }

  /** Starts a joint configuration. @throws RaftError `invalid-conf-change`. */
  enterJoint(autoLeave: boolean, changes: readonly ConfChangeSingle[]): ConfigAndProgress {
    const draft = this.#copy();
    if (draft.outgoing.size > 0) refuse("config is already joint");
    if (draft.incoming.size === 0) refuse("can't make a zero-voter config joint");
    for (const id of draft.incoming) draft.outgoing.add(id);
    this.#apply(draft, changes);
    draft.autoLeave = autoLeave;
    return finish(draft);
  }

  /** Ends a joint configuration. @throws RaftError `invalid-conf-change`. */
  leaveJoint(): ConfigAndProgress {
    const draft = this.#copy();
    if (draft.outgoing.size === 0) refuse("can't leave a non-joint config");
    for (const id of draft.learnersNext) {
      draft.learners.add(id);
      const progress = draft.progress.get(id);
      if (progress !== undefined) progress.isLearner = true;
    }
    draft.learnersNext.clear();
    for (const id of draft.outgoing) {
      if (!draft.incoming.has(id) && !draft.learners.has(id)) draft.progress.delete(id);
    }
    draft.outgoing.clear();
    draft.autoLeave = false;
    return finish(draft);
  }

  #copy(): Draft {
    const { config, progress } = this.#tracker;
    const copies: ProgressMap = new Map();
    // The window of messages on the way is shared: only the learner mark changes here.
    for (const [id, one] of progress) copies.set(id, one.clone(one.inflights));
    const draft: Draft = {
      incoming: new Set(config.voters[0]),
      outgoing: new Set(config.voters[1]),
      learners: new Set(config.learners),
      learnersNext: new Set(config.learnersNext),
      autoLeave: config.autoLeave,
      progress: copies,
    };
    checkInvariants(draft);
    return draft;
  }

  #apply(draft: Draft, changes: readonly ConfChangeSingle[]): void {
    for (const { type, nodeId } of changes) {
      if (nodeId === 0) continue;
      if (type === "ConfChangeAddNode") this.#makeVoter(draft, nodeId);
      else if (type === "ConfChangeAddLearnerNode") this.#makeLearner(draft, nodeId);
      else if (type === "ConfChangeRemoveNode") remove(draft, nodeId);
    }
    if (draft.incoming.size === 0) refuse("removed all voters");
  }

  #makeVoter(draft: Draft, id: number): void {
    draft.incoming.add(id);
    const progress = draft.progress.get(id);
    if (progress === undefined) {
      this.#addProgress(draft, id, false);
      return;
    }
    progress.isLearner = false;
    draft.learners.delete(id);
    draft.learnersNext.delete(id);
  }

  #makeLearner(draft: Draft, id: number): void {
    const progress = draft.progress.get(id);
    if (progress === undefined) {
      draft.learners.add(id);
      this.#addProgress(draft, id, true);
      return;
    }
    if (progress.isLearner) return;
    remove(draft, id);
    draft.progress.set(id, progress);
    // An outgoing voter still counts in the old majority, so it learns only after the joint state.
    if (draft.outgoing.has(id)) {
      draft.learnersNext.add(id);
    } else {
      progress.isLearner = true;
      draft.learners.add(id);
    }
  }

  #addProgress(draft: Draft, id: number, isLearner: boolean): void {
    const next = Math.max(this.#lastIndex, 1);
    const progress = new Progress(0, next, isLearner, this.#tracker.newInflights());
    // Counted as heard of, or the quorum check could depose a leader before the node can answer.
    progress.recentActive = true;
    draft.progress.set(id, progress);
  }
}

/**
 * The configuration that a ConfState describes, built by the same steps a group would take.
 * `tracker` must be empty.
 * @throws RaftError `invalid-conf-change` for a ConfState that no group can be in.
 */
export function restoreConfig(
  tracker: ProgressTracker,
  lastIndex: number,
  confState: ConfState,
): ConfigAndProgress {
  const step = (make: (changer: ConfChanger) => ConfigAndProgress): void => {
    const made = make(new ConfChanger(tracker, lastIndex));
    tracker.config = made.config;
    tracker.progress = made.progress;
  };
  const outgoing = changesOf("ConfChangeAddNode", confState.votersOutgoing);
  // First the outgoing half as it was, then the step that made the state joint. Removing an
  // outgoing voter must come before adding, or one that stays would be lost.
  const incoming = [
    ...changesOf("ConfChangeRemoveNode", confState.votersOutgoing),
    ...changesOf("ConfChangeAddNode", confState.voters),
    ...changesOf("ConfChangeAddLearnerNode", confState.learners),
    ...changesOf("ConfChangeAddLearnerNode", confState.learnersNext),
  ];
  for (const change of outgoing) step((changer) => changer.simple([change]));
  if (outgoing.length > 0) {
    step((changer) => changer.enterJoint(confState.autoLeave, incoming));
  } else {
    for (const change of incoming) step((changer) => changer.simple([change]));
  }
  return { config: tracker.config, progress: tracker.progress };
}

/** True if both describe the same configuration, whatever the order of ids. */
export function isSameConfState(a: ConfState, b: ConfState): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    isSameIds(a.voters, b.voters) &&
    isSameIds(a.learners, b.learners) &&
    isSameIds(a.votersOutgoing, b.votersOutgoing) &&
    isSameIds(a.learnersNext, b.learnersNext)
  );
}

function isSameIds(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  const right = b.toSorted((x, y) => x - y);
  return a.toSorted((x, y) => x - y).every((id, i) => id === right[i]);
}

function changesOf(type: ConfChangeType, ids: readonly number[]): ConfChangeSingle[] {
  return ids.map((nodeId) => ({ type, nodeId }));
}

function remove(draft: Draft, id: number): void {
  if (!draft.progress.has(id)) return;
  draft.incoming.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.progress.delete(id);
}

function finish(draft: Draft): ConfigAndProgress {
  checkInvariants(draft);
  const config: TrackerConfig = {
    voters: [draft.incoming, draft.outgoing],
    autoLeave: draft.autoLeave,
    // Printed only when there are any: absent and empty are told apart by the text format.
    ...(draft.learners.size > 0 ? { learners: draft.learners } : {}),
    ...(draft.learnersNext.size > 0 ? { learnersNext: draft.learnersNext } : {}),
  };
  return { config, progress: new Map([...draft.progress].sort(([a], [b]) => a - b)) };
}

function checkInvariants(draft: Draft): void {
  const { progress, incoming, outgoing, learners, learnersNext } = draft;
  for (const id of [...jointIds([incoming, outgoing]), ...learners, ...learnersNext]) {
    if (!progress.has(id)) throw new RaftPanic(`no progress for ${id}`); // C1
  }
  for (const id of learnersNext) {
    if (!outgoing.has(id)) throw new RaftPanic(`${id} is in LearnersNext, but not Voters[1]`); // C2
    if (progress.get(id)?.isLearner === true) {
      throw new RaftPanic(`${id} is in LearnersNext, but is already marked as learner`); // C2
    }
  }
  for (const id of learners) {
    if (outgoing.has(id)) throw new RaftPanic(`${id} is in Learners and Voters[1]`); // C3
    if (incoming.has(id)) throw new RaftPanic(`${id} is in Learners and Voters[0]`); // C3
    if (progress.get(id)?.isLearner !== true) {
      throw new RaftPanic(`${id} is in Learners, but is not marked as learner`);
    }
  }
  if (outgoing.size > 0) return;
  if (learnersNext.size > 0) throw new RaftPanic("LearnersNext must be empty when not joint"); // C4
  if (draft.autoLeave) throw new RaftPanic("AutoLeave must be false when not joint"); // C4
}

function symmetricDifference(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let count = 0;
  for (const id of a) if (!b.has(id)) count += 1;
  for (const id of b) if (!a.has(id)) count += 1;
  return count;
}

function refuse(message: string): never {
  throw new RaftError("invalid-conf-change", message);
}
