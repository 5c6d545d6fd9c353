/**
 * The state as one command sees it: what is committed, overlaid by what the command changed so far.
 *
 * A command either takes effect as a whole or not at all, so its changes are collected here and the
 * state itself is touched only when the command has been judged.
 */
import type {
  AccessKeyRecord,
  ClusterRecord,
  MetadataChange,
  MetadataKind,
  MetadataRecords,
  MetadataView,
  NodeRecord,
  ShardRecord,
  StreamRecord,
  TombstoneRecord,
} from "@millrace/model";
import { encodeMetadataRecord, METADATA_KEY } from "@millrace/model";

/** State that no other process needs, so it is not among the tailed records. */
export interface Auxiliary {
  /** Groups of shards still `creating` that had a leader at least once. */
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
}

export class Draft {
  readonly view: MetadataView;
  readonly #committed: CommittedState;
  readonly #changes = new Map<string, string | undefined>();
  /** By group: one command may speak of a group twice. */
  readonly #shards = new Map<number, ShardRecord>();
  readonly #tombstones = new Map<number, TombstoneRecord | undefined>();
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
