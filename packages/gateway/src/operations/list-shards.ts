/**
 * ListShards: a stream's shards in pages, all of them or those of one moment.
 *
 * Consumers plan from this: an application that starts at a point in time takes leases for exactly
 * the shards that this gives for it and finds the rest by following children, so a filter that
 * leaves one out loses its records without a word.
 *
 * Source: Kinesis API reference, ListShards; reference/kinesis-api 2.8.
 */
import type { MetadataView, Shard, StreamRecord } from "@millrace/model";

import type { ListShardsInput, ShardFilter } from "../gen/kinesis-tables.ts";
import { AwsError, invalidArgument, notFound } from "../protocol/aws-error.ts";
import type { ShardPageToken } from "../tokens/next-token.ts";
import { decodeNextToken, encodeNextToken } from "../tokens/next-token.ts";
import type { Answer, Call } from "./call.ts";
import { awaitBarrier, confirmedStream, findStream } from "./call.ts";
import { afterIndex } from "./describe-stream.ts";
import { describeShard, openedAtMs, trimHorizonMs, visibleShards } from "./shards.ts";

/** The model allows 10,000; larger values are cut. */
const SHARDS_PER_PAGE_MAX = 1000;

interface Query {
  readonly stream: StreamRecord;
  readonly afterShardIndex: number;
  readonly filter: ShardPageToken["filter"];
}

export async function listShards(call: Call, input: ListShardsInput): Promise<Answer> {
  const { NextToken: token } = input;
  const query =
    token === undefined ? await firstPage(call, input) : await nextPage(call, input, token);
  const { stream, afterShardIndex, filter } = query;
  requireListable(call, stream);
  const { view } = call.backend;
  const nowMs = call.clock.nowMs();
  const shards = visibleShards(view, stream, nowMs)
    .filter(({ shardIndex }) => shardIndex > afterShardIndex)
    .filter((shard) => matches(view, stream, shard, filter, nowMs));
  const limit = Math.min(input.MaxResults ?? SHARDS_PER_PAGE_MAX, SHARDS_PER_PAGE_MAX);
  const page = shards.slice(0, limit);
  const last = page.at(-1);
  return {
    Shards: page.map(describeShard),
    ...(shards.length > limit && last !== undefined
      ? { NextToken: tokenAfter(call, query, last) }
      : {}),
  };
}

async function firstPage(call: Call, input: ListShardsInput): Promise<Query> {
  if (input.StreamName === undefined && input.StreamARN === undefined) {
    throw invalidArgument("Either NextToken or StreamName should be provided.");
  }
  const filter = filterOf(input.ShardFilter);
  const stream = await confirmedStream(call, input);
  requireIncarnation(call, stream, input.StreamCreationTimestamp);
  const after =
    input.ShardFilter?.Type === "AFTER_SHARD_ID"
      ? input.ShardFilter.ShardId
      : input.ExclusiveStartShardId;
  return { stream, afterShardIndex: afterIndex(after), filter };
}

/** Clients send the token alone; what it does not carry must not stand beside it. */
async function nextPage(call: Call, input: ListShardsInput, token: string): Promise<Query> {
  const beside = [
    "StreamName",
    "StreamARN",
    "ExclusiveStartShardId",
    "StreamCreationTimestamp",
    "ShardFilter",
  ] as const;
  for (const name of beside) {
    if (input[name] !== undefined) {
      throw invalidArgument(`NextToken and ${name} cannot be provided together.`);
    }
  }
  const page = decodeNextToken(call.tokens, token, call.clock.nowMs());
  await awaitBarrier(call);
  const stream = findStream(call, page.streamName);
  if (page.account !== call.caller.account || stream?.streamId !== page.streamId) {
    throw notFound(`Stream ${page.streamName} under account ${call.caller.account} not found.`);
  }
  return { stream, afterShardIndex: page.afterShardIndex, filter: page.filter };
}

function filterOf(filter: ShardFilter | undefined): ShardPageToken["filter"] {
  const { Type = "FROM_TRIM_HORIZON", ShardId, Timestamp } = filter ?? {};
  const wantsTime = Type === "AT_TIMESTAMP" || Type === "FROM_TIMESTAMP";
  const wantsShard = Type === "AFTER_SHARD_ID";
  if (wantsTime !== (Timestamp !== undefined)) throw filterError(Type, "Timestamp", wantsTime);
  if (wantsShard !== (ShardId !== undefined)) throw filterError(Type, "ShardId", wantsShard);
  return Timestamp === undefined ? { type: Type } : { type: Type, atMs: Timestamp };
}

function matches(
  view: MetadataView,
  stream: StreamRecord,
  shard: Shard,
  { type, atMs = 0 }: ShardPageToken["filter"],
  nowMs: number,
): boolean {
  const horizonMs = trimHorizonMs(stream, nowMs);
  const openAt = (ms: number) =>
    openedAtMs(view, shard) <= ms && (shard.closedAtMs ?? Infinity) >= ms;
  switch (type) {
    case "AT_TRIM_HORIZON":
      return openAt(horizonMs);
    case "AT_LATEST":
      return shard.closedAtMs === undefined;
    case "AT_TIMESTAMP":
      return openAt(Math.max(atMs, horizonMs));
    case "FROM_TIMESTAMP":
      return (shard.closedAtMs ?? Infinity) >= Math.max(atMs, horizonMs);
    default: // AFTER_SHARD_ID and FROM_TRIM_HORIZON: whatever is visible
      return true;
  }
}

function requireIncarnation(call: Call, stream: StreamRecord, createdMs: number | undefined): void {
  // Callers have the time from a JSON answer in seconds with a fraction, or cut to seconds.
  if (createdMs === undefined || Math.abs(createdMs - stream.createdAtMs) < 1000) return;
  throw notFound(
    `Stream ${stream.streamName} under account ${call.caller.account} created at ${createdMs / 1000} not found.`,
  );
}

function requireListable({ caller }: Call, { streamName, status }: StreamRecord): void {
  if (status === "ACTIVE" || status === "UPDATING") return;
  throw new AwsError(
    "ResourceInUseException",
    `Stream ${streamName} under account ${caller.account} not ACTIVE or UPDATING, instead in state ${status}`,
  );
}

function tokenAfter(call: Call, { stream, filter }: Query, last: Shard): string {
  const { account, streamName, streamId } = stream;
  const page = { account, streamName, streamId, afterShardIndex: last.shardIndex, filter };
  return encodeNextToken(call.tokens, page, call.clock.nowMs());
}

function filterError(type: string, member: string, wanted: boolean) {
  return invalidArgument(
    wanted
      ? `ShardFilter of type ${type} must have a ${member}.`
      : `ShardFilter of type ${type} must not have a ${member}.`,
  );
}
