/**
 * Records of cluster metadata: what the coordinator's state machine holds and every process tails.
 *
 * State is a flat map from key to record, so that a snapshot is the map, a delta is the changed
 * keys, and a tail needs no knowledge of the commands that made them. On the wire and on disk a
 * record is JSON with a format version; unknown members are kept out, an unknown version is refused.
 *
 *   cluster                        ClusterRecord
 *   node/<nodeId>                  NodeRecord
 *   stream/<account>/<streamName>  StreamRecord
 *   shard/<streamId>/<shardIndex>  ShardRecord
 *   key/<accessKeyId>              AccessKeyRecord
 *   tombstone/<groupId>            TombstoneRecord
 *   retired/<groupId>/<replicaId>  RetiredReplicaRecord
 */
import { StreamError } from "@millrace/base";

import type { LimitsPolicy } from "./limits.ts";
import type { PlacementPolicy } from "./placement-policy.ts";

export interface ClusterRecord {
  readonly clusterId: string;
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  readonly createdAtMs: number;
  readonly limits: LimitsPolicy;
  readonly nextGroupId: number;
  readonly nextReplicaId: number;
  /** Base64 of the sealed key that shard-iterator tokens are encrypted with. */
  readonly sealedTokenKey: string;
  /** Trims may drop nothing that arrived later than this minus the stream's retention. */
  readonly trimClockMs: number;
  /** Where the metadata group itself is. */
  readonly metadataGroup?: GroupPlacement;
  /** What was set of how replicas are looked after. @see placementPolicy */
  readonly placementPolicy?: Partial<PlacementPolicy>;
  /** Since when somebody wants replicas and leaders evened out; absent when it is done, or taken back. */
  readonly rebalancingSinceMs?: number;
}

export interface NodeAddresses {
  /** `host:port` of each port; `aws` only where a gateway runs, `data` only where a broker or coordinator runs. */
  readonly rpc: string;
  readonly data?: string;
  readonly admin: string;
  readonly aws?: string;
}

export type Role = "coordinator" | "broker" | "gateway";

export interface NodeRecord {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
  readonly roles: readonly Role[];
  /** Failure domain: two replicas of a shard never share it. */
  readonly host: string;
  readonly zone: string;
  readonly addresses: NodeAddresses;
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  readonly state: "active" | "draining";
  /**
   * What a person asked for, beyond what the process says of itself: `drain` takes no leaderships, and new
   * replicas only where no other node can hold them; `decommission` takes none and gives its own away; `removed` is
   * the end of that. @default serve
   */
  readonly goal?: NodeGoal;
  /**
   * Since when no coordinator has heard of the process, epoch milliseconds; absent while it is heard.
   * Here, and not in a leader's memory, so that a change of leadership does not begin to count anew.
   */
  readonly silentSinceMs?: number;
}

export type NodeGoal = "serve" | "drain" | "decommission" | "removed";

export type StreamStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";

/** Some shards of a stream give way to others: the stream is UPDATING until they have. */
export interface Reshard {
  /** One shard that is split, or two neighbours that are merged, the lower range first. */
  readonly parentShardIndexes: readonly number[];
  /** In order of their ranges, which together are those of the parents. */
  readonly childShardIndexes: readonly number[];
  readonly startedAtMs: number;
}

export interface StreamRecord {
  readonly account: string;
  readonly streamName: string;
  /** `[a-z0-9]{20}-[a-z0-9]{3}`, never reused: tells a stream from an earlier one of the same name. */
  readonly streamId: string;
  readonly status: StreamStatus;
  readonly streamMode: "PROVISIONED" | "ON_DEMAND";
  readonly retentionHours: number;
  readonly maxRecordSizeKib: number;
  readonly createdAtMs: number;
  readonly deletingSinceMs?: number;
  readonly tags: Readonly<Record<string, string>>;
  /** Present exactly while the stream is UPDATING. */
  readonly reshard?: Reshard;
}

/**
 * `creating`: ordered, no durable yes yet. `created`: the broker said yes once. `lost`: it had said yes and
 * lacks it now. `damaged`: it is there, but its files cannot be trusted, so it takes no part any more.
 */
export type ReplicaState = "creating" | "created" | "lost" | "damaged";

/** Takes no part in its group and never will again: its place is to be given to another replica. */
export function isDeadReplica({ state }: Pick<ReplicaPlacement, "state">): boolean {
  return state === "lost" || state === "damaged";
}

export interface ReplicaPlacement {
  readonly replicaId: number;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly state: ReplicaState;
}

/** One step of a group's members: a replica in, or one out, or both in one joint change. */
export interface ReplicaMove {
  readonly add?: ReplicaPlacement;
  readonly removeReplicaId?: number;
  /** `confIndex` of the group when the move was decided: it begins from there or not at all. */
  readonly fromConfIndex: number;
  /** The former members are wanted back. */
  readonly cancelled: boolean;
  /** Why, when nothing is wrong with the replica that leaves. */
  readonly reason?: "rebalance";
}

