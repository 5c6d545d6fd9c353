/**
 * What a candidate or pre-candidate does with a message of its own term.
 *
 * Source: Ongaro thesis 3.4; etcd-raft v3.7 `stepCandidate`.
 */
import { campaign } from "./campaign.ts";
import { RaftError } from "./errors.ts";
import { hex } from "./logger.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend, handleAppend, handleHeartbeat } from "./replication.ts";
import { handleSnapshot } from "./snapshot.ts";
import type { Message } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Handles `m` in StateCandidate or StatePreCandidate. */
export function stepCandidate(r: RaftState, m: Message): RaftError | undefined {
  // An answer to the other kind of election is old: this node has moved on since.
  const awaited = r.state === "StatePreCandidate" ? "MsgPreVoteResp" : "MsgVoteResp";
  switch (m.type) {
    case "MsgProp":
      r.logger?.info(`${hex(r.id)} no leader at term ${r.term}; dropping proposal`);
      return new RaftError("proposal-dropped");
    case "MsgApp":
      r.becomeFollower(m.term, m.from);
      handleAppend(r, m);
      break;
    case "MsgHeartbeat":
      r.becomeFollower(m.term, m.from);
      handleHeartbeat(r, m);
      break;
    case "MsgSnap":
      r.becomeFollower(m.term, m.from);
      handleSnapshot(r, m);
      break;
    case "MsgVoteResp":
    case "MsgPreVoteResp":
      if (m.type === awaited) countVote(r, m);
      break;
    case "MsgTimeoutNow":
      r.logger?.debug(
        `${hex(r.id)} [term ${r.term} state ${r.state}] ignored MsgTimeoutNow from ${hex(m.from)}`,
      );
      break;
    default:
  }
  return undefined;
}

function countVote(r: RaftState, m: Message): void {
  const kind = m.reject ? `${m.type} rejection` : m.type;
  r.logger?.info(`${hex(r.id)} received ${kind} from ${hex(m.from)} at term ${r.term}`);
  r.tracker.recordVote(m.from, !m.reject);
  const { granted, rejected, result } = r.tracker.tallyVotes();
  r.logger?.info(
    `${hex(r.id)} has received ${granted} ${m.type} votes and ${rejected} vote rejections`,
  );
  if (result === "VoteWon") {
    if (r.state === "StatePreCandidate") {
      campaign(r, "election");
    } else {
      r.becomeLeader();
      broadcastAppend(r);
    }
  } else if (result === "VoteLost") {
    // The answer to a pre-vote carries a future term; this node stays in its own.
    r.becomeFollower(r.term, NO_NODE);
  }
}
