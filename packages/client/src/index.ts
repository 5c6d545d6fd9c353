export { AdminClient } from "./admin/admin-client.ts";
export type {
  ClusterVoter,
  CreateAccessKey,
  CreateStream,
  DeleteStream,
  FormCluster,
  HeartbeatAnswer,
  NodeHeartbeat,
  RegisterNode,
  ReplicaReport,
  ReportReplicas,
  StreamName,
  UpdateLimits,
  UpdateRetention,
  UpdateTags,
} from "./admin/admin-types.ts";
export { MillraceClient } from "./client.ts";
export { nodePorts } from "./node-ports.ts";
export type { NodePorts } from "./node-ports.ts";
export { CLIENT_LIMITS } from "./options.ts";
export type { ClientLimits, ClientOptions, ClientPorts } from "./options.ts";
export { ShardProducer } from "./producer/shard-producer.ts";
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
