/**
 * The entry of every message: terms first, then the messages that every role answers alike, then
 * the role's own.
 *
 * Source: Ongaro thesis 3.3, 3.4, 4.2.3, 9.6; etcd-raft v3.7 `Step`.
 */
import { isTransferContext, startElection, voteResponseOf } from "./campaign.ts";
import { stepCandidate } from "./candidate.ts";
import { entriesSize, payloadsSize } from "./entry-size.ts";
import type { RaftError } from "./errors.ts";
import { stepFollower } from "./follower.ts";
import { stepLeader } from "./leader.ts";
import { hex } from "./logger.ts";
import { noteApplied, noteSnapshotApplied } from "./membership.ts";
import { draft } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import type { Message } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Handles one message; the only way into the state. */
export function stepMessage(r: RaftState, m: Message): RaftError | undefined {
  r.traceMessage("Receive", m);
  // Term 0 is a local message.
  if (m.term > r.term) {
    if (isRefusedByLease(r, m)) return undefined;
    adoptTerm(r, m);
  } else if (m.term !== 0 && m.term < r.term) {
    stepOldTerm(r, m);
    return undefined;
  }
  switch (m.type) {
    case "MsgHup":
      startElection(r, r.config.preVote ? "pre-election" : "election");
      return undefined;
    case "MsgStorageAppendResp":
      if (m.index !== 0) r.log.unstable.stableTo({ index: m.index, term: m.logTerm });
      if (m.snapshot !== undefined) noteSnapshotApplied(r, m.snapshot);
      return undefined;
    case "MsgStorageApplyResp":
      stepApplied(r, m);
      return undefined;
    case "MsgVote":
    case "MsgPreVote":
      answerVote(r, m);
      return undefined;
    default:
      return stepRole(r, m);
  }
}

function stepRole(r: RaftState, m: Message): RaftError | undefined {
  switch (r.state) {
    case "StateLeader":
      return stepLeader(r, m);
    case "StateFollower":
      return stepFollower(r, m);
    default:
      return stepCandidate(r, m);
  }
}

/**
 * With check-quorum a vote request is ignored, not even its term is taken, while a leader was
 * heard of within the shortest election timeout: a node that comes back must not depose a leader
 * that serves a majority. An election that the leader has ordered is let through.
 */
function isRefusedByLease(r: RaftState, m: Message): boolean {
  if (m.type !== "MsgVote" && m.type !== "MsgPreVote") return false;
  const { checkQuorum, electionTicks } = r.config;
  const inLease = checkQuorum && r.lead !== NO_NODE && r.electionElapsed < electionTicks;
  if (!inLease || isTransferContext(m.context)) return false;
  r.logger?.info(
    `${describeVoter(r)} ignored ${describeRequest(m)} at term ${r.term}: lease is not expired ` +
      `(remaining ticks: ${electionTicks - r.electionElapsed})`,
  );
  return true;
}

function adoptTerm(r: RaftState, m: Message): void {
  // A pre-vote asks about a term that nobody has entered yet, and its granted answer repeats it.
  if (m.type === "MsgPreVote" || (m.type === "MsgPreVoteResp" && !m.reject)) return;
  r.logger?.info(
    `${hex(r.id)} [term: ${r.term}] received a ${m.type} message with higher term from ` +
      `${hex(m.from)} [term: ${m.term}]`,
  );
  const isFromLeader = m.type === "MsgApp" || m.type === "MsgHeartbeat" || m.type === "MsgSnap";
  r.becomeFollower(m.term, isFromLeader ? m.from : NO_NODE);
}

function stepOldTerm(r: RaftState, m: Message): void {
  const { checkQuorum, preVote } = r.config;
  if ((checkQuorum || preVote) && (m.type === "MsgHeartbeat" || m.type === "MsgApp")) {
    // This node has a higher term and its vote requests are ignored; without an answer the
    // leader would never learn of that term, and this node would stay out for good.
    r.send(draft("MsgAppResp", m.from));
  } else if (m.type === "MsgPreVote") {
    // Silence could leave two nodes, one with pre-vote and one without, waiting for each other.
    r.logger?.info(`${describeVoter(r)} rejected ${describeRequest(m)} at term ${r.term}`);
    const response = draft("MsgPreVoteResp", m.from);
    response.term = r.term;
    response.reject = true;
    r.send(response);
  } else if (m.type === "MsgStorageAppendResp") {
    // The entries that were written may have been replaced since by others of the same index
    // and term, sent again by a later leader: this answer cannot tell. A snapshot can only have
    // been installed.
    if (m.index !== 0) {
      r.logger?.info(
        `${hex(r.id)} [term: ${r.term}] ignored entry appends from a ${m.type} message with ` +
          `lower term [term: ${m.term}]`,
      );
    }
    if (m.snapshot !== undefined) noteSnapshotApplied(r, m.snapshot);
  } else {
    r.logger?.info(
      `${hex(r.id)} [term: ${r.term}] ignored a ${m.type} message with lower term from ` +
        `${hex(m.from)} [term: ${m.term}]`,
    );
  }
}

function answerVote(r: RaftState, m: Message): void {
  const canVote =
    r.vote === m.from || // again: the answer may have been lost
    (r.vote === NO_NODE && r.lead === NO_NODE) ||
    (m.type === "MsgPreVote" && m.term > r.term);
  // A learner votes too: it may have been promoted without knowing it yet, and refusing could
  // leave a group without a majority.
  const granted = canVote && r.log.isUpToDate(m.logTerm, m.index) && !yieldsToUs(r, m);
  const response = draft(voteResponseOf(m.type), m.from);
  r.logger?.info(
    granted
      ? `${describeVoter(r)} cast ${m.type} for ${describePlace(m)} at term ${r.term}`
      : `${describeVoter(r)} rejected ${describeRequest(m)} at term ${r.term}`,
  );
  // A granted pre-vote carries the term that was asked about: the pre-candidate's own term is
  // lower, and it would ignore an answer with ours if we had fallen behind.
  response.term = granted ? m.term : r.term;
  response.reject = !granted;
  r.send(response);
  if (granted && m.type === "MsgVote") {
    r.electionElapsed = 0;
    r.vote = m.from;
  }
}

/**
 * True if this node would rather lead itself. A candidate with a newer log is never held up: this
 * node could not win against it, and the group might stay without a leader.
 */
function yieldsToUs(r: RaftState, m: Message): boolean {
  if (m.priority >= r.priority) return false;
  return m.logTerm === r.log.lastTerm() && m.index === r.log.lastIndex();
}

function stepApplied(r: RaftState, m: Message): void {
  const last = m.entries.at(-1);
  if (last === undefined) return;
  noteApplied(r, last.index, entriesSize(m.entries));
  r.releaseUncommitted(payloadsSize(m.entries));
}

function describeVoter(r: RaftState): string {
  const last = r.log.lastEntryId();
  return `${hex(r.id)} [logterm: ${last.term}, index: ${last.index}, vote: ${hex(r.vote)}]`;
}

function describePlace(m: Message): string {
  return `${hex(m.from)} [logterm: ${m.logTerm}, index: ${m.index}]`;
}

function describeRequest(m: Message): string {
  return `${m.type} from ${describePlace(m)}`;
}
