/**
 * Reads one frame in a single pass and hands each part to a visitor. Payloads are views.
 *
 * A frame comes from outside, so every length is checked against what is there before it is
 * used; a bad one is an error that names the place, and nothing of the rest is delivered.
 */
import { StreamError } from "@millrace/base";
import type { Entry, Message, Snapshot } from "@millrace/raft-ts";
import { isLocalMessage, makeMessage, MESSAGE_TYPES } from "@millrace/raft-ts";

import {
  ENTRY_BYTES,
  ENTRY_TYPES,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_VERSION,
  HEARTBEAT_BYTES,
  INCARNATION_BYTES,
  LIVENESS_FLAG,
  MESSAGE_FLAG,
  readU64,
  SECTION,
  SHIP_ANSWERS,
  SHIP_ASKS,
  type Liveness,
  type ShipReply,
  type ShipRequest,
  type SleepMarker,
  type SnapshotPart,
} from "./frame.ts";

/** Whose frame it is. */
export interface FrameOrigin {
  readonly nodeId: number;
  /** Hexadecimal. */
  readonly incarnation: string;
}

/** Takes the parts of a frame, in their order. */
export interface FrameVisitor {
  /** First; false stops the reading. */
  origin(origin: FrameOrigin): boolean;
  liveness(liveness: Liveness): void;
  /** `transferId` is not 0 for a MsgSnap whose data came as parts. */
  message(groupId: number, message: Message, transferId: number): void;
  sleep(marker: SleepMarker): void;
  snapshotPart(part: SnapshotPart): void;
  shipRequest(request: ShipRequest): void;
  shipReply(reply: ShipReply): void;
}

const EMPTY = new Uint8Array(0);

/** @throws StreamError `invalid-argument` for a damaged frame, `unsupported` for a newer format. */
export function readFrame(frame: Uint8Array, visitor: FrameVisitor): void {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  new FrameReader(bytes).run(visitor);
}

