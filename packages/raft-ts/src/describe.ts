/**
 * Messages, entries and Readies as text, in the exact form of the reference's scenario files.
 *
 * Source: etcd-raft v3.7 `util`; reference notes on printing: ids of messages in hexadecimal,
 * those of soft and hard state in decimal, zero fields left out.
 */
import type { ConfChangeSingle } from "./conf-change.ts";
import { confChangeOfEntry, type ConfChange } from "./conf-change-codec.ts";
import { hex } from "./logger.ts";
import type { Ready } from "./ready.ts";
import {
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  NO_NODE,
  type ConfState,
  type Entry,
  type HardState,
  type Message,
  type Snapshot,
  type SoftState,
} from "./types.ts";

export type EntryFormatter = (data: Uint8Array) => string;

/** The payload as a quoted string; bytes outside of printable ASCII are escaped. */
export function quoteBytes(data: Uint8Array): string {
  let text = '"';
  for (const byte of data) {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === "\\") text += `\\${char}`;
    else if (byte === 10) text += "\\n";
    else if (byte === 9) text += "\\t";
    else if (byte === 13) text += "\\r";
    else if (byte < 32 || byte > 126) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += char;
  }
  return `${text}"`;
}

export function describeSoftState(state: SoftState): string {
  return `Lead:${state.lead} State:${state.raftState}`;
}

export function describeHardState(state: HardState): string {
  const vote = state.vote === 0 ? "" : ` Vote:${state.vote}`;
  return `Term:${state.term}${vote} Commit:${state.commit}`;
}

export function describeConfState(state: ConfState): string {
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} ` +
    `Learners:${list(state.learners)} LearnersNext:${list(state.learnersNext)} ` +
    `AutoLeave:${state.autoLeave}`
  );
}

export function describeSnapshot(snapshot: Snapshot): string {
  return (
    `Index:${snapshot.index} Term:${snapshot.term} ` +
    `ConfState:${describeConfState(snapshot.confState)}`
  );
}

export function describeConfChanges(changes: readonly ConfChangeSingle[]): string {
  const letters = {
    ConfChangeAddNode: "v",
    ConfChangeAddLearnerNode: "l",
    ConfChangeRemoveNode: "r",
    ConfChangeUpdateNode: "u",
  } as const;
  return changes.map(({ type, nodeId }) => `${letters[type]}${nodeId}`).join(" ");
}

/** A whole change in the text form of its raftpb message. */
export function describeConfChange(change: ConfChange): string {
  const transition = {
    auto: "ConfChangeTransitionAuto",
    "joint-implicit": "ConfChangeTransitionJointImplicit",
    "joint-explicit": "ConfChangeTransitionJointExplicit",
  }[change.transition];
  const changes = change.changes.map(
    ({ type, nodeId }) => ` changes:{type:${type} node_id:${nodeId}}`,
  );
  return `transition:${transition}${changes.join("")}`;
}

/** `term/index type data`, one line without its end; `format` prints the payload. */
export function describeEntry(entry: Entry, format: EntryFormatter = quoteBytes): string {
  const change = confChangeOfEntry(entry);
  const text = change === undefined ? format(entry.data) : describeConfChanges(change.changes);
  const head = `${entry.term}/${entry.index} ${entry.type}`;
  return text === "" ? head : `${head} ${text}`;
}

export function describeEntries(entries: readonly Entry[], format = quoteBytes): string {
  return entries.map((entry) => `${describeEntry(entry, format)}\n`).join("");
}

export function describeTarget(id: number): string {
  if (id === NO_NODE) return "None";
  if (id === LOCAL_APPEND_THREAD) return "AppendThread";
  return id === LOCAL_APPLY_THREAD ? "ApplyThread" : hex(id);
}

/**
 * A message as etcd-raft's scenario files print it: several lines if it has entries or responses.
 */
export function describeMessage(m: Message, format = quoteBytes, indent = ""): string {
  let text =
    `${indent}${describeTarget(m.from)}->${describeTarget(m.to)} ${m.type} ` +
    `Term:${m.term} Log:${m.logTerm}/${m.index}`;
  if (m.reject) text += ` Rejected (Hint: ${m.rejectHint})`;
  if (m.requestSnapshot !== 0) text += ` RequestSnapshot:${m.requestSnapshot}`;
  if (m.priority !== 0) text += ` Priority:${m.priority}`;
  if (m.commit !== 0) text += ` Commit:${m.commit}`;
  if (m.vote !== 0) text += ` Vote:${m.vote}`;
  const entries = m.entries.map((entry) => describeEntry(entry, format));
  if (entries.length === 1) text += ` Entries:[${entries[0]}]`;
  else if (entries.length > 1) {
    text += ` Entries:[${entries.map((entry) => `\n${indent}  ${entry}`).join("")}\n${indent}]`;
  }
  if (m.snapshot !== undefined && m.snapshot.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(m.snapshot)}`;
  }
  if (m.responses.length === 0) return text;
  const inner = m.responses.map((one) => `\n${describeMessage(one, format, `${indent}  `)}`);
  return `${text} Responses:[${inner.join("")}\n${indent}]`;
}

/** A Ready as etcd-raft's scenario files print it, a line for each part that it has. */
export function describeReady(ready: Ready, format = quoteBytes): string {
  let text = "";
  if (ready.softState !== undefined) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState !== undefined) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) {
    const states = ready.readStates.map(({ index, context }) => `{${index} ${list(context)}}`);
    text += `ReadStates [${states.join(" ")}]\n`;
  }
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries, format)}`;
  if (ready.snapshot !== undefined) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) {
    text += `CommittedEntries:\n${describeEntries(ready.committedEntries, format)}`;
  }
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((m) => `${describeMessage(m, format)}\n`).join("")}`;
  }
  return text === "" ? "<empty Ready>" : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

function list(values: ArrayLike<number>): string {
  return `[${Array.from(values).join(" ")}]`;
}
