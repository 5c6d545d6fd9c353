/**
 * The frames inside a WAL batch, one per thing that became durable. FORMAT.md draws each.
 *
 *   frame   type u8 | 0 u8 | 0 u16 | bodyBytes u32 | body
 *
 *   W5  frames mean something in their order only: each changes the state that those before it left
 *   W6  `entries` cuts the log at its first index; `moved-entries` fills in and cuts nothing
 */
import { invariant, StreamError } from "@millrace/base";

import { ByteReader, ByteWriter, writeU64 } from "./bytes.ts";
import { CONF_MEMBERS_MAX } from "./limits.ts";
import type { ConfState, EntryType, HardState, LogEntry } from "./types.ts";
import type { BatchBuilder } from "./wal-batch.ts";

/** Where the bytes of a state are: in the frame, or in a state file. */
export type StateLocation =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | {
      readonly kind: "file";
      readonly fileId: number;
      readonly position: number;
      readonly length: number;
      readonly crc: number;
    };

export interface StoredState {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly location: StateLocation;
}

/** Everything that a restart must know of a group besides its entries (W7). */
export interface GroupCheckpoint {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly hardState: HardState;
  /** Entries up to here are gone: `firstIndex - 1`, and its term. */
  readonly compactedIndex: number;
  readonly compactedTerm: number;
  readonly lastIndex: number;
  readonly base: StoredState;
  readonly applied: StoredState;
}

export interface SegmentsChange {
  readonly added: readonly number[];
  readonly removed: readonly number[];
  /** WAL files with a lower number are no longer needed. */
  readonly freeBelow: number;
}

export type WalFrame =
  | {
      readonly type: "lane-checkpoint";
      readonly segments: readonly number[];
      readonly freeBelow: number;
    }
  | { readonly type: "group-checkpoint"; readonly group: GroupCheckpoint }
  | { readonly type: "group-created"; readonly group: GroupCheckpoint }
  | {
      readonly type: "entries" | "moved-entries";
      readonly groupId: number;
      readonly entries: readonly LogEntry[];
    }
  | { readonly type: "hard-state"; readonly groupId: number; readonly hardState: HardState }
  | { readonly type: "snapshot-installed"; readonly groupId: number; readonly state: StoredState }
  | {
      readonly type: "trimmed";
      readonly groupId: number;
      readonly throughIndex: number;
      readonly throughTerm: number;
      readonly state: StoredState;
    }
  | { readonly type: "segments-changed"; readonly change: SegmentsChange }
  | {
      /** A snapshot, and the log below it from `compactedIndex` on in segments that this names. */
      readonly type: "log-shipped";
      readonly groupId: number;
      readonly compactedIndex: number;
      readonly compactedTerm: number;
      readonly state: StoredState;
      readonly segments: readonly number[];
    }
  | { readonly type: "group-dropped"; readonly groupId: number; readonly replicaId: number }
  | {
      /** Damage may have touched the replica: it keeps its data and takes part in nothing. */
      readonly type: "group-damaged";
      readonly groupId: number;
      readonly replicaId: number;
      /** At most DAMAGE_REASON_BYTES_MAX bytes of UTF-8. */
      readonly reason: string;
    };

type FrameType = WalFrame["type"];

const TYPE_IDS = {
  "lane-checkpoint": 1,
  "group-checkpoint": 2,
  "group-created": 3,
  entries: 4,
  "moved-entries": 5,
  "hard-state": 6,
  "snapshot-installed": 7,
  trimmed: 8,
  "segments-changed": 9,
  "group-dropped": 10,
  "group-damaged": 11,
  "log-shipped": 12,
} as const satisfies Record<FrameType, number>;

const TYPE_OF_ID = new Map(
  Object.entries(TYPE_IDS).map(([type, id]) => [id as number, type as FrameType]),
);

const ENTRY_TYPE_IDS = {
  EntryNormal: 0,
  EntryConfChange: 1,
  EntryConfChangeV2: 2,
} as const satisfies Record<EntryType, number>;
const ENTRY_TYPES: readonly EntryType[] = ["EntryNormal", "EntryConfChange", "EntryConfChangeV2"];

export const FRAME_HEADER_BYTES = 8;
const ENTRIES_PREFIX_BYTES = 20;
export const ENTRY_HEADER_BYTES = 16;

export function entryTypeId(type: EntryType): number {
  return ENTRY_TYPE_IDS[type];
}

/** @throws StreamError `corrupt` for an id that no version wrote. */
export function entryTypeOf(id: number): EntryType {
  const type = ENTRY_TYPES[id];
  if (type === undefined) throw new StreamError("corrupt", `entry type ${id} is not in 0..2`);
  return type;
}

