/**
 * Who is in a group, how that is written down, and what it was at an earlier index.
 *
 * Raft's configuration counts from the entry that changed it. A restart replays the log from the
 * state on disk, so configuration and state must belong to one index: a newer configuration would
 * have its change applied on top of itself, an older one would count quorums of a set that is gone
 * (S8). So both travel together, in checkpoints and in snapshots, inside one envelope:
 *
 *   byte 0         1       2           10
 *        | version | count | confIndex | (replicaId u64, nodeId u16) x count | state
 *        | 2       | u8    | u64       |                       little-endian
 *
 * States from before members could change have no envelope; they begin with 1 or a brace, and their
 * members are those that the replica was born with.
 *
 * The table holds more than the configuration: a replica that starts behind must find the node of a
 * leader that was added later than its own configuration.
 *
 *   M1  the configuration of a state is that of the state's index
 *   M2  a replica id is on one node for ever
 */
import { StreamError } from "@millrace/base";
import type { Message } from "@millrace/raft-ts";
import type { ConfState, GroupLog } from "@millrace/storage";

import { readU64, writeU64 } from "./frame.ts";
import type { GroupMember } from "./types.ts";

/** Replicas whose nodes are remembered: those of the configuration, and the latest others. */
export const KNOWN_MEMBERS_MAX = 64;
const ENVELOPE_VERSION = 2;
const CONTEXT_VERSION = 1;
const BARE_STATE_STARTS: readonly number[] = [1, 0x7b];
const MEMBER_BYTES = 10;
const CONTEXT_HEADER_BYTES = 2;
const ENVELOPE_HEADER_BYTES = 10;

/** A configuration and the index of the entry from which on it holds. */
export interface ConfAt {
  readonly index: number;
  readonly confState: ConfState;
}

export interface Enveloped {
  readonly confIndex: number;
  readonly members: readonly GroupMember[];
  /** What the state machine made. */
  readonly state: Uint8Array;
}

/** `state` with the members that belong to it. */
export function encodeEnvelope({ confIndex, members, state }: Enveloped): Uint8Array {
  const tableEnd = ENVELOPE_HEADER_BYTES + members.length * MEMBER_BYTES;
  const bytes = Buffer.allocUnsafe(tableEnd + state.length);
  bytes[0] = ENVELOPE_VERSION;
  bytes[1] = members.length;
  writeU64(bytes, confIndex, 2);
  writeMembers(bytes, members, ENVELOPE_HEADER_BYTES);
  bytes.set(state, tableEnd);
  return bytes;
}

/**
 * The reverse; undefined for the empty state that every replica begins with, and for a bare one.
 * @throws StreamError `unsupported` for a newer version, `corrupt` for bytes that end too early.
 */
export function decodeEnvelope(data: Uint8Array): Enveloped | undefined {
  const [first] = data;
  if (first === undefined || BARE_STATE_STARTS.includes(first)) return undefined;
  const bytes = checkVersion("state envelope", data, ENVELOPE_VERSION);
  const tableEnd = ENVELOPE_HEADER_BYTES + (bytes[1] ?? 0) * MEMBER_BYTES;
  if (bytes.length < tableEnd) {
    throw new StreamError(
      "corrupt",
      `state envelope has ${bytes.length} bytes, its table alone needs ${tableEnd}`,
    );
  }
  return {
    confIndex: readU64(bytes, 2),
    members: readMembers(bytes, bytes[1] ?? 0, ENVELOPE_HEADER_BYTES),
    state: data.subarray(tableEnd),
  };
}

/** What a membership change says beside replica ids: where new replicas are. */
export function encodeChangeContext(members: readonly GroupMember[]): Uint8Array {
  const bytes = Buffer.alloc(CONTEXT_HEADER_BYTES + members.length * MEMBER_BYTES);
  bytes[0] = CONTEXT_VERSION;
  bytes[1] = members.length;
  writeMembers(bytes, members, CONTEXT_HEADER_BYTES);
  return bytes;
}

/** Nobody new in an empty context: the leader ends a joint configuration with one. @throws as {@link decodeEnvelope}. */
export function decodeChangeContext(data: Uint8Array): readonly GroupMember[] {
  if (data.length === 0) return [];
  const bytes = checkVersion("membership change", data, CONTEXT_VERSION);
  const count = bytes[1] ?? 0;
  if (bytes.length !== CONTEXT_HEADER_BYTES + count * MEMBER_BYTES) {
    throw new StreamError(
      "corrupt",
      `membership change has ${bytes.length} bytes for ${count} members`,
    );
  }
  return readMembers(bytes, count, CONTEXT_HEADER_BYTES);
}

/** All replicas of a configuration, of both halves of a joint one. */
export function idsOf({ voters, learners, votersOutgoing, learnersNext }: ConfState): Set<number> {
  return new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
}

