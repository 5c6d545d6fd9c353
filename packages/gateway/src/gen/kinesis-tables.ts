/**
 * The Kinesis API in tables: written by scripts/generate-aws-tables.ts, never by hand.
 *
 * API models Copyright Amazon.com, Inc. or its affiliates, Apache-2.0.
 */
import type { OperationTable, ShapeTable } from "../protocol/shape-tables.ts";

export const KINESIS_SHAPES: ShapeTable = {
  AddTagsToStreamInput: {"type":"structure","members":[{"name":"Tags","shape":"TagMap","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  BooleanObject: {"type":"boolean"},
  ChannelARN: {"type":"string","min":1,"max":2048,"pattern":"arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+"},
  ChannelCompressionType: {"type":"string","enum":["NONE","GZIP","ZSTD"]},
  ChannelCountObject: {"type":"integer"},
  ChannelDescription: {"type":"structure","members":[{"name":"ChannelName","shape":"ChannelName","required":true},{"name":"ChannelARN","shape":"ChannelARN","required":true},{"name":"ChannelId","shape":"ChannelId","required":true},{"name":"ChannelStatus","shape":"ChannelStatus","required":true},{"name":"ChannelCreationTimestamp","shape":"Timestamp","required":true},{"name":"ServiceExecutionRoleARN","shape":"RoleARN","required":true},{"name":"StreamConfigurationList","shape":"ChannelStreamDescriptionList","required":true},{"name":"LoggingConfiguration","shape":"ChannelLoggingConfiguration","required":true},{"name":"ChannelStatusReason","shape":"ChannelStatusReason"},{"name":"S3DestinationConfiguration","shape":"S3DestinationDescription"},{"name":"S3TablesDestinationConfiguration","shape":"S3TablesDestinationDescription"},{"name":"EncryptionConfiguration","shape":"ChannelEncryptionConfiguration"}]},
  ChannelDestinationType: {"type":"string","enum":["S3","S3_TABLES"]},
  ChannelEncryptionConfiguration: {"type":"structure","members":[{"name":"EncryptionType","shape":"ChannelEncryptionType","required":true},{"name":"KeyId","shape":"KeyId","required":true}]},
  ChannelEncryptionType: {"type":"string","enum":["KMS"]},
  ChannelId: {"type":"string"},
  ChannelLoggingConfiguration: {"type":"structure","members":[{"name":"CloudWatchLogs","shape":"CloudWatchLogs","required":true}]},
  ChannelLoggingUpdateInput: {"type":"structure","members":[{"name":"CloudWatchLogs","shape":"CloudWatchLogsUpdateInput","required":true}]},
  ChannelName: {"type":"string","min":1,"max":128,"pattern":"[a-zA-Z0-9_.-]+"},
  ChannelStatus: {"type":"string","enum":["CREATING","ACTIVE","UPDATING","DELETING","FAILED"]},
  ChannelStatusReason: {"type":"string"},
  ChannelStreamConfiguration: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"RecordConfiguration","shape":"RecordConfiguration","required":true}]},
  ChannelStreamConfigurationList: {"type":"list","member":"ChannelStreamConfiguration","min":1,"max":10000},
  ChannelStreamDescription: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamCreationTimestamp","shape":"Timestamp","required":true},{"name":"RecordConfiguration","shape":"RecordConfiguration","required":true}]},
  ChannelStreamDescriptionList: {"type":"list","member":"ChannelStreamDescription"},
  ChannelStreamIdentifier: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamCreationTimestamp","shape":"Timestamp","required":true}]},
  ChannelStreamIdentifierList: {"type":"list","member":"ChannelStreamIdentifier"},
  ChannelSummary: {"type":"structure","members":[{"name":"ChannelName","shape":"ChannelName","required":true},{"name":"ChannelARN","shape":"ChannelARN","required":true},{"name":"ChannelId","shape":"ChannelId","required":true},{"name":"ChannelStatus","shape":"ChannelStatus","required":true},{"name":"ChannelCreationTimestamp","shape":"Timestamp","required":true},{"name":"ChannelDestinationType","shape":"ChannelDestinationType","required":true},{"name":"Streams","shape":"ChannelStreamIdentifierList","required":true},{"name":"ChannelStatusReason","shape":"ChannelStatusReason"}]},
  ChannelSummaryList: {"type":"list","member":"ChannelSummary"},
  ChildShard: {"type":"structure","members":[{"name":"ShardId","shape":"ShardId","required":true},{"name":"ParentShards","shape":"ShardIdList","required":true},{"name":"HashKeyRange","shape":"HashKeyRange","required":true}]},
  ChildShardList: {"type":"list","member":"ChildShard"},
  CloudWatchLogs: {"type":"structure","members":[{"name":"Enabled","shape":"BooleanObject","required":true},{"name":"LogGroupName","shape":"UncheckedString"},{"name":"LogStreamName","shape":"UncheckedString"}]},
  CloudWatchLogsUpdateInput: {"type":"structure","members":[{"name":"Enabled","shape":"BooleanObject","required":true},{"name":"LogGroupName","shape":"UncheckedString"},{"name":"LogStreamName","shape":"UncheckedString"}]},
  Consumer: {"type":"structure","members":[{"name":"ConsumerName","shape":"ConsumerName","required":true},{"name":"ConsumerARN","shape":"ConsumerARN","required":true},{"name":"ConsumerStatus","shape":"ConsumerStatus","required":true},{"name":"ConsumerCreationTimestamp","shape":"Timestamp","required":true}]},
  ConsumerARN: {"type":"string","min":1,"max":2048,"pattern":"^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+"},
  ConsumerCountObject: {"type":"integer","min":0,"max":1000000},
  ConsumerDescription: {"type":"structure","members":[{"name":"ConsumerName","shape":"ConsumerName","required":true},{"name":"ConsumerARN","shape":"ConsumerARN","required":true},{"name":"ConsumerStatus","shape":"ConsumerStatus","required":true},{"name":"ConsumerCreationTimestamp","shape":"Timestamp","required":true},{"name":"StreamARN","shape":"StreamARN","required":true}]},
  ConsumerList: {"type":"list","member":"Consumer"},
  ConsumerName: {"type":"string","min":1,"max":128,"pattern":"[a-zA-Z0-9_.-]+"},
  ConsumerStatus: {"type":"string","enum":["CREATING","DELETING","ACTIVE"]},
  CreateChannelInput: {"type":"structure","members":[{"name":"ChannelName","shape":"ChannelName","required":true},{"name":"ServiceExecutionRoleARN","shape":"RoleARN","required":true},{"name":"StreamConfigurationList","shape":"ChannelStreamConfigurationList","required":true},{"name":"S3DestinationConfiguration","shape":"S3DestinationConfiguration"},{"name":"S3TablesDestinationConfiguration","shape":"S3TablesDestinationConfiguration"},{"name":"EncryptionConfiguration","shape":"ChannelEncryptionConfiguration"},{"name":"Tags","shape":"TagMap"},{"name":"LoggingConfiguration","shape":"ChannelLoggingConfiguration"}]},
  CreateChannelOutput: {"type":"structure","members":[{"name":"ChannelDescription","shape":"ChannelDescription","required":true}]},
  CreateStreamInput: {"type":"structure","members":[{"name":"ShardCount","shape":"PositiveIntegerObject"},{"name":"StreamName","shape":"StreamName","required":true},{"name":"StreamModeDetails","shape":"StreamModeDetails"},{"name":"Tags","shape":"TagMap"},{"name":"WarmThroughputMiBps","shape":"NaturalIntegerObject"},{"name":"MaxRecordSizeInKiB","shape":"MaxRecordSizeInKiB"},{"name":"RecordDistributionStrategy","shape":"RecordDistributionStrategy"}]},
  Data: {"type":"blob","min":0,"max":10485760},
  DataFreshnessInSeconds: {"type":"integer"},
  DeadLetterQueueS3Configuration: {"type":"structure","members":[{"name":"BucketARN","shape":"UncheckedString","required":true},{"name":"ExpectedBucketOwner","shape":"UncheckedString","required":true},{"name":"ErrorOutputPrefix","shape":"UncheckedString"}]},
  DecreaseStreamRetentionPeriodInput: {"type":"structure","members":[{"name":"RetentionPeriodHours","shape":"RetentionPeriodHours","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  DeleteChannelInput: {"type":"structure","members":[{"name":"ChannelARN","shape":"ChannelARN","required":true}]},
  DeleteResourcePolicyInput: {"type":"structure","members":[{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"}]},
  DeleteStreamInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"EnforceConsumerDeletion","shape":"BooleanObject"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  DeregisterStreamConsumerInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN"},{"name":"ConsumerName","shape":"ConsumerName"},{"name":"ConsumerARN","shape":"ConsumerARN"},{"name":"StreamId","shape":"StreamId"}]},
  DescribeAccountSettingsInput: {"type":"structure","members":[]},
  DescribeAccountSettingsOutput: {"type":"structure","members":[{"name":"MinimumThroughputBillingCommitment","shape":"MinimumThroughputBillingCommitmentOutput"}]},
  DescribeChannelInput: {"type":"structure","members":[{"name":"ChannelARN","shape":"ChannelARN","required":true}]},
  DescribeChannelOutput: {"type":"structure","members":[{"name":"ChannelDescription","shape":"ChannelDescription","required":true}]},
  DescribeLimitsInput: {"type":"structure","members":[]},
  DescribeLimitsOutput: {"type":"structure","members":[{"name":"ShardLimit","shape":"ShardCountObject","required":true},{"name":"OpenShardCount","shape":"ShardCountObject","required":true},{"name":"OnDemandStreamCount","shape":"OnDemandStreamCountObject","required":true},{"name":"OnDemandStreamCountLimit","shape":"OnDemandStreamCountLimitObject","required":true},{"name":"ChannelCount","shape":"ChannelCountObject"},{"name":"ChannelCountLimit","shape":"ChannelCountObject"}]},
  DescribeStreamConsumerInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN"},{"name":"ConsumerName","shape":"ConsumerName"},{"name":"ConsumerARN","shape":"ConsumerARN"},{"name":"StreamId","shape":"StreamId"}]},
  DescribeStreamConsumerOutput: {"type":"structure","members":[{"name":"ConsumerDescription","shape":"ConsumerDescription","required":true}]},
  DescribeStreamInput: {"type":"structure","members":[{"name":"Limit","shape":"DescribeStreamInputLimit"},{"name":"ExclusiveStartShardId","shape":"ShardId"},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  DescribeStreamInputLimit: {"type":"integer","min":1,"max":10000},
  DescribeStreamOutput: {"type":"structure","members":[{"name":"StreamDescription","shape":"StreamDescription","required":true}]},
  DescribeStreamSummaryInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  DescribeStreamSummaryOutput: {"type":"structure","members":[{"name":"StreamDescriptionSummary","shape":"StreamDescriptionSummary","required":true}]},
  DisableEnhancedMonitoringInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"ShardLevelMetrics","shape":"MetricsNameList","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  DryRun: {"type":"boolean"},
  EnableEnhancedMonitoringInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"ShardLevelMetrics","shape":"MetricsNameList","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  EncryptionType: {"type":"string","enum":["NONE","KMS"]},
  EnhancedMetrics: {"type":"structure","members":[{"name":"ShardLevelMetrics","shape":"MetricsNameList"}]},
  EnhancedMonitoringList: {"type":"list","member":"EnhancedMetrics"},
  EnhancedMonitoringOutput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"CurrentShardLevelMetrics","shape":"MetricsNameList"},{"name":"DesiredShardLevelMetrics","shape":"MetricsNameList"},{"name":"StreamARN","shape":"StreamARN"}]},
  ErrorCode: {"type":"string"},
  ErrorMessage: {"type":"string"},
  GetRecordsInput: {"type":"structure","members":[{"name":"Limit","shape":"GetRecordsInputLimit"},{"name":"ShardIterator","shape":"ShardIterator","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"},{"name":"DryRun","shape":"DryRun"}]},
  GetRecordsInputLimit: {"type":"integer","min":1,"max":10000},
  GetRecordsOutput: {"type":"structure","members":[{"name":"Records","shape":"RecordList","required":true},{"name":"NextShardIterator","shape":"ShardIterator"},{"name":"MillisBehindLatest","shape":"MillisBehindLatest"},{"name":"ChildShards","shape":"ChildShardList"}]},
  GetResourcePolicyInput: {"type":"structure","members":[{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"}]},
  GetResourcePolicyOutput: {"type":"structure","members":[{"name":"Policy","shape":"Policy","required":true}]},
  GetShardIteratorInput: {"type":"structure","members":[{"name":"ShardId","shape":"ShardId","required":true},{"name":"ShardIteratorType","shape":"ShardIteratorType","required":true},{"name":"StartingSequenceNumber","shape":"SequenceNumber"},{"name":"StreamName","shape":"StreamName"},{"name":"Timestamp","shape":"Timestamp"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"},{"name":"DryRun","shape":"DryRun"}]},
  GetShardIteratorOutput: {"type":"structure","members":[{"name":"ShardIterator","shape":"ShardIterator"}]},
  HashKey: {"type":"string","pattern":"0|([1-9]\\d{0,38})"},
  HashKeyRange: {"type":"structure","members":[{"name":"StartingHashKey","shape":"HashKey","required":true},{"name":"EndingHashKey","shape":"HashKey","required":true}]},
  IncreaseStreamRetentionPeriodInput: {"type":"structure","members":[{"name":"RetentionPeriodHours","shape":"RetentionPeriodHours","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  InternalFailureException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSAccessDeniedException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSDisabledException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSInvalidStateException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSNotFoundException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSOptInRequired: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KMSThrottlingException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  KeyId: {"type":"string","min":1,"max":2048},
  ListChannelsInput: {"type":"structure","members":[{"name":"StreamFilter","shape":"StreamFilterList"},{"name":"MaxResults","shape":"PositiveIntegerObject"},{"name":"NextToken","shape":"NextToken"}]},
  ListChannelsOutput: {"type":"structure","members":[{"name":"ChannelSummaries","shape":"ChannelSummaryList","required":true},{"name":"NextToken","shape":"NextToken"}]},
  ListShardsInput: {"type":"structure","members":[{"name":"ExclusiveStartShardId","shape":"ShardId"},{"name":"MaxResults","shape":"ListShardsInputLimit"},{"name":"NextToken","shape":"NextToken"},{"name":"StreamName","shape":"StreamName"},{"name":"StreamCreationTimestamp","shape":"Timestamp"},{"name":"ShardFilter","shape":"ShardFilter"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  ListShardsInputLimit: {"type":"integer","min":1,"max":10000},
  ListShardsOutput: {"type":"structure","members":[{"name":"Shards","shape":"ShardList"},{"name":"NextToken","shape":"NextToken"}]},
  ListStreamConsumersInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"NextToken","shape":"NextToken"},{"name":"MaxResults","shape":"ListStreamConsumersInputLimit"},{"name":"StreamCreationTimestamp","shape":"Timestamp"},{"name":"StreamId","shape":"StreamId"}]},
  ListStreamConsumersInputLimit: {"type":"integer","min":1,"max":10000},
  ListStreamConsumersOutput: {"type":"structure","members":[{"name":"Consumers","shape":"ConsumerList"},{"name":"NextToken","shape":"NextToken"}]},
  ListStreamsInput: {"type":"structure","members":[{"name":"Limit","shape":"ListStreamsInputLimit"},{"name":"ExclusiveStartStreamName","shape":"StreamName"},{"name":"NextToken","shape":"NextToken"}]},
  ListStreamsInputLimit: {"type":"integer","min":1,"max":10000},
  ListStreamsOutput: {"type":"structure","members":[{"name":"StreamNames","shape":"StreamNameList","required":true},{"name":"HasMoreStreams","shape":"BooleanObject","required":true},{"name":"NextToken","shape":"NextToken"},{"name":"StreamSummaries","shape":"StreamSummaryList"}]},
  ListTagsForResourceInput: {"type":"structure","members":[{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"}]},
  ListTagsForResourceOutput: {"type":"structure","members":[{"name":"Tags","shape":"TagList"}]},
  ListTagsForStreamInput: {"type":"structure","members":[{"name":"Limit","shape":"ListTagsForStreamInputLimit"},{"name":"ExclusiveStartTagKey","shape":"TagKey"},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  ListTagsForStreamInputLimit: {"type":"integer","min":1,"max":50},
  ListTagsForStreamOutput: {"type":"structure","members":[{"name":"Tags","shape":"TagList","required":true},{"name":"HasMoreTags","shape":"BooleanObject","required":true}]},
  MaxRecordSizeInKiB: {"type":"integer","min":1024,"max":10240},
  MergeShardsInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"ShardToMerge","shape":"ShardId","required":true},{"name":"AdjacentShardToMerge","shape":"ShardId","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  MetricsName: {"type":"string","enum":["IncomingBytes","IncomingRecords","OutgoingBytes","OutgoingRecords","WriteProvisionedThroughputExceeded","ReadProvisionedThroughputExceeded","IteratorAgeMilliseconds","ALL"]},
  MetricsNameList: {"type":"list","member":"MetricsName","min":1,"max":7},
  MillisBehindLatest: {"type":"long","min":0},
  MinimumThroughputBillingCommitmentInput: {"type":"structure","members":[{"name":"Status","shape":"MinimumThroughputBillingCommitmentInputStatus","required":true}]},
  MinimumThroughputBillingCommitmentInputStatus: {"type":"string","enum":["ENABLED","DISABLED"]},
  MinimumThroughputBillingCommitmentOutput: {"type":"structure","members":[{"name":"Status","shape":"MinimumThroughputBillingCommitmentOutputStatus","required":true},{"name":"StartedAt","shape":"Timestamp"},{"name":"EndedAt","shape":"Timestamp"},{"name":"EarliestAllowedEndAt","shape":"Timestamp"}]},
  MinimumThroughputBillingCommitmentOutputStatus: {"type":"string","enum":["ENABLED","DISABLED","ENABLED_UNTIL_EARLIEST_ALLOWED_END"]},
  NaturalIntegerObject: {"type":"integer","min":0},
  NextToken: {"type":"string","min":1,"max":1048576},
  OnDemandStreamCountLimitObject: {"type":"integer","min":0,"max":1000000},
  OnDemandStreamCountObject: {"type":"integer","min":0,"max":1000000},
  PartitionField: {"type":"structure","members":[{"name":"Transform","shape":"PartitionTransform","required":true},{"name":"SourceName","shape":"UncheckedString","required":true}]},
  PartitionFieldList: {"type":"list","member":"PartitionField"},
  PartitionKey: {"type":"string","min":1,"max":256},
  PartitionSpec: {"type":"structure","members":[{"name":"PartitionFields","shape":"PartitionFieldList","required":true}]},
  PartitionTransform: {"type":"string","enum":["TIME_HOUR"]},
  Policy: {"type":"string"},
  PositiveIntegerObject: {"type":"integer","min":1},
  PutRecordInput: {"type":"structure","members":[{"name":"SequenceNumberForOrdering","shape":"SequenceNumber"},{"name":"PartitionKey","shape":"PartitionKey","required":true},{"name":"ExplicitHashKey","shape":"HashKey"},{"name":"Data","shape":"Data","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"},{"name":"DryRun","shape":"DryRun"}]},
  PutRecordOutput: {"type":"structure","members":[{"name":"ShardId","shape":"ShardId","required":true},{"name":"SequenceNumber","shape":"SequenceNumber","required":true},{"name":"EncryptionType","shape":"EncryptionType"}]},
  PutRecordsInput: {"type":"structure","members":[{"name":"Records","shape":"PutRecordsRequestEntryList","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"},{"name":"DryRun","shape":"DryRun"}]},
  PutRecordsOutput: {"type":"structure","members":[{"name":"FailedRecordCount","shape":"PositiveIntegerObject"},{"name":"Records","shape":"PutRecordsResultEntryList","required":true},{"name":"EncryptionType","shape":"EncryptionType"}]},
  PutRecordsRequestEntry: {"type":"structure","members":[{"name":"PartitionKey","shape":"PartitionKey","required":true},{"name":"Data","shape":"Data","required":true},{"name":"ExplicitHashKey","shape":"HashKey"}]},
  PutRecordsRequestEntryList: {"type":"list","member":"PutRecordsRequestEntry","min":1,"max":500},
  PutRecordsResultEntry: {"type":"structure","members":[{"name":"SequenceNumber","shape":"SequenceNumber"},{"name":"ShardId","shape":"ShardId"},{"name":"ErrorCode","shape":"ErrorCode"},{"name":"ErrorMessage","shape":"ErrorMessage"}]},
  PutRecordsResultEntryList: {"type":"list","member":"PutRecordsResultEntry","min":1,"max":500},
  PutResourcePolicyInput: {"type":"structure","members":[{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"Policy","shape":"Policy","required":true}]},
  Record: {"type":"structure","members":[{"name":"SequenceNumber","shape":"SequenceNumber","required":true},{"name":"ApproximateArrivalTimestamp","shape":"Timestamp"},{"name":"Data","shape":"Data","required":true},{"name":"PartitionKey","shape":"PartitionKey","required":true},{"name":"EncryptionType","shape":"EncryptionType"}]},
  RecordConfiguration: {"type":"structure","members":[{"name":"RecordFormatType","shape":"RecordFormatType","required":true},{"name":"GSRSchemaARN","shape":"UncheckedString"}]},
  RecordDistributionStrategy: {"type":"string","enum":["AUTO","USER_PARTITION_KEY"]},
  RecordFormatType: {"type":"string","enum":["GSR_JSON","JSON","STRING","BYTE_ARRAY"]},
  RecordList: {"type":"list","member":"Record"},
  RegisterStreamConsumerInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"ConsumerName","shape":"ConsumerName","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"Tags","shape":"TagMap"}]},
  RegisterStreamConsumerOutput: {"type":"structure","members":[{"name":"Consumer","shape":"Consumer","required":true}]},
  RemoveTagsFromStreamInput: {"type":"structure","members":[{"name":"TagKeys","shape":"TagKeyList","required":true},{"name":"StreamName","shape":"StreamName"},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  ResourceARN: {"type":"string","min":1,"max":2048,"pattern":"arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+"},
  ResourceInUseException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  ResourceNotFoundException: {"type":"structure","members":[{"name":"message","shape":"ErrorMessage"}]},
  RetentionPeriodHours: {"type":"integer"},
  RoleARN: {"type":"string","min":1,"max":512,"pattern":"arn:aws[-a-z0-9]*:iam::\\d{12}:role/[a-zA-Z_0-9+=,.@\\-_/]+"},
  S3DestinationConfiguration: {"type":"structure","members":[{"name":"StorageConfiguration","shape":"S3StorageConfiguration","required":true},{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds"},{"name":"DeadLetterQueueS3Configuration","shape":"DeadLetterQueueS3Configuration"}]},
  S3DestinationDescription: {"type":"structure","members":[{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds","required":true},{"name":"DeadLetterQueueS3Configuration","shape":"DeadLetterQueueS3Configuration","required":true},{"name":"StorageConfiguration","shape":"S3StorageConfiguration","required":true}]},
  S3DestinationUpdateInput: {"type":"structure","members":[{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds","required":true}]},
  S3StorageClass: {"type":"string","enum":["STANDARD","INTELLIGENT_TIERING","GLACIER_IR"]},
  S3StorageConfiguration: {"type":"structure","members":[{"name":"BucketARN","shape":"UncheckedString","required":true},{"name":"ExpectedBucketOwner","shape":"UncheckedString","required":true},{"name":"CompressionType","shape":"ChannelCompressionType","required":true},{"name":"OutputKeyTemplate","shape":"UncheckedString"},{"name":"StorageClass","shape":"S3StorageClass"}]},
  S3TablesCompressionType: {"type":"string","enum":["NONE","ZSTD","SNAPPY"]},
  S3TablesConfiguration: {"type":"structure","members":[{"name":"TableBucketARN","shape":"UncheckedString","required":true},{"name":"Namespace","shape":"UncheckedString","required":true},{"name":"TableName","shape":"UncheckedString","required":true},{"name":"CompressionType","shape":"S3TablesCompressionType","required":true},{"name":"PartitionSpec","shape":"PartitionSpec"}]},
  S3TablesConfigurationList: {"type":"list","member":"S3TablesConfiguration"},
  S3TablesDestinationConfiguration: {"type":"structure","members":[{"name":"DeadLetterQueueS3Configuration","shape":"DeadLetterQueueS3Configuration","required":true},{"name":"S3TablesConfigurationList","shape":"S3TablesConfigurationList","required":true},{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds"}]},
  S3TablesDestinationDescription: {"type":"structure","members":[{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds","required":true},{"name":"DeadLetterQueueS3Configuration","shape":"DeadLetterQueueS3Configuration","required":true},{"name":"S3TablesConfigurationList","shape":"S3TablesConfigurationList","required":true}]},
  S3TablesDestinationUpdateInput: {"type":"structure","members":[{"name":"DataFreshnessInSeconds","shape":"DataFreshnessInSeconds","required":true}]},
  ScalingType: {"type":"string","enum":["UNIFORM_SCALING"]},
  SequenceNumber: {"type":"string","pattern":"0|([1-9]\\d{0,128})"},
  SequenceNumberRange: {"type":"structure","members":[{"name":"StartingSequenceNumber","shape":"SequenceNumber","required":true},{"name":"EndingSequenceNumber","shape":"SequenceNumber"}]},
  Shard: {"type":"structure","members":[{"name":"ShardId","shape":"ShardId","required":true},{"name":"ParentShardId","shape":"ShardId"},{"name":"AdjacentParentShardId","shape":"ShardId"},{"name":"HashKeyRange","shape":"HashKeyRange","required":true},{"name":"SequenceNumberRange","shape":"SequenceNumberRange","required":true}]},
  ShardCountObject: {"type":"integer","min":0,"max":1000000},
  ShardFilter: {"type":"structure","members":[{"name":"Type","shape":"ShardFilterType","required":true},{"name":"ShardId","shape":"ShardId"},{"name":"Timestamp","shape":"Timestamp"}]},
  ShardFilterType: {"type":"string","enum":["AFTER_SHARD_ID","AT_TRIM_HORIZON","FROM_TRIM_HORIZON","AT_LATEST","AT_TIMESTAMP","FROM_TIMESTAMP"]},
  ShardId: {"type":"string","min":1,"max":128,"pattern":"[a-zA-Z0-9_.-]+"},
  ShardIdList: {"type":"list","member":"ShardId"},
  ShardIterator: {"type":"string","min":1,"max":512},
  ShardIteratorType: {"type":"string","enum":["AFTER_SEQUENCE_NUMBER","LATEST","AT_TIMESTAMP","AT_SEQUENCE_NUMBER","TRIM_HORIZON"]},
  ShardList: {"type":"list","member":"Shard"},
  SplitShardInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"ShardToSplit","shape":"ShardId","required":true},{"name":"NewStartingHashKey","shape":"HashKey","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  StartStreamEncryptionInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"EncryptionType","shape":"EncryptionType","required":true},{"name":"KeyId","shape":"KeyId","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  StartingPosition: {"type":"structure","members":[{"name":"Type","shape":"ShardIteratorType","required":true},{"name":"SequenceNumber","shape":"SequenceNumber"},{"name":"Timestamp","shape":"Timestamp"}]},
  StopStreamEncryptionInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"EncryptionType","shape":"EncryptionType","required":true},{"name":"KeyId","shape":"KeyId","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  StreamARN: {"type":"string","min":1,"max":2048,"pattern":"arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"},
  StreamDescription: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName","required":true},{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamStatus","shape":"StreamStatus","required":true},{"name":"StreamModeDetails","shape":"StreamModeDetails"},{"name":"Shards","shape":"ShardList","required":true},{"name":"HasMoreShards","shape":"BooleanObject","required":true},{"name":"RetentionPeriodHours","shape":"RetentionPeriodHours","required":true},{"name":"StreamCreationTimestamp","shape":"Timestamp","required":true},{"name":"EnhancedMonitoring","shape":"EnhancedMonitoringList","required":true},{"name":"EncryptionType","shape":"EncryptionType"},{"name":"KeyId","shape":"KeyId"}]},
  StreamDescriptionSummary: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName","required":true},{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"StreamStatus","shape":"StreamStatus","required":true},{"name":"StreamModeDetails","shape":"StreamModeDetails"},{"name":"RetentionPeriodHours","shape":"RetentionPeriodHours","required":true},{"name":"StreamCreationTimestamp","shape":"Timestamp","required":true},{"name":"EnhancedMonitoring","shape":"EnhancedMonitoringList","required":true},{"name":"EncryptionType","shape":"EncryptionType"},{"name":"KeyId","shape":"KeyId"},{"name":"OpenShardCount","shape":"ShardCountObject","required":true},{"name":"ConsumerCount","shape":"ConsumerCountObject"},{"name":"WarmThroughput","shape":"WarmThroughputObject"},{"name":"MaxRecordSizeInKiB","shape":"MaxRecordSizeInKiB"},{"name":"ChannelCount","shape":"ChannelCountObject"},{"name":"RecordDistributionStrategy","shape":"RecordDistributionStrategy"}]},
  StreamFilter: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamCreationTimestamp","shape":"Timestamp"}]},
  StreamFilterList: {"type":"list","member":"StreamFilter"},
  StreamId: {"type":"string","min":1,"max":24,"pattern":"[a-z0-9]{20}-[a-z0-9]{3}"},
  StreamMode: {"type":"string","enum":["PROVISIONED","ON_DEMAND"]},
  StreamModeDetails: {"type":"structure","members":[{"name":"StreamMode","shape":"StreamMode","required":true}]},
  StreamName: {"type":"string","min":1,"max":128,"pattern":"[a-zA-Z0-9_.-]+"},
  StreamNameList: {"type":"list","member":"StreamName"},
  StreamStatus: {"type":"string","enum":["CREATING","DELETING","ACTIVE","UPDATING"]},
  StreamSummary: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName","required":true},{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamStatus","shape":"StreamStatus","required":true},{"name":"StreamModeDetails","shape":"StreamModeDetails"},{"name":"StreamCreationTimestamp","shape":"Timestamp"}]},
  StreamSummaryList: {"type":"list","member":"StreamSummary"},
  SubscribeToShardEvent: {"type":"structure","members":[{"name":"Records","shape":"RecordList","required":true},{"name":"ContinuationSequenceNumber","shape":"SequenceNumber","required":true},{"name":"MillisBehindLatest","shape":"MillisBehindLatest","required":true},{"name":"ChildShards","shape":"ChildShardList"}]},
  SubscribeToShardEventStream: {"type":"structure","members":[{"name":"SubscribeToShardEvent","shape":"SubscribeToShardEvent","required":true},{"name":"ResourceNotFoundException","shape":"ResourceNotFoundException"},{"name":"ResourceInUseException","shape":"ResourceInUseException"},{"name":"KMSDisabledException","shape":"KMSDisabledException"},{"name":"KMSInvalidStateException","shape":"KMSInvalidStateException"},{"name":"KMSAccessDeniedException","shape":"KMSAccessDeniedException"},{"name":"KMSNotFoundException","shape":"KMSNotFoundException"},{"name":"KMSOptInRequired","shape":"KMSOptInRequired"},{"name":"KMSThrottlingException","shape":"KMSThrottlingException"},{"name":"InternalFailureException","shape":"InternalFailureException"}]},
  SubscribeToShardInput: {"type":"structure","members":[{"name":"ConsumerARN","shape":"ConsumerARN","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"ShardId","shape":"ShardId","required":true},{"name":"StartingPosition","shape":"StartingPosition","required":true},{"name":"DryRun","shape":"DryRun"}]},
  SubscribeToShardOutput: {"type":"structure","members":[{"name":"EventStream","shape":"SubscribeToShardEventStream","required":true}]},
  Tag: {"type":"structure","members":[{"name":"Key","shape":"TagKey","required":true},{"name":"Value","shape":"TagValue"}]},
  TagKey: {"type":"string","min":1,"max":128},
  TagKeyList: {"type":"list","member":"TagKey","min":1,"max":50},
  TagList: {"type":"list","member":"Tag","min":0,"max":200},
  TagMap: {"type":"map","key":"TagKey","value":"TagValue","min":1,"max":200},
  TagResourceInput: {"type":"structure","members":[{"name":"Tags","shape":"TagMap","required":true},{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"}]},
  TagValue: {"type":"string","min":0,"max":256},
  Timestamp: {"type":"timestamp"},
  UncheckedString: {"type":"string"},
  UntagResourceInput: {"type":"structure","members":[{"name":"TagKeys","shape":"TagKeyList","required":true},{"name":"ResourceARN","shape":"ResourceARN","required":true},{"name":"StreamId","shape":"StreamId"}]},
  UpdateAccountSettingsInput: {"type":"structure","members":[{"name":"MinimumThroughputBillingCommitment","shape":"MinimumThroughputBillingCommitmentInput","required":true}]},
  UpdateAccountSettingsOutput: {"type":"structure","members":[{"name":"MinimumThroughputBillingCommitment","shape":"MinimumThroughputBillingCommitmentOutput"}]},
  UpdateChannelInput: {"type":"structure","members":[{"name":"ChannelARN","shape":"ChannelARN","required":true},{"name":"S3DestinationConfiguration","shape":"S3DestinationUpdateInput"},{"name":"S3TablesDestinationConfiguration","shape":"S3TablesDestinationUpdateInput"},{"name":"LoggingConfiguration","shape":"ChannelLoggingUpdateInput"}]},
  UpdateChannelOutput: {"type":"structure","members":[{"name":"ChannelDescription","shape":"ChannelDescription","required":true}]},
  UpdateMaxRecordSizeInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"},{"name":"MaxRecordSizeInKiB","shape":"MaxRecordSizeInKiB","required":true}]},
  UpdateShardCountInput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"TargetShardCount","shape":"PositiveIntegerObject","required":true},{"name":"ScalingType","shape":"ScalingType","required":true},{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamId","shape":"StreamId"}]},
  UpdateShardCountOutput: {"type":"structure","members":[{"name":"StreamName","shape":"StreamName"},{"name":"CurrentShardCount","shape":"PositiveIntegerObject"},{"name":"TargetShardCount","shape":"PositiveIntegerObject"},{"name":"StreamARN","shape":"StreamARN"}]},
  UpdateStreamModeInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"StreamModeDetails","shape":"StreamModeDetails","required":true},{"name":"WarmThroughputMiBps","shape":"NaturalIntegerObject"}]},
  UpdateStreamRecordDistributionStrategyInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN","required":true},{"name":"StreamId","shape":"StreamId"},{"name":"RecordDistributionStrategy","shape":"RecordDistributionStrategy","required":true}]},
  UpdateStreamWarmThroughputInput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamName","shape":"StreamName"},{"name":"StreamId","shape":"StreamId"},{"name":"WarmThroughputMiBps","shape":"NaturalIntegerObject","required":true}]},
  UpdateStreamWarmThroughputOutput: {"type":"structure","members":[{"name":"StreamARN","shape":"StreamARN"},{"name":"StreamName","shape":"StreamName"},{"name":"WarmThroughput","shape":"WarmThroughputObject"}]},
  WarmThroughputObject: {"type":"structure","members":[{"name":"TargetMiBps","shape":"NaturalIntegerObject"},{"name":"CurrentMiBps","shape":"NaturalIntegerObject"}]},
};

export const KINESIS_OPERATIONS = {
  AddTagsToStream: {"input":"AddTagsToStreamInput"},
  CreateChannel: {"input":"CreateChannelInput","output":"CreateChannelOutput"},
  CreateStream: {"input":"CreateStreamInput"},
  DecreaseStreamRetentionPeriod: {"input":"DecreaseStreamRetentionPeriodInput"},
  DeleteChannel: {"input":"DeleteChannelInput"},
  DeleteResourcePolicy: {"input":"DeleteResourcePolicyInput"},
  DeleteStream: {"input":"DeleteStreamInput"},
  DeregisterStreamConsumer: {"input":"DeregisterStreamConsumerInput"},
  DescribeAccountSettings: {"input":"DescribeAccountSettingsInput","output":"DescribeAccountSettingsOutput"},
  DescribeChannel: {"input":"DescribeChannelInput","output":"DescribeChannelOutput"},
  DescribeLimits: {"input":"DescribeLimitsInput","output":"DescribeLimitsOutput"},
  DescribeStream: {"input":"DescribeStreamInput","output":"DescribeStreamOutput"},
  DescribeStreamConsumer: {"input":"DescribeStreamConsumerInput","output":"DescribeStreamConsumerOutput"},
  DescribeStreamSummary: {"input":"DescribeStreamSummaryInput","output":"DescribeStreamSummaryOutput"},
  DisableEnhancedMonitoring: {"input":"DisableEnhancedMonitoringInput","output":"EnhancedMonitoringOutput"},
  EnableEnhancedMonitoring: {"input":"EnableEnhancedMonitoringInput","output":"EnhancedMonitoringOutput"},
  GetRecords: {"input":"GetRecordsInput","output":"GetRecordsOutput"},
  GetResourcePolicy: {"input":"GetResourcePolicyInput","output":"GetResourcePolicyOutput"},
  GetShardIterator: {"input":"GetShardIteratorInput","output":"GetShardIteratorOutput"},
  IncreaseStreamRetentionPeriod: {"input":"IncreaseStreamRetentionPeriodInput"},
  ListChannels: {"input":"ListChannelsInput","output":"ListChannelsOutput"},
  ListShards: {"input":"ListShardsInput","output":"ListShardsOutput"},
  ListStreamConsumers: {"input":"ListStreamConsumersInput","output":"ListStreamConsumersOutput"},
  ListStreams: {"input":"ListStreamsInput","output":"ListStreamsOutput"},
  ListTagsForResource: {"input":"ListTagsForResourceInput","output":"ListTagsForResourceOutput"},
  ListTagsForStream: {"input":"ListTagsForStreamInput","output":"ListTagsForStreamOutput"},
  MergeShards: {"input":"MergeShardsInput"},
  PutRecord: {"input":"PutRecordInput","output":"PutRecordOutput"},
  PutRecords: {"input":"PutRecordsInput","output":"PutRecordsOutput"},
  PutResourcePolicy: {"input":"PutResourcePolicyInput"},
  RegisterStreamConsumer: {"input":"RegisterStreamConsumerInput","output":"RegisterStreamConsumerOutput"},
  RemoveTagsFromStream: {"input":"RemoveTagsFromStreamInput"},
  SplitShard: {"input":"SplitShardInput"},
  StartStreamEncryption: {"input":"StartStreamEncryptionInput"},
  StopStreamEncryption: {"input":"StopStreamEncryptionInput"},
  SubscribeToShard: {"input":"SubscribeToShardInput","output":"SubscribeToShardOutput"},
  TagResource: {"input":"TagResourceInput"},
  UntagResource: {"input":"UntagResourceInput"},
  UpdateAccountSettings: {"input":"UpdateAccountSettingsInput","output":"UpdateAccountSettingsOutput"},
  UpdateChannel: {"input":"UpdateChannelInput","output":"UpdateChannelOutput"},
  UpdateMaxRecordSize: {"input":"UpdateMaxRecordSizeInput"},
  UpdateShardCount: {"input":"UpdateShardCountInput","output":"UpdateShardCountOutput"},
  UpdateStreamMode: {"input":"UpdateStreamModeInput"},
  UpdateStreamRecordDistributionStrategy: {"input":"UpdateStreamRecordDistributionStrategyInput"},
  UpdateStreamWarmThroughput: {"input":"UpdateStreamWarmThroughputInput","output":"UpdateStreamWarmThroughputOutput"},
} as const satisfies OperationTable;

export interface AddTagsToStreamInput {
  readonly Tags: Readonly<Record<string, string>>;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface ChannelEncryptionConfiguration {
  readonly EncryptionType: string;
  readonly KeyId: string;
}

export interface ChannelLoggingConfiguration {
  readonly CloudWatchLogs: CloudWatchLogs;
}

export interface ChannelLoggingUpdateInput {
  readonly CloudWatchLogs: CloudWatchLogsUpdateInput;
}

export interface ChannelStreamConfiguration {
  readonly StreamARN: string;
  readonly RecordConfiguration: RecordConfiguration;
}

export interface CloudWatchLogs {
  readonly Enabled: boolean;
  readonly LogGroupName?: string;
  readonly LogStreamName?: string;
}

export interface CloudWatchLogsUpdateInput {
  readonly Enabled: boolean;
  readonly LogGroupName?: string;
  readonly LogStreamName?: string;
}

export interface CreateChannelInput {
  readonly ChannelName: string;
  readonly ServiceExecutionRoleARN: string;
  readonly StreamConfigurationList: readonly ChannelStreamConfiguration[];
  readonly S3DestinationConfiguration?: S3DestinationConfiguration;
  readonly S3TablesDestinationConfiguration?: S3TablesDestinationConfiguration;
  readonly EncryptionConfiguration?: ChannelEncryptionConfiguration;
  readonly Tags?: Readonly<Record<string, string>>;
  readonly LoggingConfiguration?: ChannelLoggingConfiguration;
}

export interface CreateStreamInput {
  readonly ShardCount?: number;
  readonly StreamName: string;
  readonly StreamModeDetails?: StreamModeDetails;
  readonly Tags?: Readonly<Record<string, string>>;
  readonly WarmThroughputMiBps?: number;
  readonly MaxRecordSizeInKiB?: number;
  readonly RecordDistributionStrategy?: string;
}

export interface DeadLetterQueueS3Configuration {
  readonly BucketARN: string;
  readonly ExpectedBucketOwner: string;
  readonly ErrorOutputPrefix?: string;
}

export interface DecreaseStreamRetentionPeriodInput {
  readonly RetentionPeriodHours: number;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface DeleteChannelInput {
  readonly ChannelARN: string;
}

export interface DeleteResourcePolicyInput {
  readonly ResourceARN: string;
  readonly StreamId?: string;
}

export interface DeleteStreamInput {
  readonly StreamName?: string;
  readonly EnforceConsumerDeletion?: boolean;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface DeregisterStreamConsumerInput {
  readonly StreamARN?: string;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
  readonly StreamId?: string;
}

export interface DescribeAccountSettingsInput {
}

export interface DescribeChannelInput {
  readonly ChannelARN: string;
}

export interface DescribeLimitsInput {
}

export interface DescribeStreamConsumerInput {
  readonly StreamARN?: string;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
  readonly StreamId?: string;
}

export interface DescribeStreamInput {
  readonly Limit?: number;
  readonly ExclusiveStartShardId?: string;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface DescribeStreamSummaryInput {
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface DisableEnhancedMonitoringInput {
  readonly StreamName?: string;
  readonly ShardLevelMetrics: readonly string[];
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface EnableEnhancedMonitoringInput {
  readonly StreamName?: string;
  readonly ShardLevelMetrics: readonly string[];
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface GetRecordsInput {
  readonly Limit?: number;
  readonly ShardIterator: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
  readonly DryRun?: boolean;
}

export interface GetResourcePolicyInput {
  readonly ResourceARN: string;
  readonly StreamId?: string;
}

export interface GetShardIteratorInput {
  readonly ShardId: string;
  readonly ShardIteratorType: string;
  readonly StartingSequenceNumber?: string;
  readonly StreamName?: string;
  readonly Timestamp?: number;
  readonly StreamARN?: string;
  readonly StreamId?: string;
  readonly DryRun?: boolean;
}

export interface IncreaseStreamRetentionPeriodInput {
  readonly RetentionPeriodHours: number;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface ListChannelsInput {
  readonly StreamFilter?: readonly StreamFilter[];
  readonly MaxResults?: number;
  readonly NextToken?: string;
}

export interface ListShardsInput {
  readonly ExclusiveStartShardId?: string;
  readonly MaxResults?: number;
  readonly NextToken?: string;
  readonly StreamName?: string;
  readonly StreamCreationTimestamp?: number;
  readonly ShardFilter?: ShardFilter;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface ListStreamConsumersInput {
  readonly StreamARN: string;
  readonly NextToken?: string;
  readonly MaxResults?: number;
  readonly StreamCreationTimestamp?: number;
  readonly StreamId?: string;
}

export interface ListStreamsInput {
  readonly Limit?: number;
  readonly ExclusiveStartStreamName?: string;
  readonly NextToken?: string;
}

export interface ListTagsForResourceInput {
  readonly ResourceARN: string;
  readonly StreamId?: string;
}

export interface ListTagsForStreamInput {
  readonly Limit?: number;
  readonly ExclusiveStartTagKey?: string;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface MergeShardsInput {
  readonly StreamName?: string;
  readonly ShardToMerge: string;
  readonly AdjacentShardToMerge: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface MinimumThroughputBillingCommitmentInput {
  readonly Status: string;
}

export interface PartitionField {
  readonly Transform: string;
  readonly SourceName: string;
}

export interface PartitionSpec {
  readonly PartitionFields: readonly PartitionField[];
}

export interface PutRecordInput {
  readonly SequenceNumberForOrdering?: string;
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
  readonly Data: string | Uint8Array;
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
  readonly DryRun?: boolean;
}

export interface PutRecordsInput {
  readonly Records: readonly PutRecordsRequestEntry[];
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
  readonly DryRun?: boolean;
}

export interface PutRecordsRequestEntry {
  readonly PartitionKey: string;
  readonly Data: string | Uint8Array;
  readonly ExplicitHashKey?: string;
}

export interface PutResourcePolicyInput {
  readonly ResourceARN: string;
  readonly StreamId?: string;
  readonly Policy: string;
}

export interface RecordConfiguration {
  readonly RecordFormatType: string;
  readonly GSRSchemaARN?: string;
}

export interface RegisterStreamConsumerInput {
  readonly StreamARN: string;
  readonly ConsumerName: string;
  readonly StreamId?: string;
  readonly Tags?: Readonly<Record<string, string>>;
}

export interface RemoveTagsFromStreamInput {
  readonly TagKeys: readonly string[];
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface S3DestinationConfiguration {
  readonly StorageConfiguration: S3StorageConfiguration;
  readonly DataFreshnessInSeconds?: number;
  readonly DeadLetterQueueS3Configuration?: DeadLetterQueueS3Configuration;
}

export interface S3DestinationUpdateInput {
  readonly DataFreshnessInSeconds: number;
}

export interface S3StorageConfiguration {
  readonly BucketARN: string;
  readonly ExpectedBucketOwner: string;
  readonly CompressionType: string;
  readonly OutputKeyTemplate?: string;
  readonly StorageClass?: string;
}

export interface S3TablesConfiguration {
  readonly TableBucketARN: string;
  readonly Namespace: string;
  readonly TableName: string;
  readonly CompressionType: string;
  readonly PartitionSpec?: PartitionSpec;
}

export interface S3TablesDestinationConfiguration {
  readonly DeadLetterQueueS3Configuration: DeadLetterQueueS3Configuration;
  readonly S3TablesConfigurationList: readonly S3TablesConfiguration[];
  readonly DataFreshnessInSeconds?: number;
}

export interface S3TablesDestinationUpdateInput {
  readonly DataFreshnessInSeconds: number;
}

export interface ShardFilter {
  readonly Type: string;
  readonly ShardId?: string;
  readonly Timestamp?: number;
}

export interface SplitShardInput {
  readonly StreamName?: string;
  readonly ShardToSplit: string;
  readonly NewStartingHashKey: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface StartStreamEncryptionInput {
  readonly StreamName?: string;
  readonly EncryptionType: string;
  readonly KeyId: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface StartingPosition {
  readonly Type: string;
  readonly SequenceNumber?: string;
  readonly Timestamp?: number;
}

export interface StopStreamEncryptionInput {
  readonly StreamName?: string;
  readonly EncryptionType: string;
  readonly KeyId: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface StreamFilter {
  readonly StreamARN: string;
  readonly StreamCreationTimestamp?: number;
}

export interface StreamModeDetails {
  readonly StreamMode: string;
}

export interface SubscribeToShardInput {
  readonly ConsumerARN: string;
  readonly StreamId?: string;
  readonly ShardId: string;
  readonly StartingPosition: StartingPosition;
  readonly DryRun?: boolean;
}

export interface TagResourceInput {
  readonly Tags: Readonly<Record<string, string>>;
  readonly ResourceARN: string;
  readonly StreamId?: string;
}

export interface UntagResourceInput {
  readonly TagKeys: readonly string[];
  readonly ResourceARN: string;
  readonly StreamId?: string;
}

export interface UpdateAccountSettingsInput {
  readonly MinimumThroughputBillingCommitment: MinimumThroughputBillingCommitmentInput;
}

export interface UpdateChannelInput {
  readonly ChannelARN: string;
  readonly S3DestinationConfiguration?: S3DestinationUpdateInput;
  readonly S3TablesDestinationConfiguration?: S3TablesDestinationUpdateInput;
  readonly LoggingConfiguration?: ChannelLoggingUpdateInput;
}

export interface UpdateMaxRecordSizeInput {
  readonly StreamARN?: string;
  readonly StreamId?: string;
  readonly MaxRecordSizeInKiB: number;
}

export interface UpdateShardCountInput {
  readonly StreamName?: string;
  readonly TargetShardCount: number;
  readonly ScalingType: string;
  readonly StreamARN?: string;
  readonly StreamId?: string;
}

export interface UpdateStreamModeInput {
  readonly StreamARN: string;
  readonly StreamId?: string;
  readonly StreamModeDetails: StreamModeDetails;
  readonly WarmThroughputMiBps?: number;
}

export interface UpdateStreamRecordDistributionStrategyInput {
  readonly StreamARN: string;
  readonly StreamId?: string;
  readonly RecordDistributionStrategy: string;
}

export interface UpdateStreamWarmThroughputInput {
  readonly StreamARN?: string;
  readonly StreamName?: string;
  readonly StreamId?: string;
  readonly WarmThroughputMiBps: number;
}
