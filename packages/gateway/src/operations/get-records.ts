/**
 * GetRecords: one page of a shard, in sequence-number order. A page may be empty while more follows,
 * so callers go by NextShardIterator. It is absent exactly when ChildShards is not empty: at the end
 * of a closed shard. A consumer that sees only one of the two signs re-reads for ever, so while the
 * children are not known yet the page gets an iterator and no children.
 *
 * Source: Kinesis API reference, GetRecords; reference/kinesis-api 2.5.
 */
import { asStreamError } from "@millrace/base";
import type { Shard, StreamRecord } from "@millrace/model";
import { READ_BYTES_MAX, READ_RECORDS_MAX, shardId } from "@millrace/model";

import type { GatewayPage } from "../backend.ts";
import type { GetRecordsInput } from "../gen/kinesis-tables.ts";
import {
  accessDenied,
  asAwsError,
  invalidArgument,
  notFound,
  throughputExceeded,
} from "../protocol/aws-error.ts";
import type { ShardPositionToken } from "../tokens/shard-iterator.ts";
import { decodeShardIterator, encodeShardIterator } from "../tokens/shard-iterator.ts";
import type { Answer, Call } from "./call.ts";
import {
  awaitBarrier,
  EncodedAnswer,
  findStream,
  refuseDryRun,
  remainingMs,
  streamNameOf,
} from "./call.ts";
import { confirmAfterStale } from "./shard-failure.ts";
import { pageJson, pageRecords } from "./record-page.ts";
import { childrenOf, describeChild } from "./shards.ts";

export async function getRecords(call: Call, input: GetRecordsInput): Promise<Answer> {
  const position = decodeShardIterator(call.tokens, input.ShardIterator, call.clock.nowMs());
  checkOwner(call, input, position);
  const { stream, shard } = await findShard(call, position);
  if (input.DryRun === true) refuseDryRun();
  const page = await fetchPage(call, stream, shard, position.offset, input.Limit);
  const children = atEnd(page) ? await confirmedChildren(call, shard) : [];
  const rest = {
    MillisBehindLatest: millisBehindLatest(shard, page),
    ...(children.length > 0
      ? { ChildShards: children.map(describeChild) }
      : { NextShardIterator: nextIterator(call, position, page) }),
  };
  return call.encoding === "json"
    ? new EncodedAnswer(pageJson(shard, page, rest))
    : { Records: pageRecords(shard, page), ...rest };
}

function checkOwner(call: Call, input: GetRecordsInput, position: ShardPositionToken): void {
  if (position.account !== call.caller.account) {
    throw accessDenied(
      `The ShardIterator belongs to a stream of account ${position.account}, the caller to ${call.caller.account}.`,
    );
  }
  if (input.StreamARN === undefined) return;
  const named = streamNameOf(call, { StreamARN: input.StreamARN });
  if (named !== position.streamName) {
    throw invalidArgument(
      `StreamARN ${input.StreamARN} is not the stream of the ShardIterator, ${position.streamName}.`,
    );
  }
}

async function findShard(
  call: Call,
  position: ShardPositionToken,
): Promise<{ readonly stream: StreamRecord; readonly shard: Shard }> {
  for (const confirmed of [false, true]) {
    if (confirmed) await awaitBarrier(call);
    const stream = findStream(call, position.streamName);
    if (stream?.streamId !== position.streamId) continue;
    const shard = call.backend.view.shard(position.streamId, position.shardIndex);
    if (shard !== undefined) return { stream, shard };
  }
  throw notFound(
    `Shard ${shardId(position.shardIndex)} in stream ${position.streamName} ` +
      `under account ${call.caller.account} does not exist`,
  );
}

async function fetchPage(
  call: Call,
  stream: StreamRecord,
  shard: Shard,
  offset: number,
  limit = READ_RECORDS_MAX,
): Promise<GatewayPage> {
  const request = { offset, maxBytes: READ_BYTES_MAX, maxRecords: limit, limited: true };
  try {
    return await call.backend.reader.fetch(
      shard,
      request,
      remainingMs(call, call.deadlines.readMs),
    );
  } catch (error) {
    await confirmAfterStale(call, stream, error);
    if (asStreamError(error).code !== "throttled") throw asAwsError(error);
    throw throughputExceeded(
      `Rate exceeded for Shard - ${call.caller.account}/${stream.streamName}/${shardId(shard.shardIndex)}`,
    );
  }
}

const atEnd = (page: GatewayPage) => page.sealed && page.nextOffset >= page.endOffset;

/** Children by the view as it is; metadata is asked again when it knows none, because the shard knows better. */
async function confirmedChildren(call: Call, shard: Shard): Promise<readonly Shard[]> {
  const known = childrenOf(call.backend.view, shard);
  if (known.length > 0) return known;
  await awaitBarrier(call);
  return childrenOf(call.backend.view, shard);
}

function nextIterator(call: Call, position: ShardPositionToken, page: GatewayPage): string {
  const next = { ...position, offset: page.nextOffset };
  return encodeShardIterator(call.tokens, next, call.clock.nowMs());
}

/**
 * 0 when the page ends at the newest record. Behind it, the age of the page's last record, and at
 * least 1, because callers take 0 for "caught up". At the end of a closed shard: since it closed.
 */
function millisBehindLatest(shard: Shard, page: GatewayPage): number {
  if (page.nextOffset >= page.endOffset) {
    return page.sealed ? Math.max(0, page.nowMs - (shard.closedAtMs ?? page.nowMs)) : 0;
  }
  const last = page.slices.at(-1);
  return last === undefined ? 1 : Math.max(1, page.nowMs - last.arrivalMs);
}
