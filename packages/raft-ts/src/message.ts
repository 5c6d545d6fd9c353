/**
 * Making messages.
 *
 * All messages are made here with all their fields, so that every one of them has the same hidden
 * class: the code that reads them sits on the hottest path of the process.
 */
import type { Entry, Message, MessageType } from "./types.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, NO_ENTRIES, NO_MESSAGES } from "./types.ts";

/** A message that is still being filled in. */
export type MessageDraft = { -readonly [K in keyof Message]: Message[K] };

/** A message of `type` to `to` with everything else at 0. */
export function draft(type: MessageType, to: number, from = 0): MessageDraft {
  return {
    type,
    to,
    from,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    vote: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: undefined,
    priority: 0,
    requestSnapshot: 0,
    responses: NO_MESSAGES,
  };
}

/** A complete message; fields that are not given are 0, empty or absent. */
export function makeMessage(fields: Partial<Message> & { readonly type: MessageType }): Message {
  return { ...draft(fields.type, 0), ...fields };
}

/** An entry that was proposed and has no place in the log yet. */
export function proposedEntry(data: Uint8Array, type: Entry["type"] = "EntryNormal"): Entry {
  return { term: 0, index: 0, type, data };
}

const LOCAL: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgHup",
  "MsgBeat",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
]);

const RESPONSES: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgAppResp",
  "MsgVoteResp",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgReadIndexResp",
  "MsgPreVoteResp",
  "MsgStorageAppendResp",
  "MsgStorageApplyResp",
]);

/** True for types that never travel between nodes. */
export function isLocalMessage(type: MessageType): boolean {
  return LOCAL.has(type);
}

/** True for types that answer something this node sent. */
export function isResponseMessage(type: MessageType): boolean {
  return RESPONSES.has(type);
}

/** True for the two ids that stand for a node's own storage. */
export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}
