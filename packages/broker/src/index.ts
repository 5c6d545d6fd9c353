export { Broker, createBroker } from "./broker.ts";
export type { BrokerHandlers, BrokerOptions, CallIdentity } from "./broker.ts";
export type {
  AppliedEntry,
  BrokerLane,
  EntriesAnswer,
  GroupFacts,
  GroupInit,
  GroupRole,
  LocateAnswer,
  LogEntry,
  MessageStream,
  ReplicaReport,
  RoleChange,
  ShardGroup,
  ShardLog,
} from "./ports.ts";
export type { SendReports } from "./replica-reports.ts";
export type { HostedShard } from "./shard/hosted-shard.ts";
export { decodeCommand, encodeCommand } from "./shard/shard-commands.ts";
export type { SealCommand, ShardCommand, TrimCommand } from "./shard/shard-commands.ts";
export { ShardState } from "./shard/shard-state.ts";
