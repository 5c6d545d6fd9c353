import { describe, expect, it } from "vitest";

import { ByteReader, ByteWriter, checksum, readU64, writeU64 } from "./bytes.ts";
import { decodeFrames, encodeFrame, putEntriesFrame } from "./frames.ts";
import type { GroupCheckpoint, WalFrame } from "./frames.ts";
import { decodeIdentity, encodeIdentity } from "./identity.ts";
import { PAGE_BYTES } from "./limits.ts";
import { encodeChunk, verifiedEntries } from "./log-chunk.ts";
import {
  decodeExtent,
  decodeSegmentFooter,
  damaged,
  decodeSegmentFrame,
  decodeSegmentHeader,
  encodeExtent,
  encodeSegmentFooter,
  encodeSegmentFrameHeader,
  encodeSegmentHeader,
} from "./segment-format.ts";
import { CONF, entry } from "./testing/lane-fixture.ts";
import { TermRuns } from "./term-runs.ts";
import {
  allStampsCurrent,
  BatchBuilder,
  batchBytes,
  batchIsIntact,
  framesOf,
  readBatchHeader,
} from "./wal-batch.ts";
import { decodeWalHeader, encodeWalHeader } from "./wal-header.ts";
import { currentSectors, readPageStamp } from "./wal-stamps.ts";

const INCARNATION = "000102030405060708090a0b0c0d0e0f";
const state = (index: number) =>
  ({
    index,
    term: 2,
    confState: CONF,
    location: { kind: "inline", bytes: Buffer.from([1, 2]) },
  }) as const;
const base = state(0);
const GROUP: GroupCheckpoint = {
  groupId: 5,
  replicaId: 50,
  kind: 2,
  description: Buffer.from("shard"),
  hardState: { term: 3, vote: 50, commit: 7 },
  compactedIndex: 4,
  compactedTerm: 2,
  lastIndex: 9,
  base,
  applied: {
    index: 6,
    term: 3,
    confState: { ...CONF, learners: [9], autoLeave: true },
    location: { kind: "file", fileId: 3, position: 32, length: 9000, crc: 0xdeadbeef },
  },
};

const FRAMES: readonly Exclude<WalFrame, { type: "entries" | "moved-entries" }>[] = [
  { type: "lane-checkpoint", segments: [1, 2, 3, 7], freeBelow: 4 },
  { type: "group-checkpoint", group: GROUP },
  { type: "group-created", group: { ...GROUP, applied: base } },
  { type: "hard-state", groupId: 5, hardState: { term: 3, vote: 0, commit: 2 ** 40 } },
  { type: "snapshot-installed", groupId: 5, state: state(12) },
  { type: "trimmed", groupId: 5, throughIndex: 8, throughTerm: 2, state: state(8) },
  { type: "segments-changed", change: { freeBelow: 3, added: [4], removed: [1, 2] } },
  { type: "group-dropped", groupId: 5, replicaId: 50 },
  {
    type: "log-shipped",
    groupId: 5,
    compactedIndex: 4,
    compactedTerm: 2,
    state: state(12),
    segments: [3, 4, 9],
  },
  { type: "group-damaged", groupId: 5, replicaId: 50, reason: "batch 7 is damaged: naïve" },
];

const ENTRIES = [
  { ...entry(7, 3, Buffer.from("first")), type: "EntryConfChangeV2" as const },
  entry(8, 3, Buffer.alloc(0)),
  entry(9, 4, Buffer.alloc(9000, 0x61)),
];

function batchOf(frames: readonly Buffer[], batchSeq = 12): Buffer {
  const builder = new BatchBuilder();
  builder.begin({ batchSeq, fileSeq: 3, durableSeqBefore: batchSeq - 1, flags: 0 }, 20_000);
  for (const frame of frames) {
    builder.countFrame();
    builder.put(frame);
  }
  return Buffer.from(builder.finish());
}

describe("numbers (bytes.ts)", () => {
  it("carry 53 bits and refuse more", () => {
    const bytes = Buffer.alloc(8);
    for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      writeU64(bytes, value, 0);
      expect(readU64(bytes, 0)).toBe(value);
    }
    bytes.fill(0xff);
    expect(() => readU64(bytes, 0)).toThrow(/must be below 2\^53/);
  });

  it("grow their buffer at every width, and end where they end", () => {
    const writer = new ByteWriter(1);
    writer.u8(1).u16(2).u32(3).u64(4).sized(Buffer.from("abc"));
    const reader = new ByteReader(writer.view());
    const read = [reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.sized().toString()];
    expect(read).toEqual([1, 2, 3, 4, "abc"]);
    expect(() => reader.u8()).toThrow(/runs over the end/);
  });
});

