/**
 * Linearizable reads without a write: find an index that every later read must have applied.
 *
 * A leader that was deposed does not know it; so in the safe form it first asks a quorum whether
 * it still leads. A fresh leader does not know how far its predecessor committed; so reads wait
 * until it has committed an entry of its own.
 *
 * Source: Ongaro thesis 6.4; etcd-raft v3.7.
 */
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { PENDING_READS_MAX } from "./read-only.ts";
import { broadcastHeartbeat } from "./replication.ts";
import type { Message } from "./types.ts";
import { EMPTY_DATA, NO_NODE } from "./types.ts";

/** Takes a read at the leader. Above PENDING_READS_MAX waiting reads it is dropped. */
export function handleReadIndex(r: RaftState, m: Message): void {
  if (r.pendingReads.length + r.readOnly.waitingCount >= PENDING_READS_MAX) {
    r.logger?.warning(
      `${hex(r.id)} has ${PENDING_READS_MAX} reads waiting; dropping index reading msg`,
    );
    return;
  }
  if (!r.hasCommittedInTerm()) {
    r.pendingReads.push(m);
    return;
  }
  startRead(r, m);
}

/** Starts the reads that waited for the first commit of the term. */
export function releasePendingReads(r: RaftState): void {
  if (r.pendingReads.length === 0) return;
  if (!r.hasCommittedInTerm()) {
    r.logger?.error(
      "pending MsgReadIndex should be released only after first commit in current term",
    );
    return;
  }
  const reads = r.pendingReads;
  r.pendingReads = [];
  for (const read of reads) startRead(r, read);
}

/** Takes a follower's answer to a heartbeat that carried a read position. */
export function confirmReads(r: RaftState, m: Message): void {
  if (r.readOnly.option !== "safe" || m.context === undefined || m.context.length === 0) return;
  r.readOnly.acknowledge(m.from, m.context);
  for (const { request, index } of r.readOnly.takeConfirmed(r.tracker.config.voters)) {
    answer(r, request, index);
  }
}

/** Takes the leader's answer at the follower that asked. */
export function handleReadIndexResponse(r: RaftState, m: Message): void {
  const entry = m.entries[0];
  if (entry === undefined || m.entries.length !== 1) {
    r.logger?.error(
      `${hex(r.id)} invalid format of MsgReadIndexResp from ${hex(m.from)}, ` +
        `entries count: ${m.entries.length}`,
    );
    return;
  }
  r.readStates.push({ index: m.index, context: entry.data });
}

function startRead(r: RaftState, m: Message): void {
  // A voter that decides alone has its quorum at once. It too must first have committed in its
  // term, which the reference does not ask: what it acknowledged before a crash can lie above the
  // commit index that it finds on disk.
  if (r.readOnly.option === "lease-based" || isOnlyVoter(r)) {
    answer(r, m, r.log.committed);
    return;
  }
  r.readOnly.add(r.log.committed, m);
  r.readOnly.acknowledge(r.id, r.readOnly.heartbeatContext());
  broadcastHeartbeat(r);
}

function isOnlyVoter(r: RaftState): boolean {
  return r.tracker.isSingleton() && r.tracker.config.voters[0].has(r.id);
}

function answer(r: RaftState, request: Message, index: number): void {
  if (request.from === NO_NODE || request.from === r.id) {
    r.readStates.push({ index, context: request.entries[0]?.data ?? EMPTY_DATA });
    return;
  }
  const response = draft("MsgReadIndexResp", request.from);
  response.index = index;
  response.entries = request.entries;
  r.send(response);
}
