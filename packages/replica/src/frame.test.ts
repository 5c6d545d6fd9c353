import { StreamError } from "@millrace/base";
import { makeMessage, type Message } from "@millrace/raft-ts";
import { describe, expect, it } from "vitest";

import {
  FRAME_HEADER_BYTES,
  SHIP_ANSWERS,
  SHIP_ASKS,
  type Liveness,
  type ShipReply,
  type ShipRequest,
  type SleepMarker,
  type SnapshotPart,
} from "./frame.ts";
import { readFrame, type FrameOrigin } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";

const INCARNATION = Buffer.from("00112233445566778899aabbccddeeff", "hex");

interface Seen {
  readonly origins: FrameOrigin[];
  readonly liveness: Liveness[];
  readonly messages: { groupId: number; message: Message; transferId: number }[];
  readonly sleeps: SleepMarker[];
  readonly parts: SnapshotPart[];
  readonly requests: ShipRequest[];
  readonly replies: ShipReply[];
}

function read(frame: Uint8Array, admit = true): Seen {
  const seen: Seen = {
    origins: [],
    liveness: [],
    messages: [],
    sleeps: [],
    parts: [],
    requests: [],
    replies: [],
  };
  readFrame(frame, {
    origin: (origin) => {
      seen.origins.push(origin);
      return admit;
    },
    liveness: (liveness) => seen.liveness.push(liveness),
    message: (groupId, message, transferId) => seen.messages.push({ groupId, message, transferId }),
    sleep: (marker) => seen.sleeps.push(marker),
    snapshotPart: (part) => seen.parts.push(part),
    shipRequest: (request) => seen.requests.push(request),
    shipReply: (reply) => seen.replies.push(reply),
  });
  return seen;
}

function frameOf(fill: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter("append");
  fill(writer);
  return Buffer.concat(writer.finish(7, INCARNATION));
}

const BIG = Number.MAX_SAFE_INTEGER;
const REQUEST: ShipRequest = {
  groupId: 2,
  to: 21,
  from: 22,
  requestId: 7,
  ask: "entries",
  firstIndex: 8,
  endIndex: 20,
  maxBytes: 1_048_576,
};
const REPLY: ShipReply = {
  groupId: 2,
  to: 22,
  from: 21,
  requestId: 7,
  answer: "chunk",
  afterIndex: 5,
  afterTerm: 3,
  firstIndex: 8,
  lastIndex: 9,
  frames: Buffer.from("ab"),
};
const ENTRY = { term: 3, index: 9, type: "EntryNormal", data: Buffer.from("abc") } as const;