/** Bytes that an entries frame takes. */
export function entriesFrameBytes(entries: readonly LogEntry[]): number {
  let bytes = FRAME_HEADER_BYTES + ENTRIES_PREFIX_BYTES;
  for (const entry of entries) bytes += ENTRY_HEADER_BYTES + entry.data.byteLength;
  return bytes;
}

const scratch = Buffer.alloc(FRAME_HEADER_BYTES + ENTRIES_PREFIX_BYTES);
const prefix = scratch.subarray(0, FRAME_HEADER_BYTES + ENTRIES_PREFIX_BYTES);
const entryHeader = Buffer.alloc(ENTRY_HEADER_BYTES);

/** Entries go straight from their own memory into the batch. */
export function putEntriesFrame(
  builder: BatchBuilder,
  type: "entries" | "moved-entries",
  groupId: number,
  entries: readonly LogEntry[],
): void {
  const first = entries[0]?.index ?? 0;
  const last = entries.at(-1)?.index ?? 0;
  invariant(
    last - first === entries.length - 1,
    () => `entries ${first}..${last} of one frame are ${entries.length}`,
  );
  prefix.writeUInt32LE(TYPE_IDS[type], 0);
  prefix.writeUInt32LE(entriesFrameBytes(entries) - FRAME_HEADER_BYTES, 4);
  writeU64(prefix, groupId, 8);
  writeU64(prefix, first, 16);
  prefix.writeUInt32LE(entries.length, 24);
  builder.countFrame();
  builder.put(prefix);
  for (const { term, type: entryType, data } of entries) {
    writeU64(entryHeader, term, 0);
    entryHeader.writeUInt32LE(data.byteLength, 8);
    entryHeader.writeUInt32LE(ENTRY_TYPE_IDS[entryType], 12);
    builder.put(entryHeader);
    builder.put(data);
  }
}

/** Every frame but the entries, as bytes with its header. */
export function encodeFrame(
  frame: Exclude<WalFrame, { type: "entries" | "moved-entries" }>,
): Buffer {
  const body = new ByteWriter();
  body.u32(TYPE_IDS[frame.type]).u32(0);
  switch (frame.type) {
    case "lane-checkpoint":
      body.u64(frame.freeBelow);
      writeIds(body, frame.segments);
      break;
    case "group-checkpoint":
    case "group-created":
      writeGroup(body, frame.group);
      break;
    case "hard-state":
      body.u64(frame.groupId);
      writeHardState(body, frame.hardState);
      break;
    case "snapshot-installed":
      body.u64(frame.groupId);
      writeState(body, frame.state);
      break;
    case "trimmed":
      body.u64(frame.groupId).u64(frame.throughIndex).u64(frame.throughTerm);
      writeState(body, frame.state);
      break;
    case "segments-changed":
      body.u64(frame.change.freeBelow);
      writeIds(body, frame.change.added);
      writeIds(body, frame.change.removed);
      break;
    case "log-shipped":
      body.u64(frame.groupId).u64(frame.compactedIndex).u64(frame.compactedTerm);
      writeState(body, frame.state);
      writeIds(body, frame.segments);
      break;
    case "group-damaged":
      body.u64(frame.groupId).u64(frame.replicaId).sized(Buffer.from(frame.reason, "utf8"));
      break;
    default:
      body.u64(frame.groupId).u64(frame.replicaId);
  }
  const bytes = body.view();
  bytes.writeUInt32LE(bytes.byteLength - FRAME_HEADER_BYTES, 4);
  return bytes;
}

/** @throws StreamError `corrupt` when the bytes are not `count` frames, `unsupported` for a new type. */
export function* decodeFrames(frames: Buffer, count: number): Generator<WalFrame> {
  const reader = new ByteReader(frames);
  for (let seen = 0; seen < count; seen++) {
    const id = reader.u32();
    const body = reader.sized();
    const type = TYPE_OF_ID.get(id);
    if (type === undefined) {
      throw new StreamError("unsupported", `WAL frame type ${id} is not known to this version`);
    }
    yield decodeFrame(type, new ByteReader(body));
  }
  if (reader.remaining !== 0) {
    throw new StreamError("corrupt", `${reader.remaining} bytes after the last of ${count} frames`);
  }
}

