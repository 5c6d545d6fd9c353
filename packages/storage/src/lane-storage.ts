/**
 * The storage of one process: many Raft groups over one write-ahead log.
 *
 * The load is many slow groups, so the sync is shared: everything that all groups want durable in one
 * turn of the event loop becomes one write. What a Raft group needs of its log comes from memory where
 * it is near the tail, and from immutable segments where it is not.
 */
import { StreamError } from "@millrace/base";
import type { Clock, Counter } from "@millrace/base";

import { checkInit, checkWrite } from "./check-write.ts";
import { buildCheckpoint } from "./checkpoint.ts";
import { Flusher } from "./flusher.ts";
import type { FlushedSegment } from "./flusher.ts";
import type { GroupLog } from "./group-log.ts";
import type {
  ImportStart,
  IndexRange,
  LogImport,
  ScrubOptions,
  ScrubReport,
} from "./healing-types.ts";
import { CLUSTER_ID_BYTES_MAX, writeIdentity } from "./identity.ts";
import type { StoredIdentity } from "./identity.ts";
import { laneError } from "./lane-error.ts";
import { LaneGroup } from "./lane-group.ts";
import { openLane } from "./lane-open.ts";
import type { LaneParts } from "./lane-open.ts";
import { GROUPS_MAX } from "./limits.ts";
import {
  acknowledgement,
  createdOperation,
  droppedOperation,
  entriesOperation,
  framePieces,
  hardStateOperation,
  installOperation,
  movedOperation,
  segmentsOperation,
  trimOperation,
} from "./operations.ts";
import { resolveOptions } from "./options.ts";
import type { ResolvedOptions } from "./options.ts";
import { requireBytesWithin } from "./state-files.ts";
import type {
  GroupInit,
  GroupWrite,
  LaneIdentity,
  LaneStats,
  LaneStorageOptions,
} from "./types.ts";
import { WalWriter } from "./wal-writer.ts";
import type { WalWriterHost } from "./wal-writer.ts";

const EMPTY = Buffer.alloc(0);

export class LaneStorage {
  readonly #options: ResolvedOptions;
  readonly #parts: LaneParts;
  readonly #clock: Clock;
  readonly #wal: WalWriter;
  readonly #flusher: Flusher;
  /** As the host sees them. */
  readonly #groups: Map<number, LaneGroup>;
  /** As the WAL has them so far: a created group is in it from its frame on, a dropped one until its. */
  readonly #walGroups: Map<number, LaneGroup>;
  /** Files that exist under their number, ascending; the last one is written. */
  readonly #walFiles: number[];
  #identity: StoredIdentity;
  #failed: StreamError | undefined;
  #closed = false;
  readonly #failureCallbacks: ((error: StreamError) => void)[] = [];
  readonly #rejections = new Set<(error: StreamError) => void>();
  #roomWaiters: (() => void)[] = [];
  #publishing = 0;
  #statesChanged = false;
  #background: Promise<unknown> = Promise.resolve();
  readonly #counters = { entriesWritten: 0, flushes: 0, flushedBytes: 0 };
  readonly #metrics: { readonly entries: Counter; readonly flushedBytes: Counter };

