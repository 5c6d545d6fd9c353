/**
 * A membership change as bytes, in the form of raftpb ConfChange and ConfChangeV2.
 *
 * A change travels inside a log entry, the one payload that the core itself must understand. The
 * field numbers are those of raftpb, so a dump of a log reads the same as the reference's.
 *
 *   ConfChange    1 id (unused)  2 type  3 node id  4 context
 *   ConfChangeV2  1 transition   2 changes { 1 type  2 node id }   3 context
 *
 * Every field is a varint or length-delimited; an unknown field or a short buffer is refused.
 */
import type { ConfChangeSingle, ConfChangeType } from "./conf-change.ts";
import { RaftError } from "./errors.ts";
import { isLocalTarget } from "./message.ts";
import type { Entry, EntryType } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

/**
 * When a joint configuration is used: if it is needed ("auto"), always and left by the leader
 * itself ("joint-implicit"), always and left by a further change ("joint-explicit").
 */
export type ConfChangeTransition = "auto" | "joint-implicit" | "joint-explicit";

/** A membership change. No changes at all means: leave the joint configuration. */
export interface ConfChange {
  /** How the joint configuration is used and left. */
  readonly transition: ConfChangeTransition;
  /** Applied in order, as one; at most {@link CONF_CHANGES_MAX}. */
  readonly changes: readonly ConfChangeSingle[];
  /** For the host; the core does not look at it. */
  readonly context: Uint8Array;
}

/** Changes in one ConfChange; more are refused. */
export const CONF_CHANGES_MAX = 1024;

const TYPES: readonly ConfChangeType[] = [
  "ConfChangeAddNode",
  "ConfChangeRemoveNode",
  "ConfChangeUpdateNode",
  "ConfChangeAddLearnerNode",
];

const TRANSITIONS: readonly ConfChangeTransition[] = ["auto", "joint-implicit", "joint-explicit"];

/** The form that leaves a joint configuration: nothing, so that it is never refused for its size. */
export const LEAVE_JOINT: ConfChange = { transition: "auto", changes: [], context: EMPTY_DATA };

/** True if the change is applied through a joint configuration. */
export function usesJoint(change: ConfChange): boolean {
  // One voter more or less keeps quorums intersecting; several do not.
  return change.transition !== "auto" || change.changes.length > 1;
}

/** True if the leader ends the joint configuration by itself. */
export function autoLeaves(change: ConfChange): boolean {
  return change.transition !== "joint-explicit";
}

/** True if the change only ends a joint configuration. */
export function leavesJoint(change: ConfChange): boolean {
  return change.transition === "auto" && change.changes.length === 0;
}

/** The change that an entry carries, or undefined for a normal entry. @throws RaftError. */
export function confChangeOfEntry(entry: {
  readonly type: EntryType;
  readonly data: Uint8Array;
}): ConfChange | undefined {
  if (entry.type === "EntryNormal") return undefined;
  return entry.type === "EntryConfChange" ? decodeV1(entry.data) : decodeV2(entry.data);
}

/** The older form, one change without a joint configuration. */
export function encodeConfChange(change: ConfChangeSingle, context = EMPTY_DATA): Uint8Array {
  const out: number[] = [];
  putVarint(out, 2, TYPES.indexOf(change.type));
  putVarint(out, 3, change.nodeId);
  if (context.length > 0) putBytes(out, 4, context);
  return Uint8Array.from(out);
}

/** The form for any change; the empty change is the empty array. */
export function encodeConfChangeV2(change: ConfChange): Uint8Array {
  const out: number[] = [];
  if (change.transition !== "auto") putVarint(out, 1, TRANSITIONS.indexOf(change.transition));
  for (const one of change.changes) {
    const inner: number[] = [];
    putVarint(inner, 1, TYPES.indexOf(one.type));
    putVarint(inner, 2, one.nodeId);
    putBytes(out, 2, inner);
  }
  if (change.context.length > 0) putBytes(out, 3, change.context);
  return out.length === 0 ? EMPTY_DATA : Uint8Array.from(out);
}

