/**
 * What no sound node sends, found before it reaches the state.
 *
 * Terms and indexes are compared and kept without another look: a term that is not a number is
 * neither older nor newer than ours, and an append with a gap would be cut at the wrong place.
 * One broken peer must not stop or bend the node that hears it.
 */
import { confChangeOfEntry } from "./conf-change-codec.ts";
import { RaftError } from "./errors.ts";
import type { Entry, Message, MessageType } from "./types.ts";
import { MESSAGE_TYPES } from "./types.ts";

const KNOWN: ReadonlySet<MessageType> = new Set(MESSAGE_TYPES);

/** Refuses with `invalid-message`, naming the field, its value and its bound. */
export function refusalOfMessage(m: Message): RaftError | undefined {
  const fault = faultOf(m);
  return fault === undefined ? undefined : new RaftError("invalid-message", `raft: ${fault}`);
}

function faultOf(m: Message): string | undefined {
  if (!KNOWN.has(m.type)) return `unknown message type ${m.type}`;
  // One by one: a list of fields would be made anew for every message.
  if (!isCount(m.term)) return faultOfNumber(m, "term", m.term);
  if (!isCount(m.from)) return faultOfNumber(m, "from", m.from);
  if (!isCount(m.to)) return faultOfNumber(m, "to", m.to);
  if (!isCount(m.index)) return faultOfNumber(m, "index", m.index);
  if (!isCount(m.logTerm)) return faultOfNumber(m, "logTerm", m.logTerm);
  if (!isCount(m.commit)) return faultOfNumber(m, "commit", m.commit);
  if (!isCount(m.rejectHint)) return faultOfNumber(m, "rejectHint", m.rejectHint);
  if (!isCount(m.priority)) return faultOfNumber(m, "priority", m.priority);
  if (!isCount(m.requestSnapshot)) return faultOfNumber(m, "requestSnapshot", m.requestSnapshot);
  if (!Array.isArray(m.entries)) return `${m.type} from ${m.from} has no list of entries`;
  if ((m.type === "MsgVote" || m.type === "MsgPreVote") && m.term === 0) {
    return `${m.type} from ${m.from} has term 0, least is 1`;
  }
  if (m.type === "MsgApp") return faultOfAppend(m);
  return m.type === "MsgProp" ? faultOfProposal(m) : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function faultOfNumber(m: Message, field: string, value: unknown): string {
  return `${m.type} has ${field} ${String(value)}, must be a whole number of 0 to 2^53 - 1`;
}

/** The entries must follow `index` without a gap. */
function faultOfAppend(m: Message): string | undefined {
  for (let i = 0; i < m.entries.length; i += 1) {
    const { index, term } = m.entries[i] ?? {};
    const wanted = m.index + 1 + i;
    if (term === undefined || !isCount(term)) return faultOfNumber(m, "an entry of term", term);
    if (index !== wanted) {
      return `MsgApp from ${m.from} has an entry of index ${index} in the place of ${wanted}`;
    }
  }
  return undefined;
}

function faultOfProposal(m: Message): string | undefined {
  if (m.entries.length === 0) return `MsgProp from ${m.from} has no entries, least is 1`;
  if (m.term !== 0) return `MsgProp from ${m.from} has term ${m.term}, must be 0`;
  for (let i = 0; i < m.entries.length; i += 1) {
    const entry = m.entries[i];
    const fault = entry === undefined ? undefined : faultOfChange(entry);
    if (fault !== undefined) return `MsgProp from ${m.from}: ${fault}`;
  }
  return undefined;
}

function faultOfChange(entry: Entry): string | undefined {
  try {
    confChangeOfEntry(entry);
    return undefined;
  } catch (error) {
    if (error instanceof RaftError) return error.message;
    throw error;
  }
}
