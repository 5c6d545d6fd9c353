/**
 * What proves, sector by sector, that a page of the log is of one write.
 *
 * A disk writes sectors of 512 bytes whole, and of a page of 4 KiB any of them: with a proof per page
 * alone a write that power cut short looks like damage, and costs a replica that lost nothing.
 *
 *   page     4052 bytes of payload | displaced 28 | stamp 16: batchSeq u64, page u32, fileSeq u32 (low)
 *   sector   of 0..6 the last 4 bytes are its stamp; what belongs there is in `displaced`, in order.
 *            Sector 7 ends in the page's own stamp
 *
 * A sector's stamp mixes batchSeq, fileSeq and the sector's place in the batch, so neither zeros nor an
 * older write pass for it: by chance one sector in 2^27 does, and a torn write must be lucky in
 * every sector that did not arrive.
 */
import { writeU64 } from "./bytes.ts";
import { PAGE_BYTES } from "./limits.ts";

const SECTOR_BYTES = 512;
const STAMPED_SECTORS = PAGE_BYTES / SECTOR_BYTES - 1;
const SECTOR_STAMP_BYTES = 4;
const PAGE_STAMP_BYTES = 16;
/** Behind the payload of each page. */
export const PAGE_TRAILER_BYTES = STAMPED_SECTORS * SECTOR_STAMP_BYTES + PAGE_STAMP_BYTES;
export const PAGE_PAYLOAD_BYTES = PAGE_BYTES - PAGE_TRAILER_BYTES;
const PAGE_STAMP_AT = PAGE_BYTES - PAGE_STAMP_BYTES;

/** A write, as its stamps name it. */
export interface StampedWrite {
  readonly batchSeq: number;
  readonly fileSeq: number;
}

export interface PageStamp {
  readonly batchSeq: number;
  readonly page: number;
  /** Low 32 bits. */
  readonly fileSeq: number;
}

/** Bijective, and each bit in changes half of the bits out. Source: the finalizer of MurmurHash3. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

const seedOf = ({ batchSeq, fileSeq }: StampedWrite): number =>
  mix(mix(mix(batchSeq | 0) ^ Math.floor(batchSeq / 2 ** 32)) ^ (fileSeq | 0));

/**
 * Two seeds go in, or two writes whose one seed is equal would be equal in all their sectors. A stamp has
 * two bits set at least: one flipped bit is forgiven, and a zero must not pass even so.
 */
function sectorStamp(seed: number, batchSeq: number, sectorInBatch: number): number {
  const salted = Math.imul(sectorInBatch + 1, 0x9e3779b1) ^ seed;
  const stamp = mix(mix(salted) + (batchSeq | 0));
  return (stamp & (stamp - 1)) === 0 ? 0x5bd1e995 : stamp;
}

/** Puts the stamps of all pages, and aside what they displace. */
export function stampPages(batch: Buffer, write: StampedWrite): void {
  const seed = seedOf(write);
  for (let from = 0; from < batch.byteLength; from += PAGE_BYTES) {
    for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
      batch.writeInt32LE(batch.readInt32LE(sectorStampAt(from, sector)), displacedAt(from, sector));
    }
    writePageStamps(batch, from, seed, write);
  }
}

/** Puts the stamps alone, over a batch that was stamped before. */
export function restampPages(batch: Buffer, write: StampedWrite): void {
  const seed = seedOf(write);
  for (let from = 0; from < batch.byteLength; from += PAGE_BYTES) {
    writePageStamps(batch, from, seed, write);
  }
}

function writePageStamps(batch: Buffer, from: number, seed: number, write: StampedWrite): void {
  const page = from / PAGE_BYTES;
  for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
    const stamp = sectorStamp(seed, write.batchSeq, page * STAMPED_SECTORS + sector);
    batch.writeInt32LE(stamp, sectorStampAt(from, sector));
  }
  const at = from + PAGE_STAMP_AT;
  writeU64(batch, write.batchSeq, at);
  batch.writeUInt32LE(page, at + 8);
  batch.writeUInt32LE(write.fileSeq % 2 ** 32, at + 12);
}

