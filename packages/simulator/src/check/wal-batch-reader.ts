/**
 * What a batch of the write-ahead log says, read from the bytes that go to the disk.
 *
 * Written from storage's FORMAT.md and not from its code: a check that read the log with the reader
 * which is under test would agree with it. Only what the checks need is kept; entries are not copied.
 */
const PAGE_BYTES = 4096;
const PAGE_PAYLOAD_BYTES = 4052;
/** The last bytes of each sector but the page's last are a stamp; what they displace is behind the payload. */
const SECTOR_BYTES = 512;
const STAMPED_SECTORS = 7;
const STAMP_BYTES = 4;
const BATCH_HEADER_BYTES = 48;

const LANE_CHECKPOINT = 1;
const GROUP_CHECKPOINT = 2;
const GROUP_CREATED = 3;
const ENTRIES = 4;
const MOVED_ENTRIES = 5;
const SNAPSHOT_INSTALLED = 7;
const TRIMMED = 8;
const SEGMENTS_CHANGED = 9;
const LOG_SHIPPED = 12;

export interface CheckpointedGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly term: number;
  readonly vote: number;
}

/** Entries of one frame: `first` to `first + count - 1`. */
export interface EntryRange {
  readonly groupId: number;
  readonly first: number;
  readonly count: number;
}

export interface BatchFacts {
  readonly fileSeq: number;
  /** Segments that it names, and files with states. */
  readonly segments: number[];
  readonly stateFiles: number[];
  /** Files of the log below this number are free; 0 when it says nothing of that. */
  freeBelow: number;
  readonly checkpoints: CheckpointedGroup[];
  readonly entries: EntryRange[];
}

/** @param batch Whole pages, as they are written. */
export function readBatch(batch: Uint8Array): BatchFacts {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  const payload = payloadOf(bytes);
  const header = new Cursor(payload, 16);
  const fileSeq = header.u64();
  const frames = payload.readUInt32LE(32);
  const facts: BatchFacts = {
    fileSeq,
    segments: [],
    stateFiles: [],
    freeBelow: 0,
    checkpoints: [],
    entries: [],
  };
  let at = BATCH_HEADER_BYTES;
  for (let frame = 0; frame < frames; frame++) {
    const type = payload.readUInt32LE(at);
    readFrame(type, new Cursor(payload, at + 8), facts);
    at += 8 + payload.readUInt32LE(at + 4);
  }
  return facts;
}

function payloadOf(bytes: Buffer): Buffer {
  const pages = bytes.byteLength / PAGE_BYTES;
  const payload = Buffer.alloc(pages * PAGE_PAYLOAD_BYTES);
  for (let page = 0; page < pages; page++) {
    const [from, to] = [page * PAGE_BYTES, page * PAGE_PAYLOAD_BYTES];
    bytes.copy(payload, to, from, from + PAGE_PAYLOAD_BYTES);
    for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
      const displaced = from + PAGE_PAYLOAD_BYTES + sector * STAMP_BYTES;
      const target = to + (sector + 1) * SECTOR_BYTES - STAMP_BYTES;
      bytes.copy(payload, target, displaced, displaced + STAMP_BYTES);
    }
  }
  return payload;
}

function readFrame(type: number, body: Cursor, facts: BatchFacts): void {
  switch (type) {
    case LANE_CHECKPOINT:
      facts.freeBelow = Math.max(facts.freeBelow, body.u64());
      body.ids(facts.segments);
      break;
    case SEGMENTS_CHANGED:
      facts.freeBelow = Math.max(facts.freeBelow, body.u64());
      body.ids(facts.segments);
      break;
    case GROUP_CHECKPOINT:
    case GROUP_CREATED:
      readGroup(type, body, facts);
      break;
    case ENTRIES:
    case MOVED_ENTRIES:
      facts.entries.push({ groupId: body.u64(), first: body.u64(), count: body.u32() });
      break;
    case SNAPSHOT_INSTALLED:
      body.skip(8);
      body.state(facts.stateFiles);
      break;
    case TRIMMED:
      body.skip(24);
      body.state(facts.stateFiles);
      break;
    case LOG_SHIPPED:
      body.skip(24);
      body.state(facts.stateFiles);
      body.ids(facts.segments);
      break;
  }
}

function readGroup(type: number, body: Cursor, facts: BatchFacts): void {
  const [groupId, replicaId] = [body.u64(), body.u64()];
  body.skip(4);
  body.skip(body.u32());
  const [term, vote] = [body.u64(), body.u64()];
  if (type === GROUP_CHECKPOINT) facts.checkpoints.push({ groupId, replicaId, term, vote });
  body.skip(8 + 24);
  body.state(facts.stateFiles);
  const isSame = body.u8() === 1;
  if (!isSame) body.state(facts.stateFiles);
}

class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  skip(count: number): void {
    this.#at += count;
  }

  u8(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  u16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16LE(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  u64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigUInt64LE(this.#at - 8));
  }

  /** Runs of first and count. */
  ids(into: number[]): void {
    for (let runs = this.u32(); runs > 0; runs--) {
      const first = this.u64();
      const count = this.u32();
      for (let at = 0; at < count; at++) into.push(first + at);
    }
  }

  /** Index, term, four lists of members, a flag, and where the bytes are. */
  state(files: number[]): void {
    this.skip(16);
    for (let list = 0; list < 4; list++) this.skip(this.u16() * 8);
    this.skip(1);
    if (this.u8() === 0) this.skip(this.u32());
    else {
      files.push(this.u64());
      this.skip(16);
    }
  }
}