/** The replicas of one Raft group. */
export interface GroupPlacement {
  readonly groupId: number;
  /** The voters, as the group's leader reported them last; the first is preferred as leader. */
  readonly replicas: readonly ReplicaPlacement[];
  /** Replica ids with which the group's log starts, once they differ from `replicas`. */
  readonly initialVoters?: readonly number[];
  /** Log index of the group at which `replicas` became its voters. @default 0 */
  readonly confIndex?: number;
  readonly move?: ReplicaMove;
}

/**
 * The order to seal a shard, given when its children are ready to take over; it is never taken back.
 * What the seal left behind is known once a replica has applied it.
 */
export interface ShardSeal {
  /** Epoch of the shard once it is closed: above every epoch in which it took records. */
  readonly epoch: number;
  readonly childShardIndexes: readonly number[];
  /** One past the shard's last record; absent until the seal was reported. */
  readonly endOffset?: number;
  /** When that record arrived, 0 for none; reported with `endOffset`. */
  readonly lastArrivalMs?: number;
}

/**
 * `creating`: of a stream in creation. `opening`: a child that owns nothing yet. `open`: owns its hash
 * keys. `closed`: owns nothing any more and can be read until its records have expired.
 */
export type ShardState = "creating" | "opening" | "open" | "closed" | "deleting";

/** Has never taken a record: callers do not see it yet. */
export function isUnopenedShard({ state }: Pick<ShardRecord, "state">): boolean {
  return state === "creating" || state === "opening";
}

export interface ShardRecord extends GroupPlacement {
  readonly streamId: string;
  readonly account: string;
  readonly streamName: string;
  readonly shardIndex: number;
  /** Grows by one with each change of ownership or state; stale requests are refused by it. */
  readonly epoch: number;
  readonly state: ShardState;
  /** Decimal, both ends included. */
  readonly startingHashKey: string;
  readonly endingHashKey: string;
  /** Creation second of the shard, part of its sequence numbers. */
  readonly createdAtSec: number;
  readonly parentShardIndex?: number;
  readonly adjacentParentShardIndex?: number;
  readonly closedAtMs?: number;
  readonly seal?: ShardSeal;
}

export interface AccessKeyRecord {
  readonly accessKeyId: string;
  readonly account: string;
  /** Base64 of the secret, sealed with the cluster secret. */
  readonly sealedSecret: string;
  readonly createdAtMs: number;
}

export interface TombstoneRecord {
  readonly groupId: number;
  readonly replicas: readonly ReplicaPlacement[];
  readonly deletedAtMs: number;
}

/** A replica that its group goes on without: the order to delete it (S13). */
export interface RetiredReplicaRecord {
  readonly groupId: number;
  readonly replica: ReplicaPlacement;
  readonly deletedAtMs: number;
}

export interface MetadataRecords {
  readonly cluster: ClusterRecord;
  readonly node: NodeRecord;
  readonly stream: StreamRecord;
  readonly shard: ShardRecord;
  readonly key: AccessKeyRecord;
  readonly tombstone: TombstoneRecord;
  readonly retired: RetiredReplicaRecord;
}
export type MetadataKind = keyof MetadataRecords;

export const METADATA_KEY = {
  cluster: "cluster",
  node: (nodeId: number) => `node/${nodeId}`,
  stream: (account: string, streamName: string) => `stream/${account}/${streamName}`,
  shard: (streamId: string, shardIndex: number) => `shard/${streamId}/${shardIndex}`,
  key: (accessKeyId: string) => `key/${accessKeyId}`,
  tombstone: (groupId: number) => `tombstone/${groupId}`,
  retired: (groupId: number, replicaId: number) => `retired/${groupId}/${replicaId}`,
} as const;

/** One key's new record as JSON text, or `undefined` when the key is gone. */
export interface MetadataChange {
  readonly key: string;
  readonly json: string | undefined;
}

const FORMAT_VERSION = 1;

/** Sorted keys of no particular record type: the kind is the text before the first slash. */
export function metadataKind(key: string): MetadataKind {
  const kind = key.split("/", 1)[0] ?? "";
  if (kind in KINDS) return kind as MetadataKind;
  throw new StreamError(
    "unsupported",
    `metadata key ${key}: kind ${kind} is not known to this version`,
  );
}
const KINDS: Record<MetadataKind, true> = {
  cluster: true,
  node: true,
  stream: true,
  shard: true,
  key: true,
  tombstone: true,
  retired: true,
};

export function encodeMetadataRecord(record: MetadataRecords[MetadataKind]): string {
  return JSON.stringify({ v: FORMAT_VERSION, ...record });
}

/** @throws StreamError `corrupt` for text that is no record, `unsupported` for a later format version. */
export function decodeMetadataRecord(key: string, json: string): MetadataRecords[MetadataKind] {
  const parsed = parse(key, json);
  if (parsed.v !== FORMAT_VERSION) {
    throw new StreamError(
      "unsupported",
      `metadata record ${key}: format version ${String(parsed.v)}, known is ${FORMAT_VERSION}`,
    );
  }
  const { v: _, ...record } = parsed;
  return record as unknown as MetadataRecords[MetadataKind]; // written by encodeMetadataRecord alone
}

function parse(key: string, json: string): { readonly v?: unknown } {
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch (error) {
    throw new StreamError("corrupt", `metadata record ${key} is not JSON`, { cause: error });
  }
  throw new StreamError("corrupt", `metadata record ${key} is not an object`);
}
