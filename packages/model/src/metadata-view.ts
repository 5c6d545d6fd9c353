/**
 * One process's copy of cluster metadata, fed by the tail, with the look-ups that requests need.
 *
 * It only ever moves forward in index, but for `forget`. A process without a complete first snapshot has no view: it
 * must answer "unavailable", never "not found".
 */
import { invariant } from "@millrace/base";

import type { HashKey, HashKeyRange } from "./hash-key.ts";
import type {
  AccessKeyRecord,
  ClusterRecord,
  MetadataChange,
  MetadataKind,
  MetadataRecords,
  NodeRecord,
  ShardRecord,
  StreamRecord,
} from "./metadata.ts";
import { decodeMetadataRecord, METADATA_KEY, metadataKind } from "./metadata.ts";

/** A shard with its range as numbers. */
export interface Shard extends ShardRecord {
  readonly range: HashKeyRange;
}

interface StreamShards {
  /** By shard index. */
  readonly all: readonly Shard[];
  /** Shards that own hash keys, by range. */
  readonly owning: readonly Shard[];
}

type Listener = (changedKeys: readonly string[]) => void;

export class MetadataView {
  readonly #records = new Map<string, MetadataRecords[MetadataKind]>();
  readonly #json = new Map<string, string>();
  readonly #shardsByStream = new Map<string, Map<number, Shard>>();
  readonly #sorted = new Map<string, StreamShards>();
  readonly #byGroup = new Map<number, Shard>();
  readonly #listeners = new Set<Listener>();
  #index = 0;

  /** Index of the metadata log up to which this view is complete; 0 before the first snapshot. */
  get index(): number {
    return this.#index;
  }

  get ready(): boolean {
    return this.#index > 0;
  }

  /** Replaces everything. An older snapshot than the view is ignored. */
  reset(index: number, changes: readonly MetadataChange[]): void {
    if (index < this.#index) return;
    const keys = new Set([...this.#records.keys(), ...changes.map((change) => change.key)]);
    for (const key of keys) this.#put(key, undefined);
    for (const { key, json } of changes) this.#put(key, json);
    this.#moveTo(index, [...keys]);
  }

  /**
   * Forgets everything, as before the first snapshot: the source is gone, and what it said grows old.
   * The one way back in index.
   */
  forget(): void {
    const keys = [...this.#records.keys()];
    for (const key of keys) this.#put(key, undefined);
    this.#index = 0;
    for (const listener of this.#listeners) listener(keys);
  }

  /** Applies what changed up to `index`; what the view already has is ignored. */
  apply(index: number, changes: readonly MetadataChange[]): void {
    if (index <= this.#index) return;
    for (const { key, json } of changes) this.#put(key, json);
    this.#moveTo(
      index,
      changes.map((change) => change.key),
    );
  }

  /** Calls `listener` after each change, with the keys that changed. Returns the way to stop it. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  cluster(): ClusterRecord | undefined {
    return this.#records.get(METADATA_KEY.cluster) as ClusterRecord | undefined;
  }
  node(nodeId: number): NodeRecord | undefined {
    return this.#records.get(METADATA_KEY.node(nodeId)) as NodeRecord | undefined;
  }
  stream(account: string, streamName: string): StreamRecord | undefined {
    return this.#records.get(METADATA_KEY.stream(account, streamName)) as StreamRecord | undefined;
  }
  accessKey(accessKeyId: string): AccessKeyRecord | undefined {
    return this.#records.get(METADATA_KEY.key(accessKeyId)) as AccessKeyRecord | undefined;
  }

  /** All records of one kind, in order of their keys. */
  list<K extends MetadataKind>(kind: K): readonly MetadataRecords[K][] {
    const keys = [...this.#records.keys()].filter((key) => metadataKind(key) === kind);
    return keys.sort().map((key) => this.#records.get(key) as MetadataRecords[K]);
  }

  /** Every key with its JSON, in order of keys: a snapshot of the view. */
  snapshot(): readonly { readonly key: string; readonly json: string }[] {
    return [...this.#json]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, json]) => ({ key, json }));
  }

  /** The stream's shards, by shard index. */
  shards(streamId: string): readonly Shard[] {
    return this.#sort(streamId).all;
  }
  shard(streamId: string, shardIndex: number): Shard | undefined {
    return this.#shardsByStream.get(streamId)?.get(shardIndex);
  }
  shardOfGroup(groupId: number): Shard | undefined {
    return this.#byGroup.get(groupId);
  }

  /** The open shard that owns `key`, or `undefined` while the stream has none (S10). */
  route(streamId: string, key: HashKey): Shard | undefined {
    const { owning } = this.#sort(streamId);
    let low = 0;
    let high = owning.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((owning[middle] as Shard).range.startingHashKey <= key) low = middle;
      else high = middle - 1;
    }
    const shard = owning[low];
    if (shard === undefined || key < shard.range.startingHashKey) return undefined;
    return key <= shard.range.endingHashKey ? shard : undefined;
  }

  #moveTo(index: number, changedKeys: readonly string[]): void {
    invariant(index >= this.#index, "a metadata view never goes back");
    this.#index = index;
    for (const listener of this.#listeners) listener(changedKeys);
  }

  #put(key: string, json: string | undefined): void {
    const kind = metadataKind(key);
    const before = this.#records.get(key);
    if (kind === "shard" && before !== undefined) this.#forgetShard(before as ShardRecord);
    if (json === undefined) {
      this.#records.delete(key);
      this.#json.delete(key);
      return;
    }
    const record = decodeMetadataRecord(key, json);
    this.#records.set(key, record);
    this.#json.set(key, json);
    if (kind === "shard") this.#learnShard(record as ShardRecord);
  }

  #learnShard(record: ShardRecord): void {
    const shard: Shard = {
      ...record,
      range: {
        startingHashKey: BigInt(record.startingHashKey) as HashKey,
        endingHashKey: BigInt(record.endingHashKey) as HashKey,
      },
    };
    const shards = this.#shardsByStream.get(record.streamId) ?? new Map<number, Shard>();
    shards.set(record.shardIndex, shard);
    this.#shardsByStream.set(record.streamId, shards);
    this.#byGroup.set(record.groupId, shard);
    this.#sorted.delete(record.streamId);
  }

  #forgetShard(record: ShardRecord): void {
    const shards = this.#shardsByStream.get(record.streamId);
    shards?.delete(record.shardIndex);
    if (shards?.size === 0) this.#shardsByStream.delete(record.streamId);
    this.#byGroup.delete(record.groupId);
    this.#sorted.delete(record.streamId);
  }

  #sort(streamId: string): StreamShards {
    const known = this.#sorted.get(streamId);
    if (known !== undefined) return known;
    const all = [...(this.#shardsByStream.get(streamId)?.values() ?? [])];
    all.sort((a, b) => a.shardIndex - b.shardIndex);
    const owning = all.filter((shard) => shard.state === "open");
    owning.sort((a, b) => (a.range.startingHashKey < b.range.startingHashKey ? -1 : 1));
    const sorted = { all, owning };
    this.#sorted.set(streamId, sorted);
    return sorted;
  }
}
