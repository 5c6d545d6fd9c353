/**
 * Handing leadership to a chosen follower.
 *
 * The leader stops taking proposals, brings the follower up to date, and tells it to campaign at
 * once. The leader keeps its office until it sees the higher term, and takes proposals again if
 * nothing has happened within one election timeout.
 *
 * Source: Ongaro thesis 3.10; etcd-raft v3.7.
 */
import { hex } from "./logger.ts";
import { draft } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./raft-state.ts";
import { sendAppend } from "./replication.ts";
import { NO_NODE } from "./types.ts";

/** Starts handing leadership to `to`, instead of to whom it was being handed. */
export function transferLeadership(r: RaftState, to: number, progress: Progress): void {
  const id = hex(r.id);
  if (progress.isLearner) {
    r.logger?.debug(`${id} is learner. Ignored transferring leadership`);
    return;
  }
  if (r.leadTransferee !== NO_NODE) {
    if (r.leadTransferee === to) {
      r.logger?.info(
        `${id} [term ${r.term}] transfer leadership to ${hex(to)} is in progress, ` +
          `ignores request to same node ${hex(to)}`,
      );
      return;
    }
    const before = r.leadTransferee;
    r.leadTransferee = NO_NODE;
    r.logger?.info(
      `${id} [term ${r.term}] abort previous transferring leadership to ${hex(before)}`,
    );
  }
  if (to === r.id) {
    r.logger?.debug(`${id} is already leader. Ignored transferring leadership to self`);
    return;
  }
  r.logger?.info(`${id} [term ${r.term}] starts to transfer leadership to ${hex(to)}`);
  r.electionElapsed = 0;
  r.leadTransferee = to;
  if (progress.matchIndex === r.log.lastIndex()) {
    sendTimeoutNow(r, to);
    r.logger?.info(
      `${id} sends MsgTimeoutNow to ${hex(to)} immediately as ${hex(to)} already has ` +
        "up-to-date log",
    );
  } else {
    sendAppend(r, to);
  }
}

/** Tells `to` to campaign now. */
export function sendTimeoutNow(r: RaftState, to: number): void {
  r.send(draft("MsgTimeoutNow", to));
}