/**
 * An entry as it is proposed for `change`. @throws RaftError `invalid-conf-change` for what cannot
 * be encoded: read back as another change, it would be made.
 */
export function confChangeEntry(change: ConfChange, asV1 = false): Entry {
  checkEncodable(change);
  const only = change.changes[0];
  if (asV1 && only !== undefined && change.changes.length === 1) {
    const data = encodeConfChange(only, change.context);
    return { term: 0, index: 0, type: "EntryConfChange", data };
  }
  return { term: 0, index: 0, type: "EntryConfChangeV2", data: encodeConfChangeV2(change) };
}

function checkEncodable({ transition, changes }: ConfChange): void {
  if (!TRANSITIONS.includes(transition)) refuse(`unknown transition ${transition}`);
  if (changes.length > CONF_CHANGES_MAX) refuse(`more than ${CONF_CHANGES_MAX} changes`);
  for (const { type, nodeId } of changes) {
    if (!TYPES.includes(type)) refuse(`unknown conf type ${type}`);
    // The two greatest numbers are the targets of storage work: a member must not get it.
    if (Number.isSafeInteger(nodeId) && nodeId >= 0 && !isLocalTarget(nodeId)) continue;
    refuse(`nodeId ${nodeId} must be a whole number of 0 to 2^53 - 3`);
  }
}

function decodeV1(data: Uint8Array): ConfChange {
  let type = 0;
  let nodeId = 0;
  let context: Uint8Array = EMPTY_DATA;
  for (const field of fieldsOf(data)) {
    if (field.number === 2) type = field.value;
    else if (field.number === 3) nodeId = field.value;
    else if (field.number === 4) context = field.bytes;
    else if (field.number !== 1) refuse(`unknown field ${field.number}`);
  }
  return { transition: "auto", changes: [{ type: typeOf(type), nodeId }], context };
}

function decodeV2(data: Uint8Array): ConfChange {
  let transition: ConfChangeTransition = "auto";
  const changes: ConfChangeSingle[] = [];
  let context: Uint8Array = EMPTY_DATA;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) {
      transition = TRANSITIONS[field.value] ?? refuse(`unknown transition ${field.value}`);
    } else if (field.number === 2) {
      if (changes.length === CONF_CHANGES_MAX) refuse(`more than ${CONF_CHANGES_MAX} changes`);
      changes.push(decodeSingle(field.bytes));
    } else if (field.number === 3) {
      context = field.bytes;
    } else {
      refuse(`unknown field ${field.number}`);
    }
  }
  return { transition, changes, context };
}

function decodeSingle(data: Uint8Array): ConfChangeSingle {
  let type = 0;
  let nodeId = 0;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) type = field.value;
    else if (field.number === 2) nodeId = field.value;
    else refuse(`unknown field ${field.number}`);
  }
  return { type: typeOf(type), nodeId };
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}

function* fieldsOf(data: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = data[at] ?? refuse(`ends inside a number at byte ${at}`);
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return Number.isSafeInteger(value) ? value : refuse("number above 2^53-1");
    }
    return refuse("number above 2^53-1");
  };
  while (at < data.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const value = varint();
    if (tag % 8 === 0) {
      yield { number, value, bytes: EMPTY_DATA };
    } else if (tag % 8 === 2) {
      if (at + value > data.length) refuse(`field ${number} ends at ${at + value}`);
      yield { number, value, bytes: data.subarray(at, at + value) };
      at += value;
    } else {
      refuse(`field ${number} has wire type ${tag % 8}`);
    }
  }
}

function putVarint(out: number[], field: number, value: number): void {
  out.push(field * 8);
  pushVarint(out, value);
}

function putBytes(out: number[], field: number, bytes: ArrayLike<number>): void {
  out.push(field * 8 + 2);
  pushVarint(out, bytes.length);
  for (let i = 0; i < bytes.length; i += 1) out.push(bytes[i] ?? 0);
}

function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

function typeOf(value: number): ConfChangeType {
  return TYPES[value] ?? refuse(`unknown conf type ${value}`);
}

function refuse(what: string): never {
  throw new RaftError(
    "invalid-conf-change",
    `membership change cannot be read or written: ${what}`,
  );
}
