/**
 * What a host must do next.
 *
 * Synchronous form: write entries, hard state and snapshot; send the messages; apply the
 * committed entries; call `advance`. Asynchronous form: all of that is in the messages.
 * MsgStorageAppend is work for the log, MsgStorageApply for the state machine; each carries the
 * messages to deliver when its work is done, and work for the same target must be done in order.
 *
 *   A1  responses of a MsgStorageAppend are delivered only after everything in it, and in all
 *       MsgStorageAppend before it, is durable
 *   A2  a MsgStorageAppend without responses needs no sync of its own
 *
 * Source: etcd-raft v3.7 `rawnode`.
 */
import { draft, type MessageDraft } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import type { Entry, HardState, Message, ReadState, Snapshot, SoftState } from "./types.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, NO_MESSAGES } from "./types.ts";

/** One turn's work. */
export interface Ready {
  /** Only when it changed. */
  readonly softState?: SoftState | undefined;
  /** Only when it changed. */
  readonly hardState?: HardState | undefined;
  /** Reads that are confirmed; to be served when their index is applied. */
  readonly readStates: readonly ReadState[];
  /** Entries to append to the log, replacing what is at and after the first of them. */
  readonly entries: readonly Entry[];
  /** Only when one is to be installed: it replaces the log and the applied state. */
  readonly snapshot?: Snapshot | undefined;
  /** Entries to apply to the state machine, in order. */
  readonly committedEntries: readonly Entry[];
  /** To be sent in this order; in the asynchronous form the storage work is among them. */
  readonly messages: readonly Message[];
  /** Entries, term or vote changed: the write must be durable before messages leave. */
  readonly mustSync: boolean;
}

/** True if the write must be durable (a commit index alone can be lost: it is found again). */
export function mustSync(next: HardState, previous: HardState, entries: number): boolean {
  return entries !== 0 || next.vote !== previous.vote || next.term !== previous.term;
}

export function isSameHardState(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}

/** True if the host has to hear back when the write of this Ready is durable. */
export function needsAppendResponse(r: RaftState, snapshot: Snapshot | undefined): boolean {
  return r.log.hasNextOrInProgressUnstableEntries() || snapshot !== undefined;
}

/** The work for the log as a message, or undefined if there is none. */
export function storageAppendMessage(
  r: RaftState,
  entries: readonly Entry[],
  hardState: HardState | undefined,
  snapshot: Snapshot | undefined,
): Message | undefined {
  const isIdle =
    entries.length === 0 &&
    hardState === undefined &&
    snapshot === undefined &&
    r.msgsAfterAppend.length === 0;
  if (isIdle) return undefined;
  const message = draft("MsgStorageAppend", LOCAL_APPEND_THREAD, r.id);
  message.entries = entries;
  if (hardState !== undefined) {
    message.term = hardState.term;
    message.vote = hardState.vote;
    message.commit = hardState.commit;
  }
  message.snapshot = snapshot;
  // The acknowledgements first: a leader that commits by its own one can then send the commit
  // in the same turn in which it learns that its entries are stable.
  message.responses = responsesAfterAppend(r, snapshot);
  return message;
}

function responsesAfterAppend(r: RaftState, snapshot: Snapshot | undefined): readonly Message[] {
  if (needsAppendResponse(r, snapshot)) {
    return [...r.msgsAfterAppend, storageAppendResponse(r, snapshot)];
  }
  // The node keeps an empty queue and goes on filling it: handed out, it would collect promises
  // whose entries are in a later write.
  return r.msgsAfterAppend.length === 0 ? NO_MESSAGES : r.msgsAfterAppend;
}

/** The answer that tells the node which entries and snapshot have become durable. */
export function storageAppendResponse(r: RaftState, snapshot: Snapshot | undefined): MessageDraft {
  const message = draft("MsgStorageAppendResp", r.id, LOCAL_APPEND_THREAD);
  // With the term of now: if it changes before the answer arrives, the entries may have been
  // replaced, put back and be on their way again, and the answer says nothing about that write.
  message.term = r.term;
  if (r.log.hasNextOrInProgressUnstableEntries()) {
    // Not only the entries of this Ready: an answer that was ignored after a change of term
    // would otherwise leave its entries unstable for ever.
    message.index = r.log.lastIndex();
    message.logTerm = r.log.lastTerm();
  }
  message.snapshot = snapshot;
  return message;
}

/** The work for the state machine as a message. */
export function storageApplyMessage(r: RaftState, entries: readonly Entry[]): Message {
  const message = draft("MsgStorageApply", LOCAL_APPLY_THREAD, r.id);
  message.entries = entries;
  message.responses = [storageApplyResponse(r, entries)];
  return message;
}

/** The answer that tells the node what has been applied; it belongs to no term. */
export function storageApplyResponse(r: RaftState, entries: readonly Entry[]): Message {
  const message = draft("MsgStorageApplyResp", r.id, LOCAL_APPLY_THREAD);
  message.entries = entries;
  return message;
}
