/**
 * Replacing the log and the state by a snapshot from the leader.
 *
 * Source: Ongaro thesis 5; etcd-raft v3.7 `handleSnapshot`.
 */
import { describeConfState } from "./describe.ts";
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import { restoreConfState } from "./membership.ts";
import type { RaftState } from "./raft-state.ts";
import type { Message, Snapshot } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Takes a snapshot; the answer says how far the log is now known to match. */
export function handleSnapshot(r: RaftState, m: Message): void {
  const response = draft("MsgAppResp", m.from);
  const { snapshot } = m;
  if (snapshot !== undefined && restore(r, snapshot)) {
    r.logger?.info(`${position(r)} restored snapshot ${place(snapshot)}`);
    response.index = r.log.lastIndex();
  } else {
    if (snapshot !== undefined) {
      r.logger?.info(`${position(r)} ignored snapshot ${place(snapshot)}`);
    }
    response.index = r.log.committed;
  }
  r.send(response);
}

/** False if the snapshot is not needed or cannot be for this node. */
export function restore(r: RaftState, snapshot: Snapshot): boolean {
  // A follower that has asked for a snapshot does not trust the log it has, so it takes one of
  // the same index too.
  const isAskedFor = r.requestedSnapshot !== 0 && snapshot.index >= r.requestedSnapshot;
  if (snapshot.index < r.log.committed) return false;
  if (snapshot.index === r.log.committed && !isAskedFor) return false;
  if (r.state !== "StateFollower") {
    // A leader or candidate has stepped down before this is called; a mistake here would
    // discard entries that count, so it gives up its role instead.
    r.logger?.warning(`${hex(r.id)} attempted to restore snapshot as leader; should never happen`);
    r.becomeFollower(r.term + 1, NO_NODE);
    return false;
  }
  if (!isMember(r.id, snapshot)) {
    r.logger?.warning(
      `${hex(r.id)} attempted to restore snapshot but it is not in the ConfState ` +
        `${describeConfState(snapshot.confState)}; should never happen`,
    );
    return false;
  }
  if (!isAskedFor && r.log.matchTerm(snapshot.index, snapshot.term)) {
    // The log already reaches there; what follows it must not be thrown away.
    r.logger?.info(`${logEnd(r)} fast-forwarded commit to snapshot ${place(snapshot)}`);
    r.log.commitTo(snapshot.index);
    return false;
  }
  r.requestedSnapshot = 0;
  r.log.restore(snapshot);
  restoreConfState(r, snapshot.confState);
  r.logger?.info(`${logEnd(r)} restored snapshot ${place(snapshot)}`);
  return true;
}

function isMember(id: number, { confState }: Snapshot): boolean {
  // Coming learners are outgoing voters, so they are covered.
  return (
    confState.voters.includes(id) ||
    confState.learners.includes(id) ||
    confState.votersOutgoing.includes(id)
  );
}

function place(snapshot: Snapshot): string {
  return `[index: ${snapshot.index}, term: ${snapshot.term}]`;
}

function position(r: RaftState): string {
  return `${hex(r.id)} [commit: ${r.log.committed}]`;
}

function logEnd(r: RaftState): string {
  return (
    `${hex(r.id)} [commit: ${r.log.committed}, lastindex: ${r.log.lastIndex()}, ` +
    `lastterm: ${r.log.lastTerm()}]`
  );
}
