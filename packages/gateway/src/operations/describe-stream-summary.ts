/**
 * DescribeStreamSummary: the stream without its shards.
 *
 * Source: Kinesis API reference, DescribeStreamSummary.
 */
import type { DescribeStreamSummaryInput } from "../gen/kinesis-tables.ts";
import type { Answer, Call } from "./call.ts";
import { confirmedStream } from "./call.ts";
import { describeCommon } from "./describe-stream.ts";
import { visibleShards } from "./shards.ts";

export async function describeStreamSummary(
  call: Call,
  input: DescribeStreamSummaryInput,
): Promise<Answer> {
  const stream = await confirmedStream(call, input);
  const shards = visibleShards(call.backend.view, stream, call.clock.nowMs());
  return {
    StreamDescriptionSummary: {
      ...describeCommon(call, stream),
      StreamId: stream.streamId,
      OpenShardCount: shards.filter(({ state }) => state === "open").length,
      ConsumerCount: 0,
      MaxRecordSizeInKiB: stream.maxRecordSizeKib,
    },
  };
}
