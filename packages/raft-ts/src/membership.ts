/**
 * Taking over a configuration, and noting what has been applied.
 *
 * A configuration counts from the moment its entry is applied on a node, not from when it is
 * appended: the reference departs from the thesis here, and is safe because only one change is
 * pending at a time and a candidate with an unapplied change does not campaign.
 *
 * Source: etcd-raft v3.7 `switchToConfig`, `appliedTo`; Ongaro thesis 4.
 */
import {
  ConfChanger,
  isSameConfState,
  restoreConfig,
  type ConfigAndProgress,
} from "./conf-change.ts";
import {
  autoLeaves,
  confChangeEntry,
  LEAVE_JOINT,
  leavesJoint,
  usesJoint,
  type ConfChange,
} from "./conf-change-codec.ts";
import { describeConfState } from "./describe.ts";
import { RaftPanic } from "./errors.ts";
import { hex } from "./logger.ts";
import { configToString, ProgressTracker } from "./progress-tracker.ts";
import { proposeEntries } from "./propose.ts";
import { isJointVoter } from "./quorum-joint.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend, maybeSendAppend } from "./replication.ts";
import { traceApplyConfChange } from "./trace.ts";
import type { ConfState, Snapshot } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Makes the configuration that a ConfState describes the only one. */
export function restoreConfState(r: RaftState, confState: ConfState): void {
  const empty = new ProgressTracker(r.config.maxInflightMsgs, r.config.maxInflightBytes);
  const made = restoreConfig(empty, r.log.lastIndex(), confState);
  r.tracker = new ProgressTracker(r.config.maxInflightMsgs, r.config.maxInflightBytes);
  const got = switchToConfig(r, made);
  if (!isSameConfState(confState, got)) {
    throw new RaftPanic(
      `ConfStates not equivalent: ${describeConfState(confState)} and ${describeConfState(got)}`,
    );
  }
}

/** Applies a committed membership change. @throws RaftError `invalid-conf-change`. */
export function applyConfChange(r: RaftState, change: ConfChange): ConfState {
  const changer = new ConfChanger(r.tracker, r.log.lastIndex());
  if (leavesJoint(change)) return switchToConfig(r, changer.leaveJoint());
  if (usesJoint(change)) {
    return switchToConfig(r, changer.enterJoint(autoLeaves(change), change.changes));
  }
  return switchToConfig(r, changer.simple(change.changes));
}

function switchToConfig(r: RaftState, made: ConfigAndProgress): ConfState {
  r.config.trace?.(traceApplyConfChange(r, made.config));
  r.tracker.config = made.config;
  r.tracker.progress = made.progress;
  r.logger?.info(`${hex(r.id)} switched to configuration ${configToString(made.config)}`);
  const confState = r.tracker.confState();
  const self = made.progress.get(r.id);
  if ((self === undefined || self.isLearner) && r.state === "StateLeader") {
    // It leads on until the change is committed elsewhere, unless told otherwise: whoever
    // proposes the removal of a leader may first hand leadership away.
    if (r.config.stepDownOnRemoval) r.becomeFollower(r.term, NO_NODE);
    return confState;
  }
  if (r.state !== "StateLeader" || confState.voters.length === 0) return confState;
  if (r.maybeCommit()) {
    // A smaller quorum may hold more.
    broadcastAppend(r);
  } else {
    for (const id of made.progress.keys()) {
      if (id !== r.id) maybeSendAppend(r, id, false);
    }
  }
  if (r.leadTransferee !== NO_NODE && !isJointVoter(made.config.voters, r.leadTransferee)) {
    r.leadTransferee = NO_NODE;
  }
  return confState;
}

/** Notes that the host has applied up to `index`, and ends a joint configuration if it is time. */
export function noteApplied(r: RaftState, index: number, bytes: number): void {
  r.log.appliedTo(Math.max(index, r.log.applied), bytes);
  maybeLeaveJoint(r);
}

/**
 * Proposes the end of a joint configuration that ends by itself, once the change that began it is
 * applied. Refused while leadership is handed over: so it is called again when that has failed,
 * or an idle group would stay joint for ever. (The reference waits for the next applied entry.)
 */
export function maybeLeaveJoint(r: RaftState): void {
  const { config } = r.tracker;
  if (!config.autoLeave || r.state !== "StateLeader") return;
  if (r.log.applied < r.pendingConfIndex) return;
  const refused = proposeEntries(r, [confChangeEntry(LEAVE_JOINT)]);
  if (refused === undefined) {
    r.logger?.info(
      `initiating automatic transition out of joint configuration ${configToString(config)}`,
    );
  } else {
    r.logger?.debug(
      `not initiating automatic transition out of joint configuration ` +
        `${configToString(config)}: ${refused.message}`,
    );
  }
}

/** Notes that the host has installed a snapshot. */
export function noteSnapshotApplied(r: RaftState, snapshot: Snapshot): void {
  r.log.unstable.stableSnapshotTo(snapshot.index);
  noteApplied(r, snapshot.index, 0);
}
