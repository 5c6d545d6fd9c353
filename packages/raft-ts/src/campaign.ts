/**
 * Starting an election.
 *
 * Source: Ongaro thesis 3.4, 9.6 (pre-vote), 3.10 (transfer); etcd-raft v3.7 `hup`, `campaign`.
 */
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import { jointIds } from "./quorum-joint.ts";
import type { RaftState } from "./raft-state.ts";
import type { MessageType } from "./types.ts";

/** An election may first ask whether it could be won, and may be ordered by the leader. */
export type CampaignType = "pre-election" | "election" | "transfer";

/** Context of a vote request that the old leader itself has ordered: leases do not count. */
export const CAMPAIGN_TRANSFER: Uint8Array = Uint8Array.from(
  "CampaignTransfer",
  (char) => char.codePointAt(0) ?? 0,
);

/** Entries looked at in one read when searching for membership changes. */
const SCAN_BYTES_MAX = 1024 * 1024;

/** Campaigns if this node may. */
export function startElection(r: RaftState, type: CampaignType): void {
  const id = hex(r.id);
  if (r.state === "StateLeader") {
    r.logger?.debug(`${id} ignoring MsgHup because already leader`);
    return;
  }
  if (!r.isPromotable()) {
    r.logger?.warning(`${id} is unpromotable and can not campaign`);
    return;
  }
  if (hasUnappliedConfChange(r)) {
    r.logger?.warning(
      `${id} cannot campaign at term ${r.term} since there are still pending configuration ` +
        "changes to apply",
    );
    return;
  }
  r.logger?.info(`${id} is starting a new election at term ${r.term}`);
  campaign(r, type);
}

/** Asks every voter, itself included, for its vote. */
export function campaign(r: RaftState, type: CampaignType): void {
  const request: MessageType = type === "pre-election" ? "MsgPreVote" : "MsgVote";
  if (type === "pre-election") r.becomePreCandidate();
  else r.becomeCandidate();
  // A pre-candidate asks about the term it would enter and stays in its own.
  const term = type === "pre-election" ? r.term + 1 : r.term;
  const last = r.log.lastEntryId();
  for (const id of jointIds(r.tracker.config.voters)) {
    if (id === r.id) {
      // Its own vote counts when it is durable, so it goes the way of every other answer.
      const own = draft(voteResponseOf(request), id);
      own.term = term;
      r.send(own);
      continue;
    }
    r.logger?.info(
      `${hex(r.id)} [logterm: ${last.term}, index: ${last.index}] sent ${request} request to ` +
        `${hex(id)} at term ${r.term}`,
    );
    const message = draft(request, id);
    message.term = term;
    message.index = last.index;
    message.logTerm = last.term;
    message.priority = r.priority;
    if (type === "transfer") message.context = CAMPAIGN_TRANSFER;
    r.send(message);
  }
}

/** The type of the answer to a vote request. */
export function voteResponseOf(request: MessageType): "MsgVoteResp" | "MsgPreVoteResp" {
  return request === "MsgPreVote" ? "MsgPreVoteResp" : "MsgVoteResp";
}

/** True if the request says that the old leader has ordered the election. */
export function isTransferContext(context: Uint8Array | undefined): boolean {
  return (
    context !== undefined &&
    context.length === CAMPAIGN_TRANSFER.length &&
    CAMPAIGN_TRANSFER.every((byte, i) => byte === context[i])
  );
}

/**
 * True if a committed membership change is not applied here, or may not be: a node that campaigns
 * with an old configuration could count the wrong majority. Entries that must be read from disk
 * first count as such a change; the next election timeout asks again.
 */
function hasUnappliedConfChange(r: RaftState): boolean {
  let from = r.log.applied + 1;
  while (from <= r.log.committed) {
    const entries = r.log.slice(from, r.log.committed + 1, SCAN_BYTES_MAX);
    if (entries === "temporarily-unavailable") return true;
    // Compacted means applied and in a snapshot that is being installed.
    if (typeof entries === "string" || entries.length === 0) return false;
    if (entries.some((entry) => entry.type !== "EntryNormal")) return true;
    from += entries.length;
  }
  return false;
}
