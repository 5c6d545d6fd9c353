/**
 * Builds one frame: everything of fixed size goes into one buffer, payloads are only referred to.
 *
 * A frame carries what all groups of the lane have to say to one peer in one turn, so its cost is
 * shared by all of them; a message costs some seventy bytes here and no object.
 */
import { invariant } from "@millrace/base";
import type { Entry, Message, Snapshot } from "@millrace/raft-ts";
import { MESSAGE_TYPES } from "@millrace/raft-ts";

import {
  ENTRY_BYTES,
  ENTRY_TYPES,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_VERSION_BASE,
  FRAME_VERSION_SHIPPING,
  FRAME_VERSION_WISHES,
  HEARTBEAT_BYTES,
  LIVENESS_BYTES,
  LIVENESS_FLAG,
  MESSAGE_FIXED_BYTES,
  MESSAGE_FLAG,
  SECTION,
  SHIP_ANSWERS,
  SHIP_ASKS,
  SHIP_REPLY_BYTES,
  SHIP_REQUEST_BYTES,
  TRAFFIC_CLASSES,
  WISHES_BYTES,
  writeU64,
  type Liveness,
  type ShipReply,
  type ShipRequest,
  type SleepMarker,
  type SnapshotPart,
} from "./frame.ts";
import type { TrafficClass } from "./types.ts";

const INITIAL_BYTES = 512;
const MESSAGE_NUMBER = new Map(MESSAGE_TYPES.map((type, i) => [type, i]));
const ENTRY_NUMBER = new Map(ENTRY_TYPES.map((type, i) => [type, i]));

/** True for the two messages that every awake group repeats, when they carry nothing special. */
function isPlainHeartbeat(m: Message): boolean {
  if (m.type !== "MsgHeartbeat" && m.type !== "MsgHeartbeatResp") return false;
  return m.requestSnapshot === 0 && (m.context === undefined || m.context.length === 0);
}

/** One frame in the making. */
export class FrameWriter {
  readonly trafficClass: TrafficClass;
  #meta: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = FRAME_HEADER_BYTES;
  #heartbeats: Buffer | undefined;
  #heartbeatCount = 0;
  #payloads: Uint8Array[] = [];
  #payloadBytes = 0;
  #version: number = FRAME_VERSION_BASE;

  constructor(trafficClass: TrafficClass) {
    this.trafficClass = trafficClass;
  }

  get isEmpty(): boolean {
    return this.#at === FRAME_HEADER_BYTES && this.#heartbeatCount === 0;
  }

  /** Size of the frame so far. */
  get bytes(): number {
    const packed = this.#heartbeatCount === 0 ? 0 : 5 + this.#heartbeatCount * HEARTBEAT_BYTES;
    return this.#at + packed + this.#payloadBytes;
  }

  liveness(liveness: Liveness): void {
    const at = this.#reserve(1 + LIVENESS_BYTES);
    const meta = this.#meta;
    const { echo } = liveness;
    const flags =
      (liveness.walHealthy ? LIVENESS_FLAG.walHealthy : 0) |
      (liveness.draining ? LIVENESS_FLAG.draining : 0) |
      (echo === undefined ? 0 : LIVENESS_FLAG.echo);
    meta[at] = SECTION.liveness;
    meta[at + 1] = flags;
    writeU64(meta, liveness.bootEpoch, at + 2);
    meta.writeDoubleLE(liveness.sentMs, at + 10);
    meta.writeDoubleLE(liveness.wallMs, at + 18);
    meta.writeDoubleLE(echo?.sentMs ?? 0, at + 26);
    meta.writeDoubleLE(echo?.heldMs ?? 0, at + 34);
  }

  message(groupId: number, m: Message, transferId = 0): void {
    if (isPlainHeartbeat(m)) this.#heartbeat(groupId, m);
    else this.#message(groupId, m, transferId);
  }

