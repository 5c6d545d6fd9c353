export { AdminClient } from "./admin/admin-client.ts";
export type {
  ClusterVoter,
  CreateAccessKey,
  CreateStream,
  DeleteStream,
  FormCluster,
  HeartbeatAnswer,
  MergeShards,
  NodeHeartbeat,
  RegisterNode,
  ReplicaReport,
  ReportReplicas,
  SplitShard,
  StreamName,
  UpdateLimits,
  UpdateRetention,
  UpdateTags,
} from "./admin/admin-types.ts";
export type { RebalanceResponse, StatusResponse as NodeStatus } from "@millrace/proto";
export { formCluster } from "./admin/form-cluster.ts";
export type { ClusterInit, FormedCluster, Voter } from "./admin/form-cluster.ts";
export { MillraceClient } from "./client.ts";
export { nodePorts } from "./node-ports.ts";
export type { NodePorts } from "./node-ports.ts";
export { RPC_CHANNELS } from "./link/channels.ts";
export type { Channels, ControlPort, HotPort } from "./link/channels.ts";
export { CLIENT_LIMITS } from "./options.ts";
export type { ClientLimits, ClientOptions, ClientPorts } from "./options.ts";
export { ShardProducer } from "./producer/shard-producer.ts";
export { clusterSecret, SEALED, SecretBox } from "./secret-box.ts";
export type { StreamRecordRead } from "./sdk/decode-records.ts";
export { StreamProducer } from "./sdk/stream-producer.ts";
export type {
  ProducingClient,
  StoredRecord,
  StreamProducerOptions,
  StreamPut,
} from "./sdk/stream-producer.ts";
export { StreamReader } from "./sdk/stream-reader.ts";
export type { ReadingClient, ReadPosition, StreamReaderOptions } from "./sdk/stream-reader.ts";
export { ShardReader } from "./reader/shard-reader.ts";
export type {
  EncodedRecords,
  FetchedSlice,
  FetchPage,
  FetchQuery,
  LocatedOffset,
  PutOutcome,
  ShardPosition,
} from "./types.ts";
