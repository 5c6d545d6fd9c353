/**
 * NextToken of ListShards: clients send it alone, so it carries the stream, the filter and where
 * the next page starts. Valid for 300 s, sealed as shard iterators are.
 */
import { AwsError, invalidArgument } from "../protocol/aws-error.ts";
import type { TokenSealer } from "./token-sealer.ts";
import { javaDate, strictBase64, TOKEN_LIFE_MS } from "./token-sealer.ts";

export interface ShardPageToken {
  readonly account: string;
  readonly streamName: string;
  readonly streamId: string;
  /** The last shard of the page before. */
  readonly afterShardIndex: number;
  readonly filter: { readonly type: string; readonly atMs?: number };
}

export function encodeNextToken(sealer: TokenSealer, page: ShardPageToken, nowMs: number): string {
  const plain = Buffer.from(JSON.stringify({ ...page, issuedMs: nowMs }));
  return sealer.seal("next-token", plain, nowMs).toString("base64");
}

/** @throws AwsError `InvalidArgumentException`, `ExpiredNextTokenException`. */
export function decodeNextToken(sealer: TokenSealer, token: string, nowMs: number): ShardPageToken {
  const bytes = strictBase64(token);
  const plain = bytes === undefined ? undefined : sealer.open("next-token", bytes);
  if (plain === undefined) throw invalidArgument("Invalid NextToken.");
  const { issuedMs, ...page } = JSON.parse(plain.toString()) as ShardPageToken & {
    readonly issuedMs: number; // sealed by encodeNextToken alone
  };
  if (nowMs - issuedMs <= TOKEN_LIFE_MS) return page;
  throw new AwsError(
    "ExpiredNextTokenException",
    `NextToken expired. The token was created at time ${javaDate(issuedMs)} while right now it is ` +
      `${javaDate(nowMs)} which is further in the future than the tolerated delay of ${TOKEN_LIFE_MS} milliseconds.`,
  );
}
