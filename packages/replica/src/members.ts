/**
 * Who is in a group and where, kept durably beside the log as the group's description.
 *
 * Raft knows replica ids only; the way from one to a node must survive a restart, or a voter
 * would come back unable to ask for votes. This is the birth of a replica, and never changes; what
 * membership changes make of it travels with the state, see membership.ts.
 *
 *   byte 0         1       2         3
 *        | version | flags | count   | (replicaId u64, nodeId u16) x count |
 *        | 1       | u8    | u8      |                      little-endian
 */
import { requireWithin, safeInteger, StreamError } from "@millrace/base";
import type { ConfState } from "@millrace/storage";

import { readU64, writeU64 } from "./frame.ts";
import type { GroupInit, GroupKind, GroupMember } from "./types.ts";

export const MEMBERS_MAX = 16;
const VERSION = 1;
const HEADER_BYTES = 3;
const MEMBER_BYTES = 10;
const FLAG_PREFERRED = 1;

/** Tags that storage keeps for us. */
const KIND_TAG: Record<GroupKind, number> = { metadata: 1, shard: 2 };

export interface GroupDescription {
  readonly members: readonly GroupMember[];
  readonly preferredLeader: boolean;
}

export function kindTag(kind: GroupKind): number {
  return KIND_TAG[kind];
}

/** @throws StreamError `unsupported` for a tag of a newer version. */
export function kindOfTag(tag: number): GroupKind {
  if (tag === KIND_TAG.metadata) return "metadata";
  if (tag === KIND_TAG.shard) return "shard";
  throw new StreamError("unsupported", `group kind ${tag} is unknown to this version`);
}

/** @throws StreamError `invalid-argument`, naming what does not fit. */
export function checkInit(init: GroupInit, nodeId: number): void {
  safeInteger("groupId", init.groupId, 1);
  safeInteger("replicaId", init.replicaId, 1);
  checkVoters(init);
  requireWithin("members.length", init.members.length, 1, MEMBERS_MAX);
  for (const member of init.members) {
    safeInteger("member.replicaId", member.replicaId, 1, Number.MAX_SAFE_INTEGER - 2);
    safeInteger("member.nodeId", member.nodeId, 1, 65_535);
  }
  const replicas = new Set(init.members.map((member) => member.replicaId));
  const nodes = new Set(init.members.map((member) => member.nodeId));
  // A group that is joined may have a lost replica on the node that gets its successor.
  const nodesAreDistinct = init.voters !== undefined || nodes.size === init.members.length;
  if (replicas.size !== init.members.length || !nodesAreDistinct) {
    throw new StreamError(
      "invalid-argument",
      `members of group ${init.groupId} name a replica or a node twice`,
    );
  }
  const own = init.members.find((member) => member.replicaId === init.replicaId);
  if (own?.nodeId !== nodeId) {
    throw new StreamError(
      "invalid-argument",
      `replica ${init.replicaId} of group ${init.groupId} is on node ${own?.nodeId ?? "none"}, ` +
        `this is node ${nodeId}`,
    );
  }
}

/** A replica that joins votes for nobody before the group has made it a voter (S8). */
function checkVoters({ groupId, replicaId, voters }: GroupInit): void {
  if (voters === undefined) return;
  requireWithin("voters.length", voters.length, 1, MEMBERS_MAX);
  for (const voter of voters) safeInteger("voters", voter, 1, Number.MAX_SAFE_INTEGER - 2);
  if (new Set(voters).size === voters.length) return;
  throw new StreamError(
    "invalid-argument",
    `voters of replica ${replicaId} of group ${groupId} name a replica twice`,
  );
}

export function initialConfState(init: GroupInit): ConfState {
  return {
    voters: init.voters ?? init.members.map((member) => member.replicaId),
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
}

export function encodeDescription({ members, preferredLeader }: GroupDescription): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES + members.length * MEMBER_BYTES);
  bytes[0] = VERSION;
  bytes[1] = preferredLeader ? FLAG_PREFERRED : 0;
  bytes[2] = members.length;
  let at = HEADER_BYTES;
  for (const { replicaId, nodeId } of members) {
    at = writeU64(bytes, replicaId, at);
    at = bytes.writeUInt16LE(nodeId, at);
  }
  return bytes;
}

/** @throws StreamError `unsupported` for a newer version, `corrupt` for a wrong length. */
export function decodeDescription(description: Uint8Array): GroupDescription {
  const bytes = Buffer.from(description.buffer, description.byteOffset, description.byteLength);
  const version = bytes[0] ?? 0;
  if (version !== VERSION) {
    throw new StreamError(
      "unsupported",
      `group description has version ${version}, not ${VERSION}`,
    );
  }
  const count = bytes[2] ?? 0;
  if (bytes.length !== HEADER_BYTES + count * MEMBER_BYTES) {
    throw new StreamError(
      "corrupt",
      `group description has ${bytes.length} bytes for ${count} members`,
    );
  }
  const members = Array.from({ length: count }, (_, i) => {
    const at = HEADER_BYTES + i * MEMBER_BYTES;
    return { replicaId: readU64(bytes, at), nodeId: bytes.readUInt16LE(at + 8) };
  });
  return { members, preferredLeader: ((bytes[1] ?? 0) & FLAG_PREFERRED) !== 0 };
}