  private constructor(options: ResolvedOptions, parts: LaneParts) {
    this.#options = options;
    this.#parts = parts;
    this.#clock = options.clock;
    this.#identity = parts.identity;
    this.#groups = new Map(parts.groups.map((group) => [group.groupId, group]));
    this.#walGroups = new Map(this.#groups);
    this.#walFiles = [...parts.walFiles];
    this.#wal = new WalWriter(parts.files, this.#walHost(), options.clock, parts.start);
    this.#flusher = this.#makeFlusher();
    this.#metrics = {
      entries: options.metrics.counter(
        "millrace_storage_entries_written_total",
        "Raft entries submitted to the write-ahead log",
      ),
      flushedBytes: options.metrics.counter(
        "millrace_storage_flushed_bytes_total",
        "Bytes written to segments",
      ),
    };
  }

  /**
   * Makes an empty lane, or recovers one.
   *
   * @throws StreamError `corrupt` for damage below what was acknowledged, naming file, position and
   * what to do; `wrong-state` for a directory of another node; `unsupported` for a newer format.
   */
  static async open(options: LaneStorageOptions): Promise<LaneStorage> {
    const resolved = resolveOptions(options);
    const parts = await openLane(resolved);
    const lane = new LaneStorage(resolved, parts);
    await lane.#start();
    return lane;
  }

  get identity(): LaneIdentity {
    const { incarnation, bootEpoch, clusterId } = this.#identity;
    return { incarnation, bootEpoch, clusterId };
  }

  /** The error after which nothing is acknowledged any more. */
  get failed(): StreamError | undefined {
    return this.#failed;
  }

  onFailure(callback: (error: StreamError) => void): void {
    this.#failureCallbacks.push(callback);
    if (this.#failed !== undefined) callback(this.#failed);
  }

  /** Durable when it resolves. @throws StreamError `wrong-state` when another id was set before. */
  async setClusterId(id: string): Promise<void> {
    requireBytesWithin("clusterId", Buffer.from(id, "utf8"), CLUSTER_ID_BYTES_MAX);
    if (id === "") throw new StreamError("invalid-argument", "clusterId is empty");
    const { clusterId } = this.#identity;
    if (clusterId === id) return;
    if (clusterId !== undefined) {
      throw new StreamError(
        "wrong-state",
        `this node belongs to cluster ${clusterId}, not to ${id}`,
      );
    }
    const identity = { ...this.#identity, clusterId: id };
    await writeIdentity(this.#options.fileSystem, this.#parts.layout, identity);
    this.#identity = identity;
  }

  /** Recovered and created, ascending by id. */
  groups(): readonly GroupLog[] {
    return [...this.#groups.values()].sort((left, right) => left.groupId - right.groupId);
  }

  group(groupId: number): GroupLog | undefined {
    return this.#groups.get(groupId);
  }

  /**
   * Resolves when the group is durable.
   *
   * @throws StreamError `already-exists`, `limit-exceeded`, `invalid-argument`.
   */
  async createGroup(init: GroupInit): Promise<GroupLog> {
    this.#requireOpen();
    checkInit(init);
    if (this.#groups.has(init.groupId)) {
      throw new StreamError("already-exists", `group ${init.groupId} exists on this node`);
    }
    if (this.#groups.size >= GROUPS_MAX) {
      throw new StreamError("limit-exceeded", `a lane holds at most ${GROUPS_MAX} groups`);
    }
    const group = this.#newGroup(init);
    this.#groups.set(init.groupId, group);
    await this.#durably((durable) => {
      const encoded = () => this.#walGroups.set(init.groupId, group);
      return createdOperation(group, encoded, durable);
    });
    return group;
  }

  #newGroup({ groupId, replicaId, kind, confState, description }: GroupInit): LaneGroup {
    const base = { index: 0, term: 0, confState, state: EMPTY };
    return new LaneGroup(
      {
        groupId,
        replicaId,
        kind,
        description: description === undefined ? EMPTY : Buffer.from(description),
        hardState: { term: 0, vote: 0, commit: 0 },
        compactedIndex: 0,
        compactedTerm: 0,
        base,
        applied: base,
        extents: [],
      },
      this.#parts.shared,
    );
  }

  /**
   * Writes a tombstone and releases the group's data; resolves when the tombstone is durable.
   *
   * @throws StreamError `not-found`.
   */
  async dropGroup(groupId: number): Promise<void> {
    this.#requireOpen();
    const group = this.#groups.get(groupId);
    if (group === undefined) throw new StreamError("not-found", `no group ${groupId} on this node`);
    this.#groups.delete(groupId);
    group.dropped = true;
    await this.#durably((durable) => {
      const encoded = () => this.#walGroups.delete(groupId);
      return droppedOperation(group, encoded, durable);
    });
    group.drop();
    this.#statesChanged = true;
    this.#sweepSegments();
  }

  /**
   * Takes the writes into memory at once and makes them durable; `onDurable` calls run in the order of
   * submission. After a failure it does nothing and calls nothing.
   *
   * @throws StreamError `invalid-argument` for a write that breaks the log; writes before it in the
   * list are taken, and nothing of this call is acknowledged.
   */
  submit(writes: readonly GroupWrite[], onDurable: () => void): void {
    if (this.#failed !== undefined) return;
    this.#requireOpen();
    for (const write of writes) this.#enqueueWrite(write);
    this.#wal.enqueue(acknowledgement(onDurable));
    this.#wal.run();
    this.#sweepSegments();
  }

  #enqueueWrite(write: GroupWrite): void {
    const { group } = write;
    if (!(group instanceof LaneGroup) || this.#groups.get(group.groupId) !== group) {
      throw new StreamError(
        "wrong-state",
        `group ${group.groupId} is not a live group of this lane`,
      );
    }
    checkWrite(group, write);
    const { snapshot, hardState, entries, trim } = write;
    const { states } = this.#parts;
    group.apply(write);
    if (snapshot !== undefined) {
      this.#wal.enqueue(installOperation(group, snapshot, states));
      this.#statesChanged = true;
    }
    if (hardState !== undefined) this.#wal.enqueue(hardStateOperation(group, hardState));
    if (entries !== undefined && entries.length > 0) {
      for (const piece of framePieces(entries)) this.#wal.enqueue(entriesOperation(group, piece));
      this.#counters.entriesWritten += entries.length;
      this.#metrics.entries.add(entries.length);
    }
    if (trim !== undefined) {
      const term = group.term(trim.throughIndex);
      const throughTerm = typeof term === "number" ? term : trim.snapshot.term;
      this.#wal.enqueue(
        trimOperation(group, trim.throughIndex, throughTerm, trim.snapshot, states),
      );
      this.#statesChanged = true;
    }
  }

  /** Begins an import, or goes on with what an earlier one of the same replica left. At most IMPORTS_MAX at once. */
  openImport(groupId: number, from: ImportStart): Promise<LogImport> {
    return Promise.reject(new StreamError("unsupported", `import ${groupId} ${from.afterIndex}`));
  }

  /** Replaces damaged extents by what `log` holds. */
  repair(groupId: number, range: IndexRange, log: LogImport): Promise<void> {
    const text = `repair ${groupId} ${range.firstIndex} ${log.nextIndex}`;
    return Promise.reject(new StreamError("unsupported", text));
  }

  /** One pass over everything immutable. */
  scrub(options: ScrubOptions): Promise<ScrubReport> {
    return Promise.reject(new StreamError("unsupported", `scrub ${options.bytesPerSecond}`));
  }

  /** `callback` hears of each extent that is found damaged, once. */
  onDamage(callback: (groupId: number) => void): void {
    this.#parts.damage.listen(callback);
  }

  /** Removes files that were in the trash for `olderThanMs` or longer; resolves with their number. */
  emptyTrash(olderThanMs: number): Promise<number> {
    return this.#parts.registry.emptyTrash(this.#clock.nowMs(), olderThanMs);
  }

  stats(): LaneStats {
    const { batches, syncedWrites, bytes } = this.#wal.counters;
    return {
      walBatches: batches,
      walSyncedWrites: syncedWrites,
      walBytes: bytes,
      entriesWritten: this.#counters.entriesWritten,
      queuedWrites: this.#wal.queued,
      queuedBytes: this.#wal.queuedBytes,
      inFlightSinceMs: this.#wal.inFlightSinceMs,
      walFiles: this.#walFiles.length,
      waitingForFlush: this.#roomWaiters.length > 0,
      flushes: this.#counters.flushes,
      flushedBytes: this.#counters.flushedBytes,
      segments: this.#parts.registry.count,
      pinnedBytes: this.#parts.shared.totals.pinnedBytes,
      cachedBytes: this.#parts.shared.totals.cachedBytes,
    };
  }

  /** Finishes what is queued, then releases all files. Nothing may be submitted meanwhile. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#wal.idle();
    await this.#flusher.stop();
    await this.#wal.close();
    await this.#background;
    this.#parts.segments.forget();
  }

  async #start(): Promise<void> {
    if ("position" in this.#parts.start) {
      for (const fileSeq of this.#walFiles.slice(0, -1)) this.#flusher.sealed(fileSeq);
    } else await this.#wal.start();
    if (this.#failed !== undefined) throw this.#failed;
    this.#sweepSegments();
  }

  #walHost(): WalWriterHost {
    return {
      checkpoint: (fileSeq) => {
        if (this.#walFiles.at(-1) !== fileSeq) this.#walFiles.push(fileSeq);
        return buildCheckpoint({
          groups: this.#walGroups.values(),
          segments: this.#parts.registry.named,
          freeBelow: this.#walFiles[0] ?? fileSeq,
          states: this.#parts.states,
        });
      },
      roomForFile: () => this.#roomForFile(),
      sealed: (fileSeq) => {
        this.#statesChanged = true;
        this.#flusher.sealed(fileSeq);
      },
      committed: () => this.#removeOldStates(),
      failed: (error) => this.#fail(error),
    };
  }

  #makeFlusher(): Flusher {
    const { fileSystem, nodeId, entryMeta, shardSegmentThresholdBytes } = this.#options;
    return new Flusher({
      fileSystem,
      layout: this.#parts.layout,
      nodeId,
      incarnation: this.#identity.incarnation,
      entryMeta,
      shardSegmentThresholdBytes,
      groups: () => this.#walGroups.values(),
      nextSegmentId: () => this.#parts.registry.nextId(),
      publish: (fileSeq, segments) => this.#publish(fileSeq, segments),
      failed: (error) => this.#fail(laneError("segments", error)),
    });
  }

  /**
   * Files are bounded, and with them the memory they pin. A flush that waits in the queue to free one
   * goes first: waiting for it here would wait for ever.
   */
  async #roomForFile(): Promise<void> {
    while (this.#walFiles.length >= this.#options.walFilesMax && this.#publishing === 0) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  #wakeRoomWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }

  async #publish(fileSeq: number, segments: readonly FlushedSegment[]): Promise<void> {
    const { registry, files } = this.#parts;
    const added = segments.map(({ segmentId }) => segmentId);
    this.#publishing++;
    this.#wakeRoomWaiters();
    const durable = this.#durably((done) => {
      for (const segment of segments) registry.add(segment.segmentId, segment.extents);
      for (const { extents } of segments) {
        for (const extent of extents) this.#adopt(extent);
      }
      this.#moveTail(fileSeq);
      const change = { added, removed: [], freeBelow: fileSeq + 1 };
      return segmentsOperation(change, () => registry.noteNamed(added, []), done);
    });
    await durable.finally(() => this.#publishing--);
    this.#parts.shared.cache.evict();
    this.#walFiles.splice(0, this.#walFiles.indexOf(fileSeq) + 1);
    await files.recycle(fileSeq); // F2
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#counters.flushes++;
    this.#counters.flushedBytes += bytes;
    this.#metrics.flushedBytes.add(bytes);
    this.#wakeRoomWaiters();
    this.#sweepSegments();
  }

  #adopt(extent: FlushedSegment["extents"][number]): void {
    const group = this.#walGroups.get(extent.groupId);
    const adopted = group?.replicaId === extent.replicaId && group.adopt(extent);
    // Trimmed, replaced or dropped while the segment was written: nobody will read it.
    if (!adopted) this.#parts.registry.released([extent]);
  }

  #moveTail(fileSeq: number): void {
    for (const group of this.#walGroups.values()) {
      if (group.dropped) continue;
      for (const piece of framePieces(group.log.pinnedIn(fileSeq))) {
        this.#wal.enqueue(movedOperation(group, piece));
      }
    }
  }

  /** Takes segments without readers out of the log, then moves their files to the trash. */
  #sweepSegments(): void {
    const { registry } = this.#parts;
    const removed = registry.takeDead();
    if (removed.length === 0 || this.#failed !== undefined) return;
    const change = { added: [], removed, freeBelow: this.#walFiles[0] ?? 0 };
    const encoded = () => registry.noteNamed([], removed);
    this.#wal.enqueue(
      segmentsOperation(change, encoded, () => {
        this.#inBackground(() => registry.discard(removed, this.#clock.nowMs()));
      }),
    );
    this.#wal.run();
  }

  #removeOldStates(): void {
    if (!this.#statesChanged) return;
    this.#statesChanged = false;
    const live = new Set<number>();
    for (const { written } of this.#walGroups.values()) {
      for (const state of [written?.base, written?.applied]) {
        if (state?.location.kind === "file") live.add(state.location.fileId);
      }
    }
    const { states } = this.#parts;
    const obsolete = states.takeObsolete(live);
    if (obsolete.length > 0) this.#inBackground(() => states.remove(obsolete));
  }

  /** Housekeeping that loses nothing when it fails: it is tried again after the next start. */
  #inBackground(work: () => Promise<unknown>): void {
    this.#background = this.#background.then(work).catch((error: unknown) => {
      this.#options.logger.warn("could not tidy up old storage files", { error: String(error) });
    });
  }

  #durably(operation: (durable: () => void) => Parameters<WalWriter["enqueue"]>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) {
        reject(this.#failed);
        return;
      }
      this.#rejections.add(reject);
      this.#wal.enqueue(
        operation(() => {
          this.#rejections.delete(reject);
          resolve();
        }),
      );
      this.#wal.run();
    });
  }

  #requireOpen(): void {
    if (this.#failed !== undefined) throw this.#failed;
    if (this.#closed) throw new StreamError("wrong-state", "the lane's storage is closed");
  }

  #fail(error: StreamError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#wal.stop();
    this.#options.logger.error("storage failed", { error: error.message });
    for (const reject of this.#rejections) reject(error);
    this.#rejections.clear();
    this.#wakeRoomWaiters();
    for (const callback of this.#failureCallbacks) callback(error);
  }
}