function decodeFrame(type: FrameType, body: ByteReader): WalFrame {
  switch (type) {
    case "lane-checkpoint": {
      const freeBelow = body.u64();
      return { type, freeBelow, segments: readIds(body) };
    }
    case "group-checkpoint":
    case "group-created":
      return { type, group: readGroup(body) };
    case "entries":
    case "moved-entries":
      return { type, groupId: body.u64(), entries: readEntries(body) };
    case "hard-state":
      return { type, groupId: body.u64(), hardState: readHardState(body) };
    case "snapshot-installed":
      return { type, groupId: body.u64(), state: readState(body) };
    case "trimmed":
      return {
        type,
        groupId: body.u64(),
        throughIndex: body.u64(),
        throughTerm: body.u64(),
        state: readState(body),
      };
    case "segments-changed": {
      const freeBelow = body.u64();
      const added = readIds(body);
      return { type, change: { freeBelow, added, removed: readIds(body) } };
    }
    case "log-shipped":
      return {
        type,
        groupId: body.u64(),
        compactedIndex: body.u64(),
        compactedTerm: body.u64(),
        state: readState(body),
        segments: readIds(body),
      };
    case "group-damaged": {
      const groupId = body.u64();
      const replicaId = body.u64();
      return { type, groupId, replicaId, reason: body.sized().toString("utf8") };
    }
    default:
      return { type, groupId: body.u64(), replicaId: body.u64() };
  }
}

function readEntries(body: ByteReader): LogEntry[] {
  const first = body.u64();
  const count = body.u32();
  const entries: LogEntry[] = [];
  for (let at = 0; at < count; at++) {
    const term = body.u64();
    const length = body.u32();
    const type = entryTypeOf(body.u32());
    entries.push({ term, index: first + at, type, data: body.raw(length) });
  }
  return entries;
}

/** Ascending ids as runs (first, count): live segments are mostly consecutive. */
function writeIds(body: ByteWriter, ids: readonly number[]): void {
  const runs: { first: number; count: number }[] = [];
  for (const id of ids) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === id) last.count++;
    else runs.push({ first: id, count: 1 });
  }
  body.u32(runs.length);
  for (const { first, count } of runs) body.u64(first).u32(count);
}

function readIds(body: ByteReader): number[] {
  const ids: number[] = [];
  for (let runs = body.u32(); runs > 0; runs--) {
    const first = body.u64();
    const count = body.u32();
    for (let at = 0; at < count; at++) ids.push(first + at);
  }
  return ids;
}

function writeGroup(body: ByteWriter, group: GroupCheckpoint): void {
  body.u64(group.groupId).u64(group.replicaId).u32(group.kind).sized(group.description);
  writeHardState(body, group.hardState);
  body.u64(group.compactedIndex).u64(group.compactedTerm).u64(group.lastIndex);
  writeState(body, group.base);
  // Most groups have not applied past their base: then the second state is one byte.
  const same = group.applied === group.base;
  body.u8(same ? 1 : 0);
  if (!same) writeState(body, group.applied);
}

function readGroup(body: ByteReader): GroupCheckpoint {
  const groupId = body.u64();
  const replicaId = body.u64();
  const kind = body.u32();
  const description = body.sized();
  const hardState = readHardState(body);
  const compactedIndex = body.u64();
  const compactedTerm = body.u64();
  const lastIndex = body.u64();
  const base = readState(body);
  const applied = body.u8() === 1 ? base : readState(body);
  return {
    groupId,
    replicaId,
    kind,
    description,
    hardState,
    compactedIndex,
    compactedTerm,
    lastIndex,
    base,
    applied,
  };
}

function writeHardState(body: ByteWriter, { term, vote, commit }: HardState): void {
  body.u64(term).u64(vote).u64(commit);
}

function readHardState(body: ByteReader): HardState {
  return { term: body.u64(), vote: body.u64(), commit: body.u64() };
}

function writeState(body: ByteWriter, { index, term, confState, location }: StoredState): void {
  body.u64(index).u64(term);
  for (const members of [
    confState.voters,
    confState.learners,
    confState.votersOutgoing,
    confState.learnersNext,
  ]) {
    body.u16(members.length);
    for (const member of members) body.u64(member);
  }
  body.u8(confState.autoLeave ? 1 : 0);
  if (location.kind === "inline") body.u8(0).sized(location.bytes);
  else
    body.u8(1).u64(location.fileId).u64(location.position).u32(location.length).u32(location.crc);
}

function readState(body: ByteReader): StoredState {
  const index = body.u64();
  const term = body.u64();
  const confState = {
    voters: readMembers(body),
    learners: readMembers(body),
    votersOutgoing: readMembers(body),
    learnersNext: readMembers(body),
    autoLeave: body.u8() === 1,
  };
  if (body.u8() === 0)
    return { index, term, confState, location: { kind: "inline", bytes: body.sized() } };
  const location = {
    kind: "file",
    fileId: body.u64(),
    position: body.u64(),
    length: body.u32(),
    crc: body.u32(),
  } as const;
  return { index, term, confState, location };
}

function readMembers(body: ByteReader): number[] {
  const count = body.u16();
  if (count > CONF_MEMBERS_MAX) {
    throw new StreamError(
      "corrupt",
      `conf state has ${count} members, at most ${CONF_MEMBERS_MAX}`,
    );
  }
  return Array.from({ length: count }, () => body.u64());
}
