/**
 * The shard iterator: a position in one shard of one incarnation of a stream, valid for 300 s.
 *
 *   byte 0          8
 *        | 0…0 1    | sealed: account 12, stream id 24, shard index u32, offset u64, issued u64,
 *        | (8)      |         name length u8, name, zeros up to the length that AWS's tokens have
 *
 * A token that a reply lost on its way must work again, so it is never used up; and each GetRecords
 * gives a new one, because its life counts from its issue.
 *
 * Source: reference/kinesis-api 2.4.
 */
import { safeU64, setSafeU64, viewOf } from "@millrace/model";

import { AwsError, invalidArgument } from "../protocol/aws-error.ts";
import type { TokenSealer } from "./token-sealer.ts";
import { javaDate, SEAL_BYTES, strictBase64, TOKEN_LIFE_MS } from "./token-sealer.ts";

export interface ShardPositionToken {
  readonly account: string;
  readonly streamName: string;
  readonly streamId: string;
  readonly shardIndex: number;
  /** The first record wanted. */
  readonly offset: number;
}

const PREFIX = Buffer.from("0000000000000001", "hex");
const TOKEN_BYTES_MIN = 152;
const TOKEN_BYTES_MAX = 280;
const BLOCK_BYTES = 16;
const ACCOUNT_BYTES = 12;
const STREAM_ID_BYTES = 24;
const INDEX_AT = ACCOUNT_BYTES + STREAM_ID_BYTES;
const OFFSET_AT = INDEX_AT + 4;
const ISSUED_AT = OFFSET_AT + 8;
const NAME_AT = ISSUED_AT + 9;

export function encodeShardIterator(
  sealer: TokenSealer,
  position: ShardPositionToken,
  nowMs: number,
): string {
  const blocks = Math.floor((position.streamName.length + 2) / BLOCK_BYTES);
  const plain = Buffer.alloc(
    TOKEN_BYTES_MIN + BLOCK_BYTES * blocks - PREFIX.byteLength - SEAL_BYTES,
  );
  plain.write(position.account, 0, ACCOUNT_BYTES, "latin1");
  plain.write(position.streamId, ACCOUNT_BYTES, STREAM_ID_BYTES, "latin1");
  plain.writeUInt32LE(position.shardIndex, INDEX_AT);
  const view = viewOf(plain);
  setSafeU64(view, OFFSET_AT, position.offset);
  setSafeU64(view, ISSUED_AT, nowMs);
  plain.writeUInt8(position.streamName.length, NAME_AT - 1);
  plain.write(position.streamName, NAME_AT, "latin1");
  const sealed = sealer.seal("shard-iterator", plain, nowMs);
  return Buffer.concat([PREFIX, sealed]).toString("base64");
}

/** @throws AwsError `InvalidArgumentException` for what is no token of this cluster, `ExpiredIteratorException`. */
export function decodeShardIterator(
  sealer: TokenSealer,
  token: string,
  nowMs: number,
): ShardPositionToken {
  const plain = openToken(sealer, unquoted(token));
  if (plain === undefined) throw invalidArgument("Invalid ShardIterator.");
  const view = viewOf(plain);
  const issuedMs = safeU64("issued", view, ISSUED_AT);
  if (issuedMs > nowMs + TOKEN_LIFE_MS) throw invalidArgument("Invalid ShardIterator.");
  if (nowMs - issuedMs > TOKEN_LIFE_MS) throw expired(issuedMs, nowMs);
  const nameBytes = plain.readUInt8(NAME_AT - 1);
  return {
    account: plain.toString("latin1", 0, ACCOUNT_BYTES),
    streamId: plain.toString("latin1", ACCOUNT_BYTES, INDEX_AT).replaceAll("\0", ""),
    shardIndex: plain.readUInt32LE(INDEX_AT),
    offset: safeU64("offset", view, OFFSET_AT),
    streamName: plain.toString("latin1", NAME_AT, NAME_AT + nameBytes),
  };
}

function openToken(sealer: TokenSealer, token: string): Buffer | undefined {
  const bytes = strictBase64(token);
  if (bytes === undefined) return undefined;
  if (bytes.byteLength < TOKEN_BYTES_MIN || bytes.byteLength > TOKEN_BYTES_MAX) return undefined;
  if (!bytes.subarray(0, PREFIX.byteLength).equals(PREFIX)) return undefined;
  return sealer.open("shard-iterator", bytes.subarray(PREFIX.byteLength));
}

/** Callers that pass JSON text through a shell leave the quotes on; the service takes that. */
function unquoted(token: string): string {
  return token.length >= 2 && token.startsWith('"') && token.endsWith('"')
    ? token.slice(1, -1)
    : token;
}

function expired(issuedMs: number, nowMs: number): AwsError {
  return new AwsError(
    "ExpiredIteratorException",
    `Iterator expired. The iterator was created at time ${javaDate(issuedMs)} while right now it is ` +
      `${javaDate(nowMs)} which is further in the future than the tolerated delay of ${TOKEN_LIFE_MS} milliseconds.`,
  );
}
