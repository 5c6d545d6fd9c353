/**
 * The passing of time, which the core knows only as a count of ticks.
 *
 * An idle tick adds to a counter or two and allocates nothing: a process has thousands of groups.
 * So what the reference does by stepping MsgBeat and MsgCheckQuorum is a call here.
 *
 * Source: etcd-raft v3.7 `tickElection`, `tickHeartbeat`.
 */
import { checkQuorum } from "./leader.ts";
import { maybeLeaveJoint } from "./membership.ts";
import { draft } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { tickSnapshotRequest } from "./request-snapshot.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { stepMessage } from "./step.ts";
import { NO_NODE } from "./types.ts";

/** One tick passes. */
export function tick(r: RaftState): void {
  if (r.state === "StateLeader") tickLeader(r);
  else tickElection(r);
}

function tickElection(r: RaftState): void {
  if (r.requestedSnapshot !== 0) tickSnapshotRequest(r);
  r.electionElapsed += 1;
  if (r.electionElapsed < r.randomizedElectionTicks || !r.isPromotable()) return;
  r.electionElapsed = 0;
  const refused = stepMessage(r, draft("MsgHup", r.id, r.id));
  if (refused !== undefined) r.logger?.debug(`error occurred during MsgHup: ${refused.message}`);
}

function tickLeader(r: RaftState): void {
  r.heartbeatElapsed += 1;
  r.electionElapsed += 1;
  if (r.electionElapsed >= r.config.electionTicks) {
    r.electionElapsed = 0;
    if (r.config.checkQuorum) checkQuorum(r);
    if (!isLeader(r)) return; // the quorum check may have deposed it
    if (r.leadTransferee !== NO_NODE) {
      // A transfer that takes longer than this has failed; proposals are taken again.
      r.leadTransferee = NO_NODE;
      maybeLeaveJoint(r);
    }
  }
  if (r.heartbeatElapsed >= r.config.heartbeatTicks) {
    r.heartbeatElapsed = 0;
    broadcastHeartbeat(r);
  }
}

// A function, because a comparison in place would be narrowed by the one in `tick`.
function isLeader(r: RaftState): boolean {
  return r.state === "StateLeader";
}
