/**
 * Getting the leader's log to the others, and taking it from a leader.
 *
 * Source: Ongaro thesis 3.5, 3.5's note on faster log repair; etcd-raft v3.7 `raft`.
 */
import { payloadsSize } from "./entry-size.ts";
import { RaftPanic } from "./errors.ts";
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./raft-state.ts";
import { sendSnapshotRequest } from "./request-snapshot.ts";
import type { Entry, Message } from "./types.ts";
import { NO_ENTRIES, NO_NODE } from "./types.ts";

/** Sends the next append to `to`, empty if there is nothing, unless the follower is paused. */
export function sendAppend(r: RaftState, to: number): void {
  maybeSendAppend(r, to, true);
}

/**
 * Sends the next append, or a snapshot where the log no longer reaches back. False if nothing
 * was sent; an empty append is sent only with `sendIfEmpty`, to carry a commit index or to probe.
 */
export function maybeSendAppend(r: RaftState, to: number, sendIfEmpty: boolean): boolean {
  const progress = r.tracker.progress.get(to);
  if (progress === undefined || progress.isPaused()) return false;
  if (progress.requestedSnapshot !== 0) return maybeSendSnapshot(r, to, progress);
  const prevIndex = progress.nextIndex - 1;
  const prevTerm = r.log.term(prevIndex);
  if (typeof prevTerm !== "number") return maybeSendSnapshot(r, to, progress);
  let entries: readonly Entry[] = NO_ENTRIES;
  // A full window lets only empty appends through: they keep a follower alive that lost all the
  // appends that filled it.
  if (progress.state !== "StateReplicate" || !progress.inflights.isFull()) {
    const read = r.log.entries(progress.nextIndex, r.config.maxSizePerMsg);
    if (read === "temporarily-unavailable") {
      r.awaitingEntries.add(to);
      return false;
    }
    if (typeof read === "string") return maybeSendSnapshot(r, to, progress);
    entries = read;
  }
  if (entries.length === 0 && !sendIfEmpty) return false;
  const message = draft("MsgApp", to);
  message.index = prevIndex;
  message.logTerm = prevTerm;
  message.entries = entries;
  message.commit = r.log.committed;
  r.send(message);
  progress.noteAppendSent(entries.length, payloadsSize(entries));
  progress.sentCommit = r.log.committed;
  return true;
}

/** Sends whatever fits in the window of `to`. */
export function sendAllAppends(r: RaftState, to: number): void {
  let sent = true;
  while (sent) sent = maybeSendAppend(r, to, false);
}

function maybeSendSnapshot(r: RaftState, to: number, progress: Progress): boolean {
  if (!progress.recentActive) {
    r.logger?.debug(`ignore sending snapshot to ${hex(to)} since it is not recently active`);
    return false;
  }
  const snapshot = r.log.snapshot(progress.requestedSnapshot);
  if (snapshot === "temporarily-unavailable" || snapshot.index < progress.requestedSnapshot) {
    r.logger?.debug(
      `${hex(r.id)} failed to send snapshot to ${hex(to)} because snapshot is temporarily ` +
        "unavailable",
    );
    return false;
  }
  if (snapshot.index === 0) throw new RaftPanic("need non-empty snapshot");
  r.logger?.debug(
    `${hex(r.id)} [firstindex: ${r.log.firstIndex()}, commit: ${r.log.committed}] sent ` +
      `snapshot[index: ${snapshot.index}, term: ${snapshot.term}] to ${hex(to)} ` +
      `[${progress.toString()}]`,
  );
  progress.becomeSnapshot(snapshot.index);
  r.logger?.debug(
    `${hex(r.id)} paused sending replication messages to ${hex(to)} [${progress.toString()}]`,
  );
  const message = draft("MsgSnap", to);
  message.snapshot = snapshot;
  r.send(message);
  return true;
}

/** Sends an append to every other node, in ascending order of ids. */
export function broadcastAppend(r: RaftState): void {
  for (const id of r.tracker.progress.keys()) {
    if (id !== r.id) sendAppend(r, id);
  }
}

/** Sends a heartbeat to every other node, carrying the position of the newest waiting read. */
export function broadcastHeartbeat(r: RaftState): void {
  const context = r.readOnly.heartbeatContext();
  if (context === undefined && maybeRepeatHeartbeats(r)) return;
  const round: Message[] = [];
  for (const [id, progress] of r.tracker.progress) {
    if (id === r.id) continue;
    // A follower may not hold what is committed; it must not be told of more than it has.
    const commit = Math.min(progress.matchIndex, r.log.committed);
    const message = draft("MsgHeartbeat", id);
    message.commit = commit;
    message.context = context;
    r.send(message);
    progress.sentCommit = commit;
    round.push(message);
  }
  if (context === undefined) r.heartbeats = round;
}

/** Sends the round of before again if every heartbeat in it would be made the same. */
function maybeRepeatHeartbeats(r: RaftState): boolean {
  const { heartbeats } = r;
  const { progress } = r.tracker;
  const peers = progress.has(r.id) ? progress.size - 1 : progress.size;
  if (heartbeats.length !== peers) return false;
  // By place and by id: an iterator makes an object for every step, and one over a map makes two.
  for (let at = 0; at < peers; at += 1) {
    const before = heartbeats[at];
    const one = progress.get(before?.to ?? NO_NODE);
    if (one === undefined || before === undefined || before.term !== r.term) return false;
    const commit = Math.min(one.matchIndex, r.log.committed);
    if (before.commit !== commit) return false;
    one.sentCommit = commit; // as it would be if the rest of the round must be made anew
  }
  if (peers > 0) r.sendAgain(heartbeats);
  return true;
}

/** Takes a leader's append, or says where the logs part (thesis 3.5). */
export function handleAppend(r: RaftState, m: Message): void {
  if (r.requestedSnapshot !== 0) {
    sendSnapshotRequest(r);
    return;
  }
  const response = draft("MsgAppResp", m.from);
  if (m.index < r.log.committed) {
    response.index = r.log.committed;
    r.send(response);
    return;
  }
  const last = r.log.maybeAppend(m.index, m.logTerm, m.entries, m.commit);
  if (last !== undefined) {
    response.index = last;
    r.send(response);
    return;
  }
  r.logger?.debug(
    `${hex(r.id)} [logterm: ${r.log.termOrZero(m.index)}, index: ${m.index}] rejected MsgApp ` +
      `[logterm: ${m.logTerm}, index: ${m.index}] from ${hex(m.from)}`,
  );
  // Skip our whole tail of terms above the leader's: none of it can match. The leader does the
  // same with the term we report, so a repair takes one exchange per term and not per entry.
  const hint = r.log.findConflictByTerm(Math.min(m.index, r.log.lastIndex()), m.logTerm);
  response.index = m.index;
  response.reject = true;
  response.rejectHint = hint.index;
  response.logTerm = hint.term;
  r.send(response);
}

/** Takes a leader's heartbeat. */
export function handleHeartbeat(r: RaftState, m: Message): void {
  r.log.commitTo(m.commit);
  const before = r.heartbeatAnswer[0];
  if (
    m.context === undefined &&
    before?.to === m.from &&
    before.term === r.term &&
    before.requestSnapshot === r.requestedSnapshot
  ) {
    r.sendAgain(r.heartbeatAnswer);
    return;
  }
  const response = draft("MsgHeartbeatResp", m.from);
  response.context = m.context;
  response.requestSnapshot = r.requestedSnapshot;
  r.send(response);
  if (m.context === undefined) r.heartbeatAnswer = [response];
}
