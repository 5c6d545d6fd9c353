/**
 * A follower asks for a snapshot that its leader would not send by itself.
 *
 * The leader goes by what the follower has acknowledged. When the disk has lost or damaged some of
 * that, or the state that was made from it, only the follower knows. It must not go on from there:
 * until the snapshot comes it takes no appends, and each answer to the leader repeats the wish, so
 * neither a lost message nor a restarted transfer can lose it.
 *
 *   Q1  the snapshot reaches the end of the log that the follower had when it asked, so nothing
 *       that it has ever acknowledged is missing afterwards
 *   Q2  the wish ends with the term and after SNAPSHOT_REQUEST_TIMEOUTS: a leader that has no such
 *       snapshot may need this very follower's acknowledgement to get there
 *
 * Source: raft-rs `request_snapshot` (Q2 is our own: there the wish has no end).
 */
import { RaftError } from "./errors.ts";
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { NO_NODE } from "./types.ts";

/** Election timeouts after which a wish for a snapshot lapses; the host may ask again. */
export const SNAPSHOT_REQUEST_TIMEOUTS = 100;

/** Asks for a snapshot. Refuses with `snapshot-request-dropped`. */
export function requestSnapshot(r: RaftState): RaftError | undefined {
  const refusal = refusalOf(r);
  if (refusal !== undefined) {
    r.logger?.info(`${hex(r.id)} [term ${r.term}] ${refusal}; dropping request snapshot`);
    return new RaftError("snapshot-request-dropped");
  }
  // At least 1: the snapshot of an empty log would be empty.
  r.requestedSnapshot = Math.max(1, r.log.lastIndex());
  r.requestElapsed = 0;
  sendSnapshotRequest(r);
  return undefined;
}

function refusalOf(r: RaftState): string | undefined {
  if (r.state === "StateLeader") return "is leader";
  if (r.lead === NO_NODE) return "no leader";
  if (r.log.hasNextOrInProgressSnapshot()) return "there is a pending snapshot";
  if (r.requestedSnapshot !== 0) return "there is a pending snapshot request";
  return undefined;
}

/** Tells the leader of the wish, in place of an answer to an append. */
export function sendSnapshotRequest(r: RaftState): void {
  const message = draft("MsgAppResp", r.lead);
  const last = r.log.lastEntryId();
  message.index = r.log.committed;
  message.reject = true;
  message.rejectHint = last.index;
  message.logTerm = last.term;
  message.requestSnapshot = r.requestedSnapshot;
  r.send(message);
}

/** A tick passes while a snapshot is wished for. */
export function tickSnapshotRequest(r: RaftState): void {
  r.requestElapsed += 1;
  if (r.requestElapsed < SNAPSHOT_REQUEST_TIMEOUTS * r.config.electionTicks) return;
  r.logger?.info(
    `${hex(r.id)} [term ${r.term}] gave up its request for a snapshot of index ` +
      `${r.requestedSnapshot} after ${r.requestElapsed} ticks`,
  );
  r.requestedSnapshot = 0; // Q2
}
