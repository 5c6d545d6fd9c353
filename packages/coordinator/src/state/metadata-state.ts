/**
 * The metadata group's state machine: applies commands to the map of records and keeps what their
 * proposers and the tails ask for.
 *
 * The records live in the same `MetadataView` that every tailing process has, so this process reads
 * its own metadata without a copy. Nothing here waits or fails: an entry that cannot be read throws,
 * and the host stops the group, because going on would make this replica differ from the others.
 */
import { invariant } from "@millrace/base";
import type {
  GroupPlacement,
  MetadataChange,
  MetadataKind,
  MetadataRecords,
  NodeRecord,
  RetiredReplicaRecord,
  ShardRecord,
  StreamRecord,
  TombstoneRecord,
} from "@millrace/model";
import { decodeMetadataRecord, isDeadReplica, metadataKind, MetadataView } from "@millrace/model";

import { applyCommand } from "./apply.ts";
import { decodeCommand } from "./command.ts";
import { DeltaRing } from "./delta-ring.ts";
import type { Auxiliary } from "./draft.ts";
import { EMPTY_AUXILIARY } from "./draft.ts";
import type { Outcome } from "./outcome.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";

/** Outcomes kept for proposers that have not asked yet; more than there can be proposals in flight. */
const OUTCOMES_MAX = 8192;

/** A committed entry as the host hands it over. */
export interface CommittedEntry {
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array;
}

export class MetadataState {
  readonly view: MetadataView;
  readonly ring: DeltaRing;
  /** By group id. */
  readonly tombstones = new Map<number, TombstoneRecord>();
  /** Streams that are not ACTIVE, by key. */
  readonly unsettledStreams = new Map<string, StreamRecord>();
  readonly nodes = new Map<number, NodeRecord>();
  /** By key. */
  readonly retired = new Map<string, RetiredReplicaRecord>();
  /** Groups whose members are not what they should be: a move is under way, or a replica is dead. By key of their record. */
  readonly unsettledGroups = new Map<string, GroupPlacement>();
  /** Shards that only wait for their records to expire, by key. */
  readonly closedShards = new Map<string, ShardRecord>();
  readonly #streamKeys = new Set<string>();
  readonly #outcomes = new Map<number, Outcome>();
  #auxiliary: Auxiliary = EMPTY_AUXILIARY;

  /** @param view Not yet fed by anyone else. */
  constructor(view: MetadataView = new MetadataView(), ring: DeltaRing = new DeltaRing()) {
    this.view = view;
    this.ring = ring;
  }

  get auxiliary(): Auxiliary {
    return this.#auxiliary;
  }

  get streamCount(): number {
    return this.#streamKeys.size;
  }

  /** @throws StreamError `unsupported` or `corrupt` for an entry that this version cannot read. */
  apply(entries: readonly CommittedEntry[]): void {
    for (const { index, data } of entries) {
      invariant(
        index > this.view.index,
        () => `metadata entry ${index} was applied already, state is at ${this.view.index}`,
      );
      const { changes, auxiliary, outcome } = applyCommand(this, decodeCommand(data));
      this.#auxiliary = auxiliary;
      this.#remember(index, outcome);
      this.#take(changes);
      this.ring.push(index, changes);
      this.view.apply(index, changes);
    }
  }

  /** Entries without a command (a new leader's first, a change of members) move the index alone. */
  advanced(appliedIndex: number): void {
    this.view.apply(appliedIndex, []);
  }

  snapshot(): Uint8Array {
    return encodeSnapshot(this.view, this.#auxiliary);
  }

  /** @param state Bytes of `snapshot`, or empty for the state before the first entry. */
  restore(state: Uint8Array, index: number): void {
    const { auxiliary, records } =
      state.byteLength === 0 ? { auxiliary: EMPTY_AUXILIARY, records: [] } : decodeSnapshot(state);
    this.#auxiliary = auxiliary;
    this.#outcomes.clear();
    this.nodes.clear();
    this.tombstones.clear();
    this.unsettledStreams.clear();
    this.unsettledGroups.clear();
    this.retired.clear();
    this.closedShards.clear();
    this.#streamKeys.clear();
    this.#take(records);
    this.ring.reset(index);
    if (index > 0) this.view.reset(index, records);
  }

  /** This process holds the group no more; another replica of it may come, and begins anew. */
  forget(): void {
    this.restore(new Uint8Array(0), 0);
    this.view.forget();
  }

  /** What the entry at `index` came to. Only for recently applied entries of commands. */
  outcome(index: number): Outcome {
    return this.#outcomes.get(index);
  }

  #remember(index: number, outcome: Outcome): void {
    this.#outcomes.set(index, outcome);
    if (this.#outcomes.size <= OUTCOMES_MAX) return;
    const [oldest] = this.#outcomes.keys();
    if (oldest !== undefined) this.#outcomes.delete(oldest);
  }

  #take(changes: readonly MetadataChange[]): void {
    for (const { key, json } of changes) {
      const kind = metadataKind(key);
      if (kind === "tombstone") this.#takeTombstone(key, json);
      if (kind === "stream") this.#takeStream(key, json);
      if (kind === "node" && json !== undefined) this.#takeNode(key, json);
      if (kind === "retired") this.#takeRetired(key, json);
      if (kind === "shard") this.#takeShard(key, record("shard", key, json));
      if (kind === "cluster") {
        this.#takeGroup(key, record("cluster", key, json)?.metadataGroup);
      }
    }
  }

  #takeRetired(key: string, json: string | undefined): void {
    const taken = record("retired", key, json);
    if (taken === undefined) this.retired.delete(key);
    else this.retired.set(key, taken);
  }

  #takeShard(key: string, shard: ShardRecord | undefined): void {
    this.#takeGroup(key, shard);
    if (shard?.state === "closed") this.closedShards.set(key, shard);
    else this.closedShards.delete(key);
  }

  #takeGroup(key: string, placed: GroupPlacement | undefined): void {
    const isSettled =
      placed === undefined || (placed.move === undefined && !placed.replicas.some(isDeadReplica));
    if (isSettled) this.unsettledGroups.delete(key);
    else this.unsettledGroups.set(key, placed);
  }

  #takeNode(key: string, json: string): void {
    const record = decodeMetadataRecord(key, json) as NodeRecord;
    this.nodes.set(record.nodeId, record);
  }

  #takeTombstone(key: string, json: string | undefined): void {
    if (json === undefined) this.tombstones.delete(Number(key.slice(key.indexOf("/") + 1)));
    else {
      const record = decodeMetadataRecord(key, json) as TombstoneRecord;
      this.tombstones.set(record.groupId, record);
    }
  }

  #takeStream(key: string, json: string | undefined): void {
    const record =
      json === undefined ? undefined : (decodeMetadataRecord(key, json) as StreamRecord);
    if (record === undefined) this.#streamKeys.delete(key);
    else this.#streamKeys.add(key);
    if (record === undefined || record.status === "ACTIVE") this.unsettledStreams.delete(key);
    else this.unsettledStreams.set(key, record);
  }
}

/** The record under a key of a kind that the caller has looked at. */
function record<K extends MetadataKind>(
  _kind: K,
  key: string,
  json: string | undefined,
): MetadataRecords[K] | undefined {
  if (json === undefined) return undefined;
  return decodeMetadataRecord(key, json) as MetadataRecords[K];
}