describe("WAL frames", () => {
  it.each(FRAMES.map((frame) => [frame.type, frame] as const))("%s reads back", (_, frame) => {
    expect([...decodeFrames(encodeFrame(frame), 1)]).toEqual([frame]);
  });

  it("keep their bytes from version to version", () => {
    const hex = FRAMES.map((frame) => [frame.type, encodeFrame(frame).toString("hex")]);
    expect(Object.fromEntries(hex)).toMatchSnapshot();
  });

  it("of entries read back out of the pages of a batch", () => {
    const builder = new BatchBuilder();
    builder.begin({ batchSeq: 2, fileSeq: 1, durableSeqBefore: 1, flags: 0 }, 10_000);
    putEntriesFrame(builder, "entries", 5, ENTRIES);
    const batch = builder.finish();
    const header = readBatchHeader(batch, 0);
    if (header === undefined) throw new Error("no header");
    expect([...decodeFrames(framesOf(batch, header), header.frameCount)]).toEqual([
      { type: "entries", groupId: 5, entries: ENTRIES },
    ]);
  });

  it("of an unknown type, cut short or too many are refused", () => {
    const frame = encodeFrame({ type: "group-dropped", groupId: 1, replicaId: 2 });
    const unknown = Buffer.from(frame);
    unknown.writeUInt32LE(99, 0);
    expect(() => [...decodeFrames(unknown, 1)]).toThrow(/frame type 99/);
    expect(() => [...decodeFrames(frame.subarray(0, 20), 1)]).toThrow(/runs over the end/);
    expect(() => [...decodeFrames(Buffer.concat([frame, frame]), 1)]).toThrow(/24 bytes after/);
  });
});

