/** Requests and commands that tests start from. */
import type { NodeRecord, Principal } from "@millrace/model";
import type {
  CreateStreamRequest,
  FormClusterRequest,
  RegisterNodeRequest,
  ReplicaReport,
} from "@millrace/proto";

import type { CommandOf, FormClusterCommand } from "../state/command.ts";

export const ACCOUNT = "000000000001";
export const CLUSTER: Principal = { kind: "cluster", accessKeyId: "millrace-cluster", account: "" };
export const KEY: Principal = { kind: "key", accessKeyId: "MRKEY1", account: ACCOUNT };

export function addressesOf(nodeId: number) {
  return { rpc: `10.0.0.${nodeId}:1`, data: `10.0.0.${nodeId}:2`, admin: `10.0.0.${nodeId}:3` };
}

export function nodeRecord(nodeId: number, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    nodeId,
    incarnation: `disk-${nodeId}`,
    bootEpoch: 1,
    roles: ["coordinator", "broker"],
    host: `host-${nodeId}`,
    zone: "",
    addresses: addressesOf(nodeId),
    pid: 1,
    dataDir: "/data",
    version: "0.1.0",
    state: "active",
    ...changes,
  };
}

export function formCommand(changes: Partial<FormClusterCommand> = {}): FormClusterCommand {
  return {
    kind: "form-cluster",
    clusterId: "c1",
    account: ACCOUNT,
    region: "us-east-1",
    createdAtMs: 1_700_000_000_000,
    limits: { kind: "aws" },
    sealedTokenKey: "dG9rZW4=",
    accessKeyId: "MRKEY1",
    sealedSecret: "c2VjcmV0",
    nodes: [1, 2, 3].map((nodeId) => nodeRecord(nodeId)),
    nextReplicaId: 4,
    ...changes,
  };
}

export function createCommand(
  changes: Partial<CommandOf<"create-stream">> = {},
): CommandOf<"create-stream"> {
  return {
    kind: "create-stream",
    account: ACCOUNT,
    streamName: "orders",
    streamId: "id-1",
    streamMode: "PROVISIONED",
    retentionHours: 24,
    maxRecordSizeKib: 1024,
    tags: {},
    nowMs: 1_700_000_100_500,
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, incarnation: `disk-${nodeId}` })),
    placements: [
      [0, 1, 2],
      [1, 2, 0],
    ],
    ...changes,
  };
}

export function formRequest(changes: Partial<FormClusterRequest> = {}): FormClusterRequest {
  return {
    clusterId: "c1",
    voters: [1, 2, 3].map((nodeId) => ({
      nodeId,
      incarnation: `disk-${nodeId}`,
      replicaId: nodeId,
      addresses: { ...addressesOf(nodeId), aws: "" },
    })),
    account: ACCOUNT,
    region: "us-east-1",
    accessKeyId: "MRKEY1",
    sealedSecret: Buffer.from("secret"),
    limits: "aws",
    sealedTokenKey: Buffer.from("token"),
    createdAtMs: 1_700_000_000_000,
    ...changes,
  };
}

export function registerRequest(
  nodeId: number,
  changes: Partial<RegisterNodeRequest> = {},
): RegisterNodeRequest {
  return {
    nodeId,
    incarnation: `disk-${nodeId}`,
    bootEpoch: 1,
    roles: ["coordinator", "broker"],
    host: `host-${nodeId}`,
    zone: "",
    addresses: { ...addressesOf(nodeId), aws: "" },
    pid: 1,
    dataDir: "/data",
    version: "0.1.0",
    ...changes,
  };
}

export function createRequest(changes: Partial<CreateStreamRequest> = {}): CreateStreamRequest {
  return {
    account: ACCOUNT,
    streamName: "orders",
    shardCount: 2,
    streamMode: "PROVISIONED",
    tags: {},
    maxRecordSizeKib: 1024,
    replicationFactor: 0,
    ...changes,
  };
}

export function report(changes: Partial<ReplicaReport>): ReplicaReport {
  return {
    groupId: 2,
    replicaId: 4,
    state: "created",
    leading: false,
    removed: false,
    confIndex: 0,
    voters: [],
    sealedEpoch: 0,
    endOffset: 0,
    lastArrivalMs: 0,
    ...changes,
  };
}
