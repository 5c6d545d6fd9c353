/**
 * Entering new entries into the leader's log.
 *
 * A membership change is checked here, before it is in the log: once it is in, it will be
 * applied. A change that cannot be made now stays as an empty normal entry, so that its proposer
 * still sees its place in the log go by.
 *
 * Source: etcd-raft v3.7 `stepLeader`, MsgProp; Ongaro thesis 4.1 (one change at a time).
 */
import { confChangeOfEntry, leavesJoint, type ConfChange } from "./conf-change-codec.ts";
import { describeConfChange } from "./describe.ts";
import { RaftError, RaftPanic } from "./errors.ts";
import { hex } from "./logger.ts";
import { configToString } from "./progress-tracker.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend } from "./replication.ts";
import { traceChangeConf } from "./trace.ts";
import type { Entry } from "./types.ts";
import { EMPTY_DATA, NO_NODE } from "./types.ts";

/** Appends `proposed` and sends it on. Refuses with `proposal-dropped`. */
export function proposeEntries(r: RaftState, proposed: readonly Entry[]): RaftError | undefined {
  if (proposed.length === 0) throw new RaftPanic(`${hex(r.id)} stepped empty MsgProp`);
  // A leader that has removed itself still leads until the removal is committed.
  if (!r.tracker.progress.has(r.id)) return new RaftError("proposal-dropped");
  if (r.leadTransferee !== NO_NODE) {
    r.logger?.debug(
      `${hex(r.id)} [term ${r.term}] transfer leadership to ${hex(r.leadTransferee)} is in ` +
        "progress; dropping proposal",
    );
    return new RaftError("proposal-dropped");
  }
  // A change that is then dropped for its size keeps its place: until the log is applied up to
  // there another one is refused, which is safe, and the text of etcd's scenarios has it so.
  const entries = checkConfChanges(r, proposed);
  if (!r.appendEntries(entries)) return new RaftError("proposal-dropped");
  broadcastAppend(r);
  return undefined;
}

function checkConfChanges(r: RaftState, proposed: readonly Entry[]): readonly Entry[] {
  // Nearly every proposal has none; it is not copied.
  if (proposed.every((entry) => entry.type === "EntryNormal")) return proposed;
  return proposed.map((entry, i) => {
    const change = confChangeOfEntry(entry);
    if (change === undefined) return entry;
    const refusal = refusalOf(r, change);
    if (refusal !== undefined && !r.config.disableConfChangeValidation) {
      r.logger?.info(
        `${hex(r.id)} ignoring conf change ${describeConfChange(change)} at config ` +
          `${configToString(r.tracker.config)}: ${refusal}`,
      );
      return { term: 0, index: 0, type: "EntryNormal", data: EMPTY_DATA };
    }
    r.pendingConfIndex = r.log.lastIndex() + i + 1;
    traceProposedChange(r, change);
    return entry;
  });
}

function traceProposedChange(r: RaftState, change: ConfChange): void {
  const { trace } = r.config;
  if (trace === undefined) return;
  const event = traceChangeConf(r, change);
  if (event !== undefined) trace(event);
}

function refusalOf(r: RaftState, change: ConfChange): string | undefined {
  if (r.pendingConfIndex > r.log.applied) {
    return (
      `possible unapplied conf change at index ${r.pendingConfIndex} ` +
      `(applied to ${r.log.applied})`
    );
  }
  const isJoint = r.tracker.config.voters[1].size > 0;
  const leaves = leavesJoint(change) || change.changes.length === 0;
  if (isJoint && !leaves) return "must transition out of joint config first";
  if (!isJoint && leaves) return "not in joint state; refusing empty conf change";
  return undefined;
}