describe("WAL batches (W1..W4)", () => {
  const frames = FRAMES.map(encodeFrame);

  it("are whole pages, each with the stamps of its sectors", () => {
    const batch = batchOf([...frames, Buffer.alloc(9000, 1)]);
    const stamps = Array.from({ length: batch.byteLength / PAGE_BYTES }, (_, page) =>
      readPageStamp(batch, page * PAGE_BYTES),
    );
    expect(stamps).toEqual([0, 1, 2].map((page) => ({ batchSeq: 12, page, fileSeq: 3 })));
    expect(batchBytes(4052 - 48)).toBe(PAGE_BYTES);
    expect(batchBytes(4052 - 47)).toBe(2 * PAGE_BYTES);
    const sectors = (write: { batchSeq: number; fileSeq: number }, from = 0) =>
      [0, 1, 2].map((page) => currentSectors(batch, page * PAGE_BYTES, page + from, write));
    expect([
      sectors({ batchSeq: 12, fileSeq: 3 }),
      sectors({ batchSeq: 12, fileSeq: 3 }, 3),
      sectors({ batchSeq: 11, fileSeq: 3 }),
      sectors({ batchSeq: 9, fileSeq: 2 }),
    ]).toEqual([
      [8, 8, 8],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("keep their bytes from version to version", () => {
    expect(
      batchOf(frames.slice(3, 4))
        .toString("hex")
        .replace(/(00){64,}/g, "…"),
    ).toMatchSnapshot();
  });

  it("with a damaged stamp are still proven by their checksum; with damaged content they are not", () => {
    const batch = batchOf(frames);
    const header = readBatchHeader(batch, 0);
    if (header === undefined) throw new Error("no header");
    const stampDamaged = Buffer.from(batch);
    stampDamaged.fill(0, PAGE_BYTES - 16, PAGE_BYTES);
    stampDamaged.fill(0xff, 508, 512);
    const contentDamaged = Buffer.from(batch);
    contentDamaged.writeUInt8(contentDamaged.readUInt8(200) ^ 1, 200);
    expect(
      [batch, stampDamaged, contentDamaged].map((bytes) => batchIsIntact(bytes, header)),
    ).toEqual([true, true, false]);
    expect(
      [batch, stampDamaged, contentDamaged].map((bytes) => allStampsCurrent(bytes, header)),
    ).toEqual([true, false, true]);
  });

  it("refuse to be larger than a reader would believe", () => {
    const begin = () =>
      new BatchBuilder().begin(
        { batchSeq: 1, fileSeq: 1, durableSeqBefore: 0, flags: 0 },
        65 << 20,
      );
    expect(begin).toThrow(/at most 67108864 are allowed/);
  });
});

describe("headers", () => {
  const header = { nodeId: 7, incarnation: INCARNATION, fileSeq: 9, fileBytes: 1 << 20 };

  it("of WAL files read back, and keep their bytes", () => {
    const page = encodeWalHeader(header);
    expect(decodeWalHeader(page, "x.wal")).toEqual(header);
    expect(page.toString("hex").replace(/(00){64,}/g, "…")).toMatchSnapshot();
  });

  it("of newer formats are refused by name, damaged ones as damage", () => {
    const page = encodeWalHeader(header);
    const withVersions = (version: number, minReader: number) => {
      const other = Buffer.from(page);
      other.writeUInt16LE(version, 8);
      other.writeUInt16LE(minReader, 10);
      other.writeUInt32LE(checksum(other.subarray(0, 4092)), 4092);
      return () => decodeWalHeader(other, "x.wal");
    };
    expect(withVersions(1, 1)).toThrow(/x\.wal: has format 1, which was in no release/);
    expect(withVersions(3, 3)).toThrow(/x\.wal: needs a reader of format 3/);
    expect(withVersions(3, 2)()).toEqual(header);
    page.writeUInt8(1, 100);
    expect(decodeWalHeader(page, "x.wal")).toBe(undefined);
  });

  it("of segments, their extents, frames and footers read back, and keep their bytes", () => {
    const segment = { nodeId: 7, incarnation: INCARNATION, segmentId: 4 };
    const headerBytes = encodeSegmentHeader(segment);
    expect(decodeSegmentHeader(headerBytes, "x.seg")).toEqual(segment);
    const extent = {
      segmentId: 4,
      groupId: 5,
      replicaId: 50,
      firstIndex: 1,
      lastIndex: 9,
      startOffset: 0,
      endOffset: 90,
      arrivalBeforeMs: 0,
      arrivalMaxMs: 1000,
      position: 64,
      bytes: 4000,
      indexPosition: 4064,
      indexRows: 1,
      indexCrc: 0xabcdef01,
      terms: [{ firstIndex: 1, term: 2 }],
    };
    const table = new ByteWriter();
    encodeExtent(extent, table);
    expect(decodeExtent(4, new ByteReader(table.view()))).toEqual(extent);
    const footer = {
      segmentId: 4,
      indexesPosition: 64,
      tablePosition: 96,
      extentCount: 1,
      crc: 77,
    };
    const footerBytes = encodeSegmentFooter(footer);
    expect(decodeSegmentFooter(footerBytes, "x.seg", 0)).toEqual(footer);
    footerBytes.writeUInt8(1, 20);
    expect(() => decodeSegmentFooter(footerBytes, "x.seg", 500)).toThrow(/x\.seg at byte 500/);
    expect([headerBytes, table.view()].map((bytes) => bytes.toString("hex"))).toMatchSnapshot();
  });

  it("of shipped chunks are frames alone, and keep their bytes from version to version", () => {
    const { firstIndex, lastIndex, frames } = encodeChunk(ENTRIES.slice(0, 2));
    expect([firstIndex, lastIndex, Buffer.from(frames).toString("hex")]).toMatchSnapshot();
    expect(verifiedEntries({ firstIndex, lastIndex, frames }, 7, 3)).toEqual(ENTRIES.slice(0, 2));
  });

  it("of segment frames name the entry that is out of place", () => {
    const bytes = Buffer.alloc(40);
    encodeSegmentFrameHeader(entry(3, 1, Buffer.alloc(8)), bytes, 0);
    expect(() => decodeSegmentFrame(bytes, 0, 3, (what) => damaged("here", what))).toThrow(
      /^here: checksum of entry 3/,
    );
    expect(
      decodeSegmentFrame(bytes.subarray(0, 20), 0, 3, (what) => damaged("here", what)),
    ).toEqual({
      needBytes: 32,
    });
  });

  it("of the identity read back, and damage there is told apart from a new node", () => {
    const identity = { nodeId: 7, incarnation: INCARNATION, bootEpoch: 3, clusterId: "c1" };
    const bytes = encodeIdentity(identity);
    expect(decodeIdentity(bytes, "identity")).toEqual(identity);
    bytes.writeUInt8(9, 14);
    expect(() => decodeIdentity(bytes, "identity")).toThrow(/cannot prove who it is/);
  });
});

describe("runs of terms", () => {
  it("answer for any index, after appends, cuts and drops", () => {
    const runs = new TermRuns();
    runs.reset(0, 0);
    for (let index = 1; index <= 30; index++) runs.append(index, 1 + Math.floor(index / 10));
    const terms = (indexes: readonly number[]) => indexes.map((index) => runs.termAt(index));
    expect(terms([0, 1, 9, 10, 19, 20, 29, 30])).toEqual([0, 1, 1, 2, 2, 3, 3, 4]);
    runs.cutFrom(25);
    runs.append(25, 7);
    runs.dropBefore(12);
    expect(terms([12, 19, 20, 24, 25])).toEqual([2, 2, 3, 3, 7]);
    expect(runs.between(15, 24)).toEqual([
      { firstIndex: 15, term: 2 },
      { firstIndex: 20, term: 3 },
    ]);
  });
});
