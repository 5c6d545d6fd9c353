/**
 * ListStreams: the caller's streams by name, in pages. The page token is the last name of the page,
 * so it neither expires nor depends on the process that gave it.
 *
 * Source: Kinesis API reference, ListStreams.
 */
import type { StreamRecord } from "@millrace/model";
import { STREAM_NAME_PATTERN, streamArn } from "@millrace/model";

import type { ListStreamsInput } from "../gen/kinesis-tables.ts";
import { invalidArgument } from "../protocol/aws-error.ts";
import { EpochMs } from "../protocol/values.ts";
import type { Answer, Call } from "./call.ts";
import { awaitBarrier, clusterOf } from "./call.ts";

/** The model allows 10,000; the service never gives more. */
const STREAMS_PER_PAGE_MAX = 100;

export async function listStreams(call: Call, input: ListStreamsInput): Promise<Answer> {
  const after = startAfter(input);
  const limit = Math.min(input.Limit ?? STREAMS_PER_PAGE_MAX, STREAMS_PER_PAGE_MAX);
  await awaitBarrier(call);
  const { view } = call.backend;
  const { region } = clusterOf(view);
  const streams = view
    .list("stream")
    .filter(({ account, streamName }) => account === call.caller.account && streamName > after)
    .sort((a, b) => (a.streamName < b.streamName ? -1 : 1));
  const page = streams.slice(0, limit);
  const more = streams.length > limit;
  return {
    StreamNames: page.map(({ streamName }) => streamName),
    HasMoreStreams: more,
    ...(more ? { NextToken: tokenAfter(page.at(-1)) } : {}),
    StreamSummaries: page.map((stream) => summary(region, stream)),
  };
}

function summary(region: string, stream: StreamRecord): object {
  return {
    StreamName: stream.streamName,
    StreamARN: streamArn(region, stream.account, stream.streamName),
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.streamMode },
    StreamCreationTimestamp: new EpochMs(stream.createdAtMs),
  };
}

function startAfter({ ExclusiveStartStreamName, NextToken }: ListStreamsInput): string {
  if (NextToken === undefined) return ExclusiveStartStreamName ?? "";
  if (ExclusiveStartStreamName !== undefined) {
    throw invalidArgument("NextToken and ExclusiveStartStreamName cannot be provided together.");
  }
  const name = Buffer.from(NextToken, "base64").toString("utf8");
  if (!STREAM_NAME_PATTERN.test(name)) throw invalidArgument("Invalid NextToken.");
  return name;
}

function tokenAfter(last: StreamRecord | undefined): string {
  return Buffer.from(last?.streamName ?? "").toString("base64");
}
