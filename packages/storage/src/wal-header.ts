/**
 * The first page of a WAL file. `fileSeq` makes recycled bytes invalid: a file is given a new number
 * before it is used again, and no batch with another number is read from it.
 */
import { StreamError } from "@millrace/base";

import { checksum, CHECKSUM_CRC32, readU64, writeU64 } from "./bytes.ts";
import { PAGE_BYTES } from "./limits.ts";

const MAGIC = Buffer.from("MILLRWAL", "latin1");
/** 2: each sector has a stamp. Version 1, with a stamp per page, was in no release. */
export const WAL_FORMAT_VERSION = 2;
const CRC_AT = PAGE_BYTES - 4;

export interface WalHeader {
  readonly nodeId: number;
  /** 32 hexadecimal digits. */
  readonly incarnation: string;
  readonly fileSeq: number;
  readonly fileBytes: number;
}

export function encodeWalHeader(header: WalHeader): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page, 0);
  page.writeUInt16LE(WAL_FORMAT_VERSION, 8);
  page.writeUInt16LE(WAL_FORMAT_VERSION, 10);
  page.writeUInt8(CHECKSUM_CRC32, 12);
  page.writeUInt32LE(header.nodeId, 16);
  page.writeUInt32LE(PAGE_BYTES, 20);
  page.write(header.incarnation, 24, "hex");
  writeU64(page, header.fileSeq, 40);
  writeU64(page, header.fileBytes, 48);
  page.writeUInt32LE(checksum(page.subarray(0, CRC_AT)), CRC_AT);
  return page;
}

/**
 * `undefined` for a damaged page.
 *
 * @throws StreamError `unsupported` for a version that this program does not know, naming `path`.
 */
export function decodeWalHeader(page: Buffer, path: string): WalHeader | undefined {
  const intact =
    page.byteLength >= PAGE_BYTES &&
    page.subarray(0, 8).equals(MAGIC) &&
    checksum(page.subarray(0, CRC_AT)) === page.readUInt32LE(CRC_AT);
  if (!intact) return undefined;
  const minReader = page.readUInt16LE(10);
  if (minReader > WAL_FORMAT_VERSION) {
    throw new StreamError(
      "unsupported",
      `${path}: needs a reader of format ${minReader}, this program reads up to ${WAL_FORMAT_VERSION}`,
    );
  }
  const version = page.readUInt16LE(8);
  if (version < WAL_FORMAT_VERSION) {
    throw new StreamError(
      "unsupported",
      `${path}: has format ${version}, which was in no release; this program reads format ${WAL_FORMAT_VERSION}`,
    );
  }
  const algorithm = page.readUInt8(12);
  if (algorithm !== CHECKSUM_CRC32) {
    throw new StreamError("unsupported", `${path}: checksum algorithm ${algorithm} is not known`);
  }
  return {
    nodeId: page.readUInt32LE(16),
    incarnation: page.toString("hex", 24, 40),
    fileSeq: readU64(page, 40),
    fileBytes: readU64(page, 48),
  };
}