  sleep(marker: SleepMarker): void {
    let at = this.#reserve(1 + 40);
    this.#meta[at] = SECTION.sleep;
    at = writeU64(this.#meta, marker.groupId, at + 1);
    at = writeU64(this.#meta, marker.to, at);
    at = writeU64(this.#meta, marker.from, at);
    at = writeU64(this.#meta, marker.term, at);
    writeU64(this.#meta, marker.commit, at);
  }

  snapshotPart(part: SnapshotPart): void {
    let at = this.#reserve(1 + 40);
    const meta = this.#meta;
    meta[at] = SECTION.snapshotPart;
    at = writeU64(meta, part.groupId, at + 1);
    at = writeU64(meta, part.to, at);
    at = writeU64(meta, part.from, at);
    at = meta.writeUInt32LE(part.transferId, at);
    at = meta.writeUInt32LE(part.offset, at);
    at = meta.writeUInt32LE(part.totalBytes, at);
    meta.writeUInt32LE(part.data.length, at);
    this.#payload(part.data);
  }

  shipRequest(request: ShipRequest): void {
    let at = this.#reserve(1 + SHIP_REQUEST_BYTES);
    const meta = this.#meta;
    meta[at] = SECTION.shipRequest;
    meta[at + 1] = SHIP_ASKS.indexOf(request.ask);
    at = writeU64(meta, request.groupId, at + 2);
    at = writeU64(meta, request.to, at);
    at = writeU64(meta, request.from, at);
    at = meta.writeUInt32LE(request.requestId, at);
    at = writeU64(meta, request.firstIndex, at);
    at = writeU64(meta, request.endIndex, at);
    meta.writeUInt32LE(request.maxBytes, at);
    this.#version = FRAME_VERSION_SHIPPING;
  }

  shipReply(reply: ShipReply): void {
    let at = this.#reserve(1 + SHIP_REPLY_BYTES);
    const meta = this.#meta;
    meta[at] = SECTION.shipReply;
    meta[at + 1] = SHIP_ANSWERS.indexOf(reply.answer);
    at = writeU64(meta, reply.groupId, at + 2);
    at = writeU64(meta, reply.to, at);
    at = writeU64(meta, reply.from, at);
    at = meta.writeUInt32LE(reply.requestId, at);
    at = writeU64(meta, reply.afterIndex, at);
    at = writeU64(meta, reply.afterTerm, at);
    at = writeU64(meta, reply.firstIndex, at);
    at = writeU64(meta, reply.lastIndex, at);
    meta.writeUInt32LE(reply.frames.length, at);
    this.#payload(reply.frames);
    this.#version = FRAME_VERSION_SHIPPING;
  }

  /** The finished frame; the writer must not be used afterwards. */
  finish(nodeId: number, incarnation: Uint8Array): readonly Uint8Array[] {
    this.#appendHeartbeats();
    const meta = this.#meta.subarray(0, this.#at);
    meta.writeUInt32LE(FRAME_MAGIC, 0);
    meta[4] = this.#version;
    meta[5] = this.#version; // an older reader would misread each newer field there is so far
    meta[6] = TRAFFIC_CLASSES.indexOf(this.trafficClass);
    meta[7] = 0;
    meta.writeUInt16LE(nodeId, 8);
    meta.writeUInt16LE(0, 10);
    meta.writeUInt32LE(this.#at - FRAME_HEADER_BYTES, 12);
    meta.writeUInt32LE(this.#payloadBytes, 16);
    meta.set(incarnation, 20);
    return this.#payloads.length === 0 ? [meta] : [meta, ...this.#payloads];
  }

  #heartbeat(groupId: number, m: Message): void {
    const used = this.#heartbeatCount * HEARTBEAT_BYTES;
    this.#heartbeats ??= Buffer.allocUnsafe(16 * HEARTBEAT_BYTES);
    if (used === this.#heartbeats.length) {
      const larger = Buffer.allocUnsafe(2 * used);
      larger.set(this.#heartbeats);
      this.#heartbeats = larger;
    }
    const into = this.#heartbeats;
    into[used] = m.type === "MsgHeartbeat" ? 0 : 1;
    let at = writeU64(into, groupId, used + 1);
    at = writeU64(into, m.to, at);
    at = writeU64(into, m.from, at);
    at = writeU64(into, m.term, at);
    writeU64(into, m.commit, at);
    this.#heartbeatCount += 1;
  }

  #appendHeartbeats(): void {
    if (this.#heartbeats === undefined) return;
    const bytes = this.#heartbeatCount * HEARTBEAT_BYTES;
    const at = this.#reserve(5 + bytes);
    this.#meta[at] = SECTION.heartbeats;
    this.#meta.writeUInt32LE(this.#heartbeatCount, at + 1);
    this.#meta.set(this.#heartbeats.subarray(0, bytes), at + 5);
  }

  #message(groupId: number, m: Message, transferId: number): void {
    const number = MESSAGE_NUMBER.get(m.type);
    invariant(number !== undefined, () => `message type ${m.type} has no number`);
    const hasContext = m.context !== undefined && m.context.length > 0;
    const hasWishes = m.priority !== 0 || m.requestSnapshot !== 0;
    const flags =
      (m.reject ? MESSAGE_FLAG.reject : 0) |
      (hasContext ? MESSAGE_FLAG.context : 0) |
      (m.entries.length > 0 ? MESSAGE_FLAG.entries : 0) |
      (m.snapshot === undefined ? 0 : MESSAGE_FLAG.snapshot) |
      (transferId === 0 ? 0 : MESSAGE_FLAG.assembled) |
      (hasWishes ? MESSAGE_FLAG.wishes : 0);
    let at = this.#reserve(1 + MESSAGE_FIXED_BYTES);
    const meta = this.#meta;
    meta[at] = SECTION.message;
    meta[at + 1] = number;
    meta[at + 2] = flags;
    at = writeU64(meta, groupId, at + 3);
    at = writeU64(meta, m.to, at);
    at = writeU64(meta, m.from, at);
    at = writeU64(meta, m.term, at);
    at = writeU64(meta, m.logTerm, at);
    at = writeU64(meta, m.index, at);
    at = writeU64(meta, m.commit, at);
    writeU64(meta, m.rejectHint, at);
    if (hasWishes) this.#wishes(m);
    if (m.context !== undefined && hasContext) this.#context(m.context);
    if (m.entries.length > 0) this.#entries(m.entries);
    if (m.snapshot !== undefined) this.#snapshot(m.snapshot, transferId);
  }

  #wishes(m: Message): void {
    const at = this.#reserve(WISHES_BYTES);
    writeU64(this.#meta, m.priority, at);
    writeU64(this.#meta, m.requestSnapshot, at + 8);
    this.#version = Math.max(this.#version, FRAME_VERSION_WISHES);
  }

  #context(context: Uint8Array): void {
    const at = this.#reserve(2 + context.length);
    this.#meta.writeUInt16LE(context.length, at);
    this.#meta.set(context, at + 2);
  }

  #entries(entries: readonly Entry[]): void {
    let at = this.#reserve(4 + entries.length * ENTRY_BYTES);
    const meta = this.#meta;
    at = meta.writeUInt32LE(entries.length, at);
    for (const entry of entries) {
      meta[at] = ENTRY_NUMBER.get(entry.type) ?? 0;
      at = writeU64(meta, entry.term, at + 1);
      at = writeU64(meta, entry.index, at);
      at = meta.writeUInt32LE(entry.data.length, at);
      this.#payload(entry.data);
    }
  }

  #snapshot(snapshot: Snapshot, transferId: number): void {
    const { confState } = snapshot;
    const lists = [
      confState.voters,
      confState.learners,
      confState.votersOutgoing,
      confState.learnersNext,
    ];
    const ids = lists.reduce((sum, list) => sum + list.length, 0);
    let at = this.#reserve(16 + 1 + 8 + 8 * ids + 8);
    const meta = this.#meta;
    at = writeU64(meta, snapshot.index, at);
    at = writeU64(meta, snapshot.term, at);
    meta[at] = confState.autoLeave ? 1 : 0;
    at += 1;
    for (const list of lists) {
      at = meta.writeUInt16LE(list.length, at);
      for (const id of list) at = writeU64(meta, id, at);
    }
    at = meta.writeUInt32LE(transferId, at);
    meta.writeUInt32LE(transferId === 0 ? snapshot.data.length : 0, at);
    if (transferId === 0) this.#payload(snapshot.data);
  }

  #payload(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#payloads.push(data);
    this.#payloadBytes += data.length;
  }

  #reserve(bytes: number): number {
    const at = this.#at;
    const end = at + bytes;
    if (end > this.#meta.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#meta.length));
      larger.set(this.#meta.subarray(0, at));
      this.#meta = larger;
    }
    this.#at = end;
    return at;
  }
}
