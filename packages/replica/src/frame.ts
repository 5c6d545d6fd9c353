/**
 * The words that both ends of a peer frame share; FRAME.md draws the bytes.
 *
 *   F1  a frame is at most FRAME_BYTES_MAX bytes
 *   F2  numbers are little-endian; a u64 above 2^53 - 1 is refused, never rounded
 *   F3  everything of fixed size stands in the meta area, every payload after it in the order of
 *       its mention, so payloads are neither copied when sent nor when received
 *   F4  a reader refuses a frame whose `minReader` is above its own version
 */
import { StreamError } from "@millrace/base";

import type { TrafficClass } from "./types.ts";

export const FRAME_MAGIC = 0x5246_524d; // "MRFR" as bytes
/** What this reader understands; frames say the least version that they need. */
export const FRAME_VERSION = 3;
/** Version of a frame that uses nothing newer: what every reader understands. */
export const FRAME_VERSION_BASE = 1;
/** Version of a frame with a message that has {@link MESSAGE_FLAG}.wishes. */
export const FRAME_VERSION_WISHES = 2;
/** Version of a frame with a piece of log on request, or the request. */
export const FRAME_VERSION_SHIPPING = 3;
export const FRAME_HEADER_BYTES = 36;
/** Hard bound of one frame (F1). */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** A turn's messages are cut into several frames above this. */
export const FRAME_BYTES_TARGET = 1024 * 1024;
export const INCARNATION_BYTES = 16;

export const SECTION = {
  liveness: 1,
  heartbeats: 2,
  message: 3,
  sleep: 4,
  snapshotPart: 5,
  shipRequest: 6,
  shipReply: 7,
} as const;

export const LIVENESS_BYTES = 41;
export const HEARTBEAT_BYTES = 41;
export const MESSAGE_FIXED_BYTES = 66;
export const ENTRY_BYTES = 21;
export const WISHES_BYTES = 16;
export const SHIP_REQUEST_BYTES = 49;
export const SHIP_REPLY_BYTES = 65;

export const MESSAGE_FLAG = {
  reject: 1,
  context: 2,
  entries: 4,
  snapshot: 8,
  assembled: 16,
  wishes: 32,
} as const;
export const LIVENESS_FLAG = { walHealthy: 1, draining: 2, echo: 4 } as const;

export const TRAFFIC_CLASSES = ["control", "append", "bulk"] as const satisfies TrafficClass[];
export const ENTRY_TYPES = ["EntryNormal", "EntryConfChange", "EntryConfChangeV2"] as const;

/** What a node says of itself to each peer. Times in milliseconds. */
export interface Liveness {
  /** Grows by one per start of the process. */
  readonly bootEpoch: number;
  /** The sender's monotonic clock when it sent this. */
  readonly sentMs: number;
  /** The sender's wall clock when it sent this. */
  readonly wallMs: number;
  readonly walHealthy: boolean;
  /** The sender is shutting down and wants no leadership. */
  readonly draining: boolean;
  /** `sentMs` of the newest liveness it had from us, and how long it kept that. */
  readonly echo: { readonly sentMs: number; readonly heldMs: number } | undefined;
}

/** "Nothing has happened for a while and you have it all": see sleep.ts. */
export interface SleepMarker {
  readonly groupId: number;
  readonly to: number;
  readonly from: number;
  readonly term: number;
  readonly commit: number;
}

/** A piece of a large snapshot; the pieces of one transfer arrive in order, MsgSnap last. */
export interface SnapshotPart {
  readonly groupId: number;
  readonly to: number;
  readonly from: number;
  readonly transferId: number;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}

/** In the order of their numbers on the wire. */
export const SHIP_ASKS = ["entries", "progress"] as const;
export const SHIP_ANSWERS = ["chunk", "busy", "behind", "compacted", "damaged", "nothing"] as const;

/**
 * `entries` asks for a piece of the log, `progress` tells the leader whose snapshot waits for its
 * log that the log is coming.
 */
export interface ShipRequest {
  readonly groupId: number;
  readonly to: number;
  readonly from: number;
  /** Comes back with the answer. */
  readonly requestId: number;
  readonly ask: (typeof SHIP_ASKS)[number];
  /** The first entry that is wanted; 0 for the oldest that there is. */
  readonly firstIndex: number;
  /** Not wanted any more from here on. */
  readonly endIndex: number;
  readonly maxBytes: number;
}

/**
 * `chunk`: entries, as storage writes them. `busy`: others are served. `behind`: not committed there.
 * `compacted`: the log begins later. `damaged`: it cannot be read there. `nothing`: the log begins at or
 * above `endIndex`. Only a chunk has entries.
 */
export interface ShipReply {
  readonly groupId: number;
  readonly to: number;
  readonly from: number;
  readonly requestId: number;
  readonly answer: (typeof SHIP_ANSWERS)[number];
  /** The log of the sender begins after this entry. */
  readonly afterIndex: number;
  readonly afterTerm: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly frames: Uint8Array;
}

const TWO_32 = 4_294_967_296;
const HIGH_MAX = 0x1f_ffff;

export function writeU64(into: Buffer, value: number, at: number): number {
  into.writeUInt32LE(value % TWO_32, at);
  into.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
  return at + 8;
}

/** @throws StreamError `invalid-argument` above 2^53 - 1 (F2). */
export function readU64(from: Buffer, at: number): number {
  const high = from.readUInt32LE(at + 4);
  if (high > HIGH_MAX) {
    throw new StreamError(
      "invalid-argument",
      `frame has a number above 2^53 - 1 at byte ${at}: high half is ${high}`,
    );
  }
  return high * TWO_32 + from.readUInt32LE(at);
}
