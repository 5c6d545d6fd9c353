/**
 * The state as one command sees it: what is committed, overlaid by what the command changed so far.
 *
 * A command either takes effect as a whole or not at all, so its changes are collected here and the
 * state itself is touched only when the command has been judged.
 */
import type {
  AccessKeyRecord,
  ClusterRecord,
  GroupPlacement,
  MetadataChange,
  MetadataKind,
  MetadataRecords,
  MetadataView,
  NodeRecord,
  RetiredReplicaRecord,
  ShardRecord,
  StreamRecord,
  TombstoneRecord,
} from "@millrace/model";
import { METADATA_GROUP_ID } from "@millrace/base";
import { encodeMetadataRecord, METADATA_KEY } from "@millrace/model";

/** State that no other process needs, so it is not among the tailed records. */
export interface Auxiliary {
  /** Groups of shards still `creating` or `opening` that had a leader at least once. */
  readonly ledGroups: ReadonlySet<number>;
  /** Highest creation second given to a shard so far. */
  readonly lastCreatedAtSec: number;
  /** Highest creation second among removed shards: a later stream of their name starts above it. */
  readonly removedCreatedAtSec: number;
}

export const EMPTY_AUXILIARY: Auxiliary = {
  ledGroups: new Set(),
  lastCreatedAtSec: 0,
  removedCreatedAtSec: 0,
};

/** What a command is judged against. */
export interface CommittedState {
  readonly view: MetadataView;
  readonly auxiliary: Auxiliary;
  readonly tombstones: ReadonlyMap<number, TombstoneRecord>;
  /** By key. */
  readonly retired: ReadonlyMap<string, RetiredReplicaRecord>;
}

export class Draft {
  readonly view: MetadataView;
  readonly #committed: CommittedState;
  readonly #changes = new Map<string, string | undefined>();
  /** By group: one command may speak of a group twice. */
  readonly #shards = new Map<number, ShardRecord>();
  readonly #tombstones = new Map<number, TombstoneRecord | undefined>();
  readonly #retired = new Map<string, RetiredReplicaRecord | undefined>();
  #cluster: ClusterRecord | undefined;
  #ledGroups: Set<number> | undefined;
  #auxiliary: Auxiliary;

  constructor(committed: CommittedState) {
    this.view = committed.view;
    this.#committed = committed;
    this.#auxiliary = committed.auxiliary;
  }

  get auxiliary(): Auxiliary {
    return this.#auxiliary;
  }

  shardOfGroup(groupId: number): ShardRecord | undefined {
    return this.#shards.get(groupId) ?? this.view.shardOfGroup(groupId);
  }

  /** Where the replicas of a group are, be it a shard's or the metadata group itself. */
  placement(groupId: number): GroupPlacement | undefined {
    if (groupId !== METADATA_GROUP_ID) return this.shardOfGroup(groupId);
    return (this.#cluster ?? this.view.cluster())?.metadataGroup;
  }

  putPlacement({ groupId, replicas, initialVoters, confIndex, move }: GroupPlacement): void {
    const placement = {
      replicas,
      ...(initialVoters === undefined ? {} : { initialVoters }),
      ...(confIndex === undefined ? {} : { confIndex }),
      ...(move === undefined ? {} : { move }),
    };
    if (groupId === METADATA_GROUP_ID) {
      const cluster = this.#cluster ?? this.view.cluster();
      if (cluster !== undefined) {
        this.putCluster({ ...cluster, metadataGroup: { groupId, ...placement } });
      }
      return;
    }
    const shard = this.shardOfGroup(groupId);
    if (shard === undefined) return;
    const { move: _, ...record } = shardRecord(shard);
    this.putShard({ ...record, ...placement });
  }

  /**
   * When the grace of what is deleted now begins. Brokers count it on the cluster's clock, the one
   * that trims go by, so it begins no earlier than that clock shows: each gets the whole of it.
   */
  graceFrom(nowMs: number): number {
    return Math.max(nowMs, (this.#cluster ?? this.view.cluster())?.trimClockMs ?? 0);
  }

  retired(groupId: number, replicaId: number): RetiredReplicaRecord | undefined {
    const key = METADATA_KEY.retired(groupId, replicaId);
    return this.#retired.has(key) ? this.#retired.get(key) : this.#committed.retired.get(key);
  }

  putRetired(record: RetiredReplicaRecord): void {
    const key = METADATA_KEY.retired(record.groupId, record.replica.replicaId);
    this.#retired.set(key, record);
    this.#put(key, record);
  }

  removeRetired(groupId: number, replicaId: number): void {
    const key = METADATA_KEY.retired(groupId, replicaId);
    this.#retired.set(key, undefined);
    this.remove(key);
  }

  tombstone(groupId: number): TombstoneRecord | undefined {
    if (this.#tombstones.has(groupId)) return this.#tombstones.get(groupId);
    return this.#committed.tombstones.get(groupId);
  }

  get changes(): readonly MetadataChange[] {
    return [...this.#changes].map(([key, json]) => ({ key, json }));
  }

  remove(key: string): void {
    this.#changes.set(key, undefined);
  }

  putCluster(record: ClusterRecord): void {
    this.#cluster = record;
    this.#put(METADATA_KEY.cluster, record);
  }

  putNode(record: NodeRecord): void {
    this.#put(METADATA_KEY.node(record.nodeId), record);
  }

  putAccessKey(record: AccessKeyRecord): void {
    this.#put(METADATA_KEY.key(record.accessKeyId), record);
  }

  putStream(record: StreamRecord): void {
    this.#put(METADATA_KEY.stream(record.account, record.streamName), record);
  }

  putShard(record: ShardRecord): void {
    this.#shards.set(record.groupId, record);
    this.#put(METADATA_KEY.shard(record.streamId, record.shardIndex), record);
  }

  putTombstone(record: TombstoneRecord): void {
    this.#tombstones.set(record.groupId, record);
    this.#put(METADATA_KEY.tombstone(record.groupId), record);
  }

  removeTombstone(groupId: number): void {
    this.#tombstones.set(groupId, undefined);
    this.remove(METADATA_KEY.tombstone(groupId));
  }

  /** Notes that `groupId` has had a leader, or forgets it. */
  setLed(groupId: number, led: boolean): void {
    if (this.#auxiliary.ledGroups.has(groupId) === led) return;
    this.#ledGroups ??= new Set(this.#auxiliary.ledGroups);
    if (led) this.#ledGroups.add(groupId);
    else this.#ledGroups.delete(groupId);
    this.#auxiliary = { ...this.#auxiliary, ledGroups: this.#ledGroups };
  }

  setSeconds(seconds: Partial<Omit<Auxiliary, "ledGroups">>): void {
    this.#auxiliary = { ...this.#auxiliary, ...seconds };
  }

  #put(key: string, record: MetadataRecords[MetadataKind]): void {
    this.#changes.set(key, encodeMetadataRecord(record));
  }
}

/** `shard` without what a view adds to its record. */
export function shardRecord(shard: ShardRecord): ShardRecord {
  const { range: _, ...record } = shard as ShardRecord & { readonly range?: unknown };
  return record;
}