export function isJoint({ votersOutgoing }: ConfState): boolean {
  return votersOutgoing.length > 0;
}

/** The members of one replica's group, as far as it has applied them. */
export class Membership {
  readonly #nodes = new Map<number, number>();
  /** Ascending; the first holds down to its own index only. */
  #history: ConfAt[];
  #members: readonly GroupMember[] = [];

  constructor(known: readonly GroupMember[], now: ConfAt) {
    this.#history = [now];
    for (const { replicaId, nodeId } of known) this.#nodes.set(replicaId, nodeId);
    this.#derive();
  }

  /** The replicas of the configuration whose nodes are known. */
  get members(): readonly GroupMember[] {
    return this.#members;
  }

  get now(): ConfAt {
    const now = this.#history.at(-1);
    if (now === undefined) throw new StreamError("internal", "a group has no configuration");
    return now;
  }

  nodeOf(replicaId: number): number | undefined {
    return this.#nodes.get(replicaId);
  }

  /** The replicas to write down with a state. */
  get known(): readonly GroupMember[] {
    return [...this.#nodes].map(([replicaId, nodeId]) => ({ replicaId, nodeId }));
  }

  /** The configuration at `index`; undefined when it is older than what is remembered. */
  at(index: number): ConfAt | undefined {
    return this.#history.findLast((one) => one.index <= index);
  }

  /** A replica spoke from a node. False if it is known to be on another one (M2). */
  heard(replicaId: number, nodeId: number): boolean {
    const known = this.#nodes.get(replicaId);
    if (known !== undefined) return known === nodeId;
    this.#learn([{ replicaId, nodeId }]);
    return true;
  }

  /** A membership change was applied at `index`. */
  changed(next: ConfAt, members: readonly GroupMember[]): void {
    this.#history.push(next);
    this.#learn(members);
  }

  /** A snapshot replaced everything. */
  replaced(now: ConfAt, members: readonly GroupMember[]): void {
    this.#history = [now];
    this.#learn(members);
  }

  /** Entries up to `index` are gone, and with them the need for older configurations. */
  trimmed(index: number): void {
    const kept = this.#history.findLastIndex((one) => one.index <= index);
    if (kept > 0) this.#history = this.#history.slice(kept);
  }

  #learn(members: readonly GroupMember[]): void {
    for (const { replicaId, nodeId } of members) {
      if (!this.#nodes.has(replicaId)) this.#nodes.set(replicaId, nodeId);
    }
    const inUse = idsOf(this.now.confState);
    for (const replicaId of this.#nodes.keys()) {
      if (this.#nodes.size <= KNOWN_MEMBERS_MAX) break;
      if (!inUse.has(replicaId)) this.#nodes.delete(replicaId);
    }
    this.#derive();
  }

  #derive(): void {
    const members: GroupMember[] = [];
    for (const replicaId of idsOf(this.now.confState)) {
      const nodeId = this.#nodes.get(replicaId);
      if (nodeId !== undefined) members.push({ replicaId, nodeId });
    }
    this.#members = members;
  }
}

/**
 * The members that belong to the recovered state. They hold from the entry that changed them last, so
 * the log may be trimmed from there on.
 */
export function recoverMembership(log: GroupLog, born: readonly GroupMember[]): Membership {
  const { confState, state } = log.recoveredState();
  const enveloped = decodeEnvelope(state);
  const known = [...(enveloped?.members ?? []), ...born];
  return new Membership(known, { index: enveloped?.confIndex ?? 0, confState });
}

/**
 * A replica may be sent a snapshot of before it joined. It takes it as a learner: that is what the log
 * above the snapshot makes of it, and the core refuses a snapshot that does not know it.
 */
export function asMember(message: Message, replicaId: number): Message {
  const { snapshot } = message;
  if (snapshot === undefined || idsOf(snapshot.confState).has(replicaId)) return message;
  const { confState } = snapshot;
  const learners = [...confState.learners, replicaId];
  return { ...message, snapshot: { ...snapshot, confState: { ...confState, learners } } };
}

function checkVersion(what: string, data: Uint8Array, version: number): Buffer {
  if (data[0] !== version) {
    throw new StreamError("unsupported", `${what} has version ${data[0]}, not ${version}`);
  }
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function writeMembers(bytes: Buffer, members: readonly GroupMember[], from: number): void {
  let at = from;
  for (const { replicaId, nodeId } of members) {
    at = writeU64(bytes, replicaId, at);
    at = bytes.writeUInt16LE(nodeId, at);
  }
}

function readMembers(bytes: Buffer, count: number, from: number): readonly GroupMember[] {
  return Array.from({ length: count }, (_, i) => {
    const at = from + i * MEMBER_BYTES;
    return { replicaId: readU64(bytes, at), nodeId: bytes.readUInt16LE(at + 8) };
  });
}
