/** Requests of the coordinator's calls, as this package's callers write them. */
import type { NodeAddresses, Role } from "@millrace/model";

/** Which stream: by account and name. */
export interface StreamName {
  /** Twelve digits. */
  readonly account: string;
  readonly streamName: string;
}

export interface CreateStream extends StreamName {
  /** 1..10,000. */
  readonly shardCount: number;
  /** @default "PROVISIONED" */
  readonly streamMode?: "PROVISIONED" | "ON_DEMAND";
  /** At most 50. @default none */
  readonly tags?: Readonly<Record<string, string>>;
  /** 1024..10240. @default 1024 */
  readonly maxRecordSizeKib?: number;
  /** Replicas per shard, 1..7. @default what the cluster has: 3, or as many as there are brokers */
  readonly replicationFactor?: number;
}

export interface DeleteStream extends StreamName {
  /** Only this incarnation of the name. @default any */
  readonly streamId?: string;
}

export interface UpdateRetention extends StreamName {
  /** 24..8760. */
  readonly retentionHours: number;
  /** `increase` refuses a smaller value than now, `decrease` a larger one. */
  readonly direction: "increase" | "decrease";
}

export interface SplitShard extends StreamName {
  readonly shardIndex: number;
  /** First hash key of the upper child: above the first key of the shard plus one, below its last. @default the middle */
  readonly startingHashKey?: bigint;
}

export interface MergeShards extends StreamName {
  /** The one with the lower hash keys. */
  readonly shardIndex: number;
  readonly adjacentShardIndex: number;
}

export interface UpdateTags extends StreamName {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface CreateAccessKey {
  readonly account: string;
  readonly accessKeyId: string;
  /** Sealed with the cluster secret. */
  readonly sealedSecret: Uint8Array;
}

export interface UpdateLimits {
  /** `aws`, `unlimited`, or `custom` followed by JSON of the numbers. */
  readonly limits: string;
}

export interface RegisterNode {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
  readonly roles: readonly Role[];
  readonly host: string;
  readonly zone: string;
  readonly addresses: NodeAddresses;
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
}

export interface NodeHeartbeat {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
  readonly state: "ready" | "starting" | "draining";
  /** The sender's wall clock, epoch milliseconds. */
  readonly nowMs: number;
}

export interface HeartbeatAnswer {
  /** The coordinator leader's wall clock, epoch milliseconds. */
  readonly nowMs: number;
  /** The leader does not know this incarnation: register again. */
  readonly registerAgain: boolean;
}

export interface ReplicaReport {
  readonly groupId: number;
  readonly replicaId: number;
  readonly state: "created" | "lost" | "damaged";
  /** The replica leads its group. @default false */
  readonly leading?: boolean;
  /** A tombstoned replica was removed. @default false */
  readonly removed?: boolean;
  /** The replica has applied its shard's seal of this epoch; with it where the shard ends. @default 0, nothing is said of it */
  readonly sealedEpoch?: number;
  readonly endOffset?: number;
  readonly lastArrivalMs?: number;
}

export interface ReportReplicas {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly replicas: readonly ReplicaReport[];
}

export interface ClusterVoter {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly replicaId: number;
  readonly addresses: NodeAddresses;
}

export interface FormCluster {
  readonly clusterId: string;
  readonly voters: readonly ClusterVoter[];
  readonly account: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly sealedSecret: Uint8Array;
  /** As in `UpdateLimits`. */
  readonly limits: string;
  readonly sealedTokenKey: Uint8Array;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}
