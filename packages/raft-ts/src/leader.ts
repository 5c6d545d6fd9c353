/**
 * What a leader does with a message of its own term.
 *
 * Source: etcd-raft v3.7 `stepLeader`; Ongaro thesis 3.5, 3.10, 6.4.
 */
import type { RaftError } from "./errors.ts";
import { transferLeadership, sendTimeoutNow } from "./leader-transfer.ts";
import { hex } from "./logger.ts";
import type { Progress } from "./progress.ts";
import { proposeEntries } from "./propose.ts";
import type { RaftState } from "./raft-state.ts";
import { confirmReads, handleReadIndex, releasePendingReads } from "./read-index.ts";
import { broadcastAppend, broadcastHeartbeat, sendAllAppends, sendAppend } from "./replication.ts";
import type { Message } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Handles `m` in StateLeader. */
export function stepLeader(r: RaftState, m: Message): RaftError | undefined {
  switch (m.type) {
    case "MsgBeat":
      broadcastHeartbeat(r);
      return undefined;
    case "MsgCheckQuorum":
      checkQuorum(r);
      return undefined;
    case "MsgProp":
      return proposeEntries(r, m.entries);
    case "MsgReadIndex":
      handleReadIndex(r, m);
      return undefined;
    case "MsgForgetLeader":
      return undefined; // it is the leader
    default:
  }
  const progress = r.tracker.progress.get(m.from);
  if (progress === undefined) {
    r.logger?.debug(`${hex(r.id)} no progress available for ${hex(m.from)}`);
    return undefined;
  }
  stepFromPeer(r, m, progress);
  return undefined;
}

function stepFromPeer(r: RaftState, m: Message, progress: Progress): void {
  switch (m.type) {
    case "MsgAppResp":
      progress.recentActive = true;
      if (m.requestSnapshot !== 0) handleSnapshotRequest(r, m, progress);
      else if (m.reject) handleAppendRejection(r, m, progress);
      else handleAppendAck(r, m, progress);
      return;
    case "MsgHeartbeatResp":
      handleHeartbeatResponse(r, m, progress);
      return;
    case "MsgSnapStatus":
      handleSnapshotStatus(r, m, progress);
      return;
    case "MsgUnreachable":
      // What was in flight is probably lost; find out where the follower is before sending more.
      if (progress.state === "StateReplicate") progress.becomeProbe();
      r.logger?.debug(
        `${hex(r.id)} failed to send message to ${hex(m.from)} because it is unreachable ` +
          `[${progress.toString()}]`,
      );
      return;
    case "MsgTransferLeader":
      transferLeadership(r, m.from, progress);
      return;
    default:
      return;
  }
}

/** Steps down without a quorum: followers may have another leader, and reads would be stale. */
export function checkQuorum(r: RaftState): void {
  if (!r.tracker.isQuorumActive()) {
    r.logger?.warning(`${hex(r.id)} stepped down to follower since quorum is not active`);
    r.becomeFollower(r.term, NO_NODE);
  }
  const self = r.tracker.progress.get(r.id);
  for (const progress of r.tracker.progress.values()) {
    if (progress !== self) progress.recentActive = false;
  }
}

function handleAppendRejection(r: RaftState, m: Message, progress: Progress): void {
  r.logger?.debug(
    `${hex(r.id)} received MsgAppResp(rejected, hint: (index ${m.rejectHint}, ` +
      `term ${m.logTerm})) from ${hex(m.from)} for index ${m.index}`,
  );
  let next = m.rejectHint;
  if (m.logTerm > 0) {
    // The follower has nothing of a term above logTerm there, so neither can we match above it.
    next = r.log.findConflictByTerm(m.rejectHint, m.logTerm).index;
  }
  if (!progress.maybeDecrease(m.index, next)) return;
  r.logger?.debug(`${hex(r.id)} decreased progress of ${hex(m.from)} to [${progress.toString()}]`);
  if (progress.state === "StateReplicate") progress.becomeProbe();
  sendAppend(r, m.from);
}

/**
 * Sends a follower the snapshot that it has asked for, if storage has one; if not, each answer of
 * the follower tries again, and until then it gets no appends, for it would not take them.
 */
function handleSnapshotRequest(r: RaftState, m: Message, progress: Progress): void {
  r.logger?.debug(
    `${hex(r.id)} received request for a snapshot of index ${m.requestSnapshot} from ` +
      `${hex(m.from)} [${progress.toString()}]`,
  );
  if (progress.state === "StateSnapshot") return; // one is on its way
  if (progress.state === "StateReplicate") progress.becomeProbe();
  progress.requestedSnapshot = m.requestSnapshot;
  progress.msgAppFlowPaused = false;
  sendAppend(r, m.from);
}

function handleAppendAck(r: RaftState, m: Message, progress: Progress): void {
  const isNews = progress.maybeUpdate(m.index);
  // A probed follower that acknowledges what it already had can be replicated to again.
  if (!isNews && !(progress.matchIndex === m.index && progress.state === "StateProbe")) return;
  if (progress.state === "StateProbe") {
    progress.becomeReplicate();
  } else if (progress.state === "StateReplicate") {
    progress.inflights.freeThrough(m.index);
  } else if (progress.matchIndex + 1 >= r.log.firstIndex()) {
    // Whatever snapshot was sent, the follower has reached our log: go on from there.
    r.logger?.debug(
      `${hex(r.id)} recovered from needing snapshot, resumed sending replication messages to ` +
        `${hex(m.from)} [${progress.toString()}]`,
    );
    progress.becomeProbe();
    progress.becomeReplicate();
  }
  if (r.maybeCommit()) {
    releasePendingReads(r);
    broadcastAppend(r);
  } else if (m.from !== r.id && progress.canBumpCommit(r.log.committed)) {
    sendAppend(r, m.from);
  }
  if (m.from !== r.id) sendAllAppends(r, m.from);
  if (m.from === r.leadTransferee && progress.matchIndex === r.log.lastIndex()) {
    r.logger?.info(`${hex(r.id)} sent MsgTimeoutNow to ${hex(m.from)} after received MsgAppResp`);
    sendTimeoutNow(r, m.from);
  }
}

function handleHeartbeatResponse(r: RaftState, m: Message, progress: Progress): void {
  progress.recentActive = true;
  progress.msgAppFlowPaused = false;
  // An answer without the wish says that it has ended.
  if (progress.state !== "StateSnapshot") progress.requestedSnapshot = m.requestSnapshot;
  // With a full window this sends an empty append; its rejection frees a follower that lost
  // everything in the window.
  if (
    progress.matchIndex < r.log.lastIndex() ||
    progress.state === "StateProbe" ||
    progress.requestedSnapshot !== 0
  ) {
    sendAppend(r, m.from);
  }
  confirmReads(r, m);
}

function handleSnapshotStatus(r: RaftState, m: Message, progress: Progress): void {
  if (progress.state !== "StateSnapshot") return;
  if (m.reject) progress.pendingSnapshot = 0; // it did not arrive, so nothing is known from it
  progress.becomeProbe();
  r.logger?.debug(
    `${hex(r.id)} snapshot ${m.reject ? "failed" : "succeeded"}, resumed sending replication ` +
      `messages to ${hex(m.from)} [${progress.toString()}]`,
  );
  // After success the follower's own answer comes; after failure a heartbeat interval passes.
  progress.msgAppFlowPaused = true;
}