describe("a peer frame", () => {
  it("has these bytes for a heartbeat, for ever (F2, F3)", () => {
    const frame = frameOf((writer) =>
      writer.message(
        2,
        makeMessage({ type: "MsgHeartbeat", to: 21, from: 22, term: 5, commit: 9 }),
      ),
    );
    expect(frame.toString("hex")).toBe(
      "4d524652010101000700000" +
        "02e00000000000000" +
        "00112233445566778899aabbccddeeff" +
        "0201000000" +
        "00" +
        "0200000000000000" +
        "1500000000000000" +
        "1600000000000000" +
        "0500000000000000" +
        "0900000000000000",
    );
  });

  it("gives back every part as it was", () => {
    const liveness: Liveness = {
      bootEpoch: 4,
      sentMs: 12.5,
      wallMs: 1_700_000_000_000,
      walHealthy: true,
      draining: false,
      echo: { sentMs: 3.25, heldMs: 100 },
    };
    const append = makeMessage({
      type: "MsgApp",
      to: BIG - 2,
      from: 22,
      term: BIG,
      logTerm: 3,
      index: 8,
      commit: 7,
      entries: [ENTRY, { ...ENTRY, index: 10, data: new Uint8Array(0) }],
    });
    const rejected = makeMessage({
      type: "MsgAppResp",
      to: 21,
      from: 22,
      term: 5,
      reject: true,
      rejectHint: 6,
      context: Buffer.from("round"),
    });
    const marker = { groupId: 2, to: 21, from: 22, term: 5, commit: 9 };
    const part = {
      groupId: 2,
      to: 21,
      from: 22,
      transferId: 8,
      offset: 4,
      totalBytes: 7,
      data: Buffer.from("def"),
    };
    const confState = {
      voters: [21, 22],
      learners: [23],
      votersOutgoing: [24],
      learnersNext: [],
      autoLeave: true,
    };
    const snap = makeMessage({
      type: "MsgSnap",
      to: 21,
      from: 22,
      term: 5,
      snapshot: { index: 9, term: 4, confState, data: Buffer.from("state") },
    });
    const seen = read(
      frameOf((writer) => {
        writer.liveness(liveness);
        writer.message(2, append);
        writer.message(3, rejected);
        writer.sleep(marker);
        writer.snapshotPart(part);
        writer.message(4, snap);
        writer.message(5, snap, 8);
      }),
    );
    const origin = { nodeId: 7, incarnation: INCARNATION.toString("hex") };
    const emptied = snap.snapshot && { ...snap.snapshot, data: new Uint8Array(0) };
    expect(plain(seen)).toEqual(
      plain({
        origins: [origin],
        liveness: [liveness],
        messages: [
          { groupId: 2, message: append, transferId: 0 },
          { groupId: 3, message: rejected, transferId: 0 },
          { groupId: 4, message: snap, transferId: 0 },
          { groupId: 5, message: { ...snap, snapshot: emptied }, transferId: 8 },
        ],
        sleeps: [marker],
        parts: [part],
        requests: [],
        replies: [],
      }),
    );
  });

  it("carries priorities and asked-for snapshots, and then needs a reader of version 2 (F4)", () => {
    const vote = makeMessage({ type: "MsgVote", to: 21, from: 22, term: 5, priority: BIG });
    const context = Buffer.from("CampaignTransfer");
    const messages = [
      vote,
      makeMessage({ ...vote, context }),
      makeMessage({
        type: "MsgAppResp",
        to: 21,
        from: 22,
        term: 5,
        reject: true,
        requestSnapshot: 9,
      }),
      makeMessage({ type: "MsgHeartbeatResp", to: 21, from: 22, term: 5, requestSnapshot: 9 }),
    ];
    const frame = frameOf((writer) => {
      for (const message of messages) writer.message(2, message);
    });
    const plainFrame = frameOf((writer) =>
      writer.message(2, makeMessage({ ...vote, priority: 0 })),
    );
    expect([...frame.subarray(4, 6), ...plainFrame.subarray(4, 6)]).toEqual([2, 2, 1, 1]);
    expect(plain(read(frame).messages)).toEqual(
      plain(messages.map((message) => ({ groupId: 2, message, transferId: 0 }))),
    );
  });

  it("has these bytes for a piece of log and the question for it, for ever, and needs version 3 (F4)", () => {
    const frame = frameOf((writer) => {
      writer.shipRequest(REQUEST);
      writer.shipReply(REPLY);
    });
    expect(frame.toString("hex")).toBe(
      "4d52465203030100070000007400000002000000" +
        "00112233445566778899aabbccddeeff" +
        "06000200000000000000150000000000000016000000000000000700000008000000000000001400000000000000" +
        "00001000" +
        "070002000000000000001600000000000000150000000000000007000000" +
        "0500000000000000030000000000000008000000000000000900000000000000" +
        "02000000" +
        "6162",
    );
  });

  it("carries every question for a log and every answer as it was", () => {
    const requests = SHIP_ASKS.map((ask) => ({ ...REQUEST, ask, endIndex: BIG }));
    const replies = SHIP_ANSWERS.map((answer) => ({ ...REPLY, answer, afterIndex: BIG }));
    const seen = read(
      frameOf((writer) => {
        for (const request of requests) writer.shipRequest(request);
        for (const reply of replies) writer.shipReply(reply);
      }),
    );
    expect(plain([seen.requests, seen.replies])).toEqual(plain([requests, replies]));
  });

  it("refers to payloads instead of copying them, at both ends (F3)", () => {
    const data = Buffer.from("payload");
    const writer = new FrameWriter("append");
    const entries = [{ ...ENTRY, data }];
    writer.message(2, makeMessage({ type: "MsgApp", to: 21, from: 22, term: 5, entries }));
    const parts = writer.finish(7, INCARNATION);
    expect(parts[1]).toBe(data);
    const frame = Buffer.concat(parts);
    const received = read(frame).messages[0]?.message.entries[0]?.data;
    expect(received?.buffer).toBe(frame.buffer);
  });

  it("is not read further when its origin is not wanted", () => {
    const frame = frameOf((writer) =>
      writer.message(2, makeMessage({ type: "MsgHeartbeat", to: 21, from: 22, term: 5 })),
    );
    expect(read(frame, false).messages).toEqual([]);
  });

  it("is refused when it is cut anywhere, or a number is above 2^53 - 1 (F1, F2)", () => {
    const entries = [ENTRY];
    const frame = frameOf((writer) =>
      writer.message(2, makeMessage({ type: "MsgApp", to: 21, from: 22, term: 5, entries })),
    );
    for (let length = 0; length < frame.length; length += 1) {
      expect(() => read(frame.subarray(0, length))).toThrow(StreamError);
    }
    const groupIdHighHalf = FRAME_HEADER_BYTES + 3 + 4;
    frame.writeUInt32LE(0x20_0000, groupIdHighHalf);
    expect(() => read(frame)).toThrow("above 2^53 - 1");
  });

  it("never does anything but throw a StreamError when any of its bytes is changed", () => {
    const entries = [ENTRY];
    const whole = frameOf((writer) => {
      writer.message(2, makeMessage({ type: "MsgApp", to: 21, from: 22, term: 5, entries }));
      writer.message(2, makeMessage({ type: "MsgHeartbeatResp", to: 21, from: 22, term: 5 }));
      writer.shipRequest(REQUEST);
      writer.shipReply(REPLY);
    });
    let refused = 0;
    for (let at = 0; at < whole.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const frame = Buffer.from(whole);
        frame[at] = value;
        try {
          read(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(StreamError);
          refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it("says by name that it needs a newer reader (F4)", () => {
    const frame = frameOf(() => {});
    frame[5] = 4;
    expect(() => read(frame)).toThrow(
      new StreamError("unsupported", "frame needs reader version 4, this is 3"),
    );
  });
});

/** With payloads as text: a Buffer and a view of another buffer are equal when their bytes are. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, field: unknown) =>
      field instanceof Uint8Array || isJsonBuffer(field) ? toText(field) : field,
    ),
  );
}

function isJsonBuffer(field: unknown): field is { type: "Buffer"; data: number[] } {
  return typeof field === "object" && field !== null && "type" in field && field.type === "Buffer";
}

function toText(field: Uint8Array | { data: number[] }): string {
  return Buffer.from(field instanceof Uint8Array ? field : field.data).toString("latin1");
}
