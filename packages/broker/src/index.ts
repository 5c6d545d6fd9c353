export { Broker, createBroker } from "./broker.ts";
export type { BrokerHandlers, BrokerOptions, CallIdentity } from "./broker.ts";
export type {
  BrokerLane,
  GroupFacts,
  MessageStream,
  ReplicaReport,
  ShardGroup,
  ShardLog,
} from "./ports.ts";
export type { SendReports } from "./replica-reports.ts";
export type { HostedShard } from "./shard/hosted-shard.ts";