class FrameReader {
  readonly #bytes: Buffer;
  #at = FRAME_HEADER_BYTES;
  #metaEnd = FRAME_HEADER_BYTES;
  #payloadAt = FRAME_HEADER_BYTES;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(visitor: FrameVisitor): void {
    if (!visitor.origin(this.#header())) return;
    while (this.#at < this.#metaEnd) this.#section(visitor);
    if (this.#payloadAt !== this.#bytes.length) {
      throw damaged(`payload ends at byte ${this.#payloadAt} of ${this.#bytes.length}`);
    }
  }

  #header(): FrameOrigin {
    const bytes = this.#bytes;
    if (bytes.length < FRAME_HEADER_BYTES || bytes.length > FRAME_BYTES_MAX) {
      throw damaged(
        `frame is ${bytes.length} bytes, not ${FRAME_HEADER_BYTES}..${FRAME_BYTES_MAX}`,
      );
    }
    if (bytes.readUInt32LE(0) !== FRAME_MAGIC) throw damaged("magic number is not MRFR");
    const minReader = bytes[5] ?? 0;
    if (minReader > FRAME_VERSION) {
      throw new StreamError(
        "unsupported",
        `frame needs reader version ${minReader}, this is ${FRAME_VERSION}`,
      );
    }
    const metaBytes = bytes.readUInt32LE(12);
    const payloadBytes = bytes.readUInt32LE(16);
    if (FRAME_HEADER_BYTES + metaBytes + payloadBytes !== bytes.length) {
      throw damaged(`frame is ${bytes.length} bytes, but names ${metaBytes} + ${payloadBytes}`);
    }
    this.#metaEnd = FRAME_HEADER_BYTES + metaBytes;
    this.#payloadAt = this.#metaEnd;
    const incarnation = bytes.toString("hex", 20, 20 + INCARNATION_BYTES);
    return { nodeId: bytes.readUInt16LE(8), incarnation };
  }

  #section(visitor: FrameVisitor): void {
    const tag = this.#u8();
    switch (tag) {
      case SECTION.liveness:
        visitor.liveness(this.#liveness());
        return;
      case SECTION.heartbeats:
        this.#heartbeats(visitor);
        return;
      case SECTION.message:
        this.#message(visitor);
        return;
      case SECTION.sleep:
        visitor.sleep(this.#sleep());
        return;
      case SECTION.snapshotPart:
        visitor.snapshotPart(this.#snapshotPart());
        return;
      case SECTION.shipRequest:
        visitor.shipRequest(this.#shipRequest());
        return;
      case SECTION.shipReply:
        visitor.shipReply(this.#shipReply());
        return;
      default:
        throw damaged(`unknown section ${tag} at byte ${this.#at - 1}`);
    }
  }

  #liveness(): Liveness {
    const flags = this.#u8();
    const bootEpoch = this.#u64();
    const sentMs = this.#f64();
    const wallMs = this.#f64();
    const echo = { sentMs: this.#f64(), heldMs: this.#f64() };
    return {
      bootEpoch,
      sentMs,
      wallMs,
      walHealthy: (flags & LIVENESS_FLAG.walHealthy) !== 0,
      draining: (flags & LIVENESS_FLAG.draining) !== 0,
      echo: (flags & LIVENESS_FLAG.echo) === 0 ? undefined : echo,
    };
  }

  #heartbeats(visitor: FrameVisitor): void {
    const count = this.#u32();
    this.#need(count * HEARTBEAT_BYTES);
    for (let i = 0; i < count; i += 1) {
      const type = this.#u8() === 0 ? "MsgHeartbeat" : "MsgHeartbeatResp";
      const groupId = this.#u64();
      const to = this.#u64();
      const from = this.#u64();
      const term = this.#u64();
      const commit = this.#u64();
      visitor.message(groupId, makeMessage({ type, to, from, term, commit }), 0);
    }
  }

  #message(visitor: FrameVisitor): void {
    const number = this.#u8();
    const type = MESSAGE_TYPES[number];
    if (type === undefined || isLocalMessage(type)) {
      throw damaged(`message type ${number} does not travel between nodes`);
    }
    const flags = this.#u8();
    const groupId = this.#u64();
    const fields = {
      to: this.#u64(),
      from: this.#u64(),
      term: this.#u64(),
      logTerm: this.#u64(),
      index: this.#u64(),
      commit: this.#u64(),
      rejectHint: this.#u64(),
    };
    const hasWishes = (flags & MESSAGE_FLAG.wishes) !== 0;
    const wishes = hasWishes ? { priority: this.#u64(), requestSnapshot: this.#u64() } : undefined;
    const context = (flags & MESSAGE_FLAG.context) === 0 ? undefined : this.#meta(this.#u16());
    const entries = (flags & MESSAGE_FLAG.entries) === 0 ? [] : this.#entries();
    let snapshot: Snapshot | undefined;
    let transferId = 0;
    if ((flags & MESSAGE_FLAG.snapshot) !== 0) ({ snapshot, transferId } = this.#snapshot());
    const reject = (flags & MESSAGE_FLAG.reject) !== 0;
    visitor.message(
      groupId,
      makeMessage({ type, ...fields, ...wishes, reject, context, entries, snapshot }),
      transferId,
    );
  }

  #entries(): Entry[] {
    const count = this.#u32();
    this.#need(count * ENTRY_BYTES);
    const entries: Entry[] = [];
    for (let i = 0; i < count; i += 1) {
      const number = this.#u8();
      const type = ENTRY_TYPES[number];
      if (type === undefined) throw damaged(`entry type ${number} is unknown`);
      const term = this.#u64();
      const index = this.#u64();
      entries.push({ term, index, type, data: this.#payload(this.#u32()) });
    }
    return entries;
  }

  #snapshot(): { snapshot: Snapshot; transferId: number } {
    const index = this.#u64();
    const term = this.#u64();
    const autoLeave = this.#u8() !== 0;
    const confState = {
      voters: this.#ids(),
      learners: this.#ids(),
      votersOutgoing: this.#ids(),
      learnersNext: this.#ids(),
      autoLeave,
    };
    const transferId = this.#u32();
    const data = this.#payload(this.#u32());
    return { snapshot: { index, term, confState, data }, transferId };
  }

  #ids(): number[] {
    const count = this.#u16();
    this.#need(count * 8);
    return Array.from({ length: count }, () => this.#u64());
  }

  #sleep(): SleepMarker {
    return {
      groupId: this.#u64(),
      to: this.#u64(),
      from: this.#u64(),
      term: this.#u64(),
      commit: this.#u64(),
    };
  }

  #snapshotPart(): SnapshotPart {
    return {
      groupId: this.#u64(),
      to: this.#u64(),
      from: this.#u64(),
      transferId: this.#u32(),
      offset: this.#u32(),
      totalBytes: this.#u32(),
      data: this.#payload(this.#u32()),
    };
  }

  #shipRequest(): ShipRequest {
    const ask = this.#oneOf("kind of request", SHIP_ASKS);
    return {
      ask,
      groupId: this.#u64(),
      to: this.#u64(),
      from: this.#u64(),
      requestId: this.#u32(),
      firstIndex: this.#u64(),
      endIndex: this.#u64(),
      maxBytes: this.#u32(),
    };
  }

  #shipReply(): ShipReply {
    const answer = this.#oneOf("kind of answer", SHIP_ANSWERS);
    return {
      answer,
      groupId: this.#u64(),
      to: this.#u64(),
      from: this.#u64(),
      requestId: this.#u32(),
      afterIndex: this.#u64(),
      afterTerm: this.#u64(),
      firstIndex: this.#u64(),
      lastIndex: this.#u64(),
      frames: this.#payload(this.#u32()),
    };
  }

  #oneOf<T>(what: string, values: readonly T[]): T {
    const number = this.#u8();
    const value = values[number];
    if (value === undefined) throw damaged(`${what} ${number} is unknown`);
    return value;
  }

  #payload(length: number): Uint8Array {
    if (length === 0) return EMPTY;
    const start = this.#payloadAt;
    if (start + length > this.#bytes.length) {
      throw damaged(`payload of ${length} bytes at byte ${start} passes the end of the frame`);
    }
    this.#payloadAt = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  #meta(length: number): Uint8Array {
    const start = this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(start, start + length);
  }

  #need(length: number): number {
    if (this.#at + length <= this.#metaEnd) return this.#at;
    throw damaged(`${length} bytes at byte ${this.#at} pass the meta area's end ${this.#metaEnd}`);
  }

  #u8(): number {
    const at = this.#need(1);
    this.#at += 1;
    return this.#bytes[at] ?? 0;
  }

  #u16(): number {
    const at = this.#need(2);
    this.#at += 2;
    return this.#bytes.readUInt16LE(at);
  }

  #u32(): number {
    const at = this.#need(4);
    this.#at += 4;
    return this.#bytes.readUInt32LE(at);
  }

  #u64(): number {
    const at = this.#need(8);
    this.#at += 8;
    return readU64(this.#bytes, at);
  }

  #f64(): number {
    const at = this.#need(8);
    this.#at += 8;
    return this.#bytes.readDoubleLE(at);
  }
}

function damaged(what: string): StreamError {
  return new StreamError("invalid-argument", `peer frame is damaged: ${what}`);
}
