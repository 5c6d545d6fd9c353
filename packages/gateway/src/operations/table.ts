/** The operations that this version serves. The others of the API are known by name and refused by name. */
import type {
  AddTagsToStreamInput,
  CreateStreamInput,
  DecreaseStreamRetentionPeriodInput,
  DeleteStreamInput,
  DescribeStreamInput,
  DescribeStreamSummaryInput,
  GetRecordsInput,
  GetShardIteratorInput,
  IncreaseStreamRetentionPeriodInput,
  KINESIS_OPERATIONS,
  ListShardsInput,
  ListStreamsInput,
  ListTagsForStreamInput,
  PutRecordInput,
  PutRecordsInput,
  RemoveTagsFromStreamInput,
} from "../gen/kinesis-tables.ts";
import type { Operation } from "./call.ts";
import { createStream } from "./create-stream.ts";
import { deleteStream } from "./delete-stream.ts";
import { describeLimits } from "./describe-limits.ts";
import { describeStream } from "./describe-stream.ts";
import { describeStreamSummary } from "./describe-stream-summary.ts";
import { getRecords } from "./get-records.ts";
import { getShardIterator } from "./get-shard-iterator.ts";
import { listShards } from "./list-shards.ts";
import { listStreams } from "./list-streams.ts";
import { putRecord } from "./put-record.ts";
import { putRecords } from "./put-records.ts";
import { decreaseRetention, increaseRetention } from "./retention.ts";
import { addTags, listTags, removeTags } from "./tags.ts";

export type KinesisOperation = keyof typeof KINESIS_OPERATIONS;

/** Input of each served operation, after its checks. */
interface Inputs {
  readonly AddTagsToStream: AddTagsToStreamInput;
  readonly CreateStream: CreateStreamInput;
  readonly DecreaseStreamRetentionPeriod: DecreaseStreamRetentionPeriodInput;
  readonly DeleteStream: DeleteStreamInput;
  readonly DescribeLimits: object;
  readonly DescribeStream: DescribeStreamInput;
  readonly DescribeStreamSummary: DescribeStreamSummaryInput;
  readonly GetRecords: GetRecordsInput;
  readonly GetShardIterator: GetShardIteratorInput;
  readonly IncreaseStreamRetentionPeriod: IncreaseStreamRetentionPeriodInput;
  readonly ListShards: ListShardsInput;
  readonly ListStreams: ListStreamsInput;
  readonly ListTagsForStream: ListTagsForStreamInput;
  readonly PutRecord: PutRecordInput;
  readonly PutRecords: PutRecordsInput;
  readonly RemoveTagsFromStream: RemoveTagsFromStreamInput;
}

const SERVED: { readonly [Name in keyof Inputs]: Operation<Inputs[Name]> } = {
  AddTagsToStream: addTags,
  CreateStream: createStream,
  DecreaseStreamRetentionPeriod: decreaseRetention,
  DeleteStream: deleteStream,
  DescribeLimits: describeLimits,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  GetRecords: getRecords,
  GetShardIterator: getShardIterator,
  IncreaseStreamRetentionPeriod: increaseRetention,
  ListShards: listShards,
  ListStreams: listStreams,
  ListTagsForStream: listTags,
  PutRecord: putRecord,
  PutRecords: putRecords,
  RemoveTagsFromStream: removeTags,
};

/** Names of the served operations. */
export const SERVED_OPERATIONS = Object.keys(SERVED) as readonly (keyof Inputs)[];

/** The operation of that name, or `undefined` for one that this version does not serve. */
export function servedOperation(name: KinesisOperation): Operation<unknown> | undefined {
  return (SERVED as Readonly<Record<string, Operation<never>>>)[name] as
    | Operation<unknown> // its input passed the checks of the same name's shape
    | undefined;
}