/** Copies the first `payload.byteLength` bytes of payload out of the pages, each byte to its place. */
export function copyPayload(batch: Buffer, payload: Buffer): void {
  const length = payload.byteLength;
  for (let page = 0; page * PAGE_PAYLOAD_BYTES < length; page++) {
    const from = page * PAGE_BYTES;
    const to = page * PAGE_PAYLOAD_BYTES;
    batch.copy(payload, to, from, from + PAGE_PAYLOAD_BYTES);
    for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
      const at = displacedAt(from, sector);
      const target = to + sectorStampAt(0, sector);
      if (target < length) batch.copy(payload, target, at, at + SECTOR_STAMP_BYTES);
    }
  }
}

/** The stamp of the page that starts at `at`; `undefined` where the bytes cannot be one of ours. */
export function readPageStamp(bytes: Buffer, at: number): PageStamp | undefined {
  const stampAt = at + PAGE_STAMP_AT;
  const high = bytes.readUInt32LE(stampAt + 4);
  if (high >= 2 ** 21) return undefined;
  return {
    batchSeq: high * 2 ** 32 + bytes.readUInt32LE(stampAt),
    page: bytes.readUInt32LE(stampAt + 8),
    fileSeq: bytes.readUInt32LE(stampAt + 12),
  };
}

/**
 * How many of the eight sectors of `bytes`, page number `page` of the batch, are of `write`. One
 * flipped bit in a stamp is forgiven: an older page stamp differs in batchSeq and in fileSeq, so in two
 * bits at least.
 */
export function currentSectors(bytes: Buffer, at: number, page: number, write: StampedWrite) {
  const seed = seedOf(write);
  let current = 0;
  for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
    const stamp = sectorStamp(seed, write.batchSeq, page * STAMPED_SECTORS + sector);
    const differing = bytes.readInt32LE(sectorStampAt(at, sector)) ^ stamp;
    if ((differing & (differing - 1)) === 0) current++;
  }
  return pageStampIsCurrent(bytes, at, page, write) ? current + 1 : current;
}

export const SECTORS_PER_PAGE = STAMPED_SECTORS + 1;

/** Whether a sector stamp of `bytes`, page number `page` of the batch, is of `write`, bit for bit. */
export function anySectorIsOf(
  bytes: Buffer,
  at: number,
  page: number,
  write: StampedWrite,
): boolean {
  const seed = seedOf(write);
  for (let sector = 0; sector < STAMPED_SECTORS; sector++) {
    const stamp = sectorStamp(seed, write.batchSeq, page * STAMPED_SECTORS + sector);
    if (bytes.readInt32LE(sectorStampAt(at, sector)) === stamp) return true;
  }
  return false;
}

function pageStampIsCurrent(
  bytes: Buffer,
  at: number,
  page: number,
  { batchSeq, fileSeq }: StampedWrite,
): boolean {
  const stampAt = at + PAGE_STAMP_AT;
  const bits =
    bitsOf(bytes.readInt32LE(stampAt) ^ (batchSeq | 0)) +
    bitsOf(bytes.readInt32LE(stampAt + 4) ^ Math.floor(batchSeq / 2 ** 32)) +
    bitsOf(bytes.readInt32LE(stampAt + 8) ^ page) +
    bitsOf(bytes.readInt32LE(stampAt + 12) ^ (fileSeq | 0));
  return bits <= 1;
}

function bitsOf(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

const sectorStampAt = (from: number, sector: number): number =>
  from + (sector + 1) * SECTOR_BYTES - SECTOR_STAMP_BYTES;

const displacedAt = (from: number, sector: number): number =>
  from + PAGE_PAYLOAD_BYTES + sector * SECTOR_STAMP_BYTES;
