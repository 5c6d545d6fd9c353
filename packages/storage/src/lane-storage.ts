/**
 * The storage of one process: many Raft groups over one write-ahead log.
 *
 * The load is many slow groups, so the sync is shared: everything that all groups want durable in one
 * turn of the event loop becomes one write. What a Raft group needs of its log comes from memory where
 * it is near the tail, and from immutable segments where it is not.
 */
import { StreamError } from "@millrace/base";
import type { Clock } from "@millrace/base";

import { checkInit } from "./check-write.ts";
import { buildCheckpoint } from "./checkpoint.ts";
import { Flusher } from "./flusher.ts";
import type { GroupLog } from "./group-log.ts";
import { GroupWrites } from "./group-writes.ts";
import type {
  ImportStart,
  IndexRange,
  LogImport,
  ScrubOptions,
  ScrubReport,
} from "./healing-types.ts";
import { laneError } from "./lane-error.ts";
import { LaneGroup } from "./lane-group.ts";
import { LaneHealing } from "./lane-healing.ts";
import { IdentityKeeper } from "./lane-identity.ts";
import { laneImports } from "./lane-imports.ts";
import type { LaneImports } from "./lane-imports.ts";
import { openLane } from "./lane-open.ts";
import type { LaneParts } from "./lane-open.ts";
import { LaneSegments } from "./lane-segments.ts";
import { laneStats } from "./lane-stats.ts";
import { GROUPS_MAX } from "./limits.ts";
import { newGroup } from "./new-group.ts";
import {
  acknowledgement,
  createdOperation,
  damagedOperation,
  droppedOperation,
  rollOperation,
  together,
} from "./operations.ts";
import { resolveOptions } from "./options.ts";
import type { ResolvedOptions } from "./options.ts";
import { Quarantine } from "./quarantine.ts";
import type { DamagedGroup, DamagedReplica } from "./quarantine.ts";
import { Scrubber } from "./scrubber.ts";
import type {
  GroupInit,
  GroupWrite,
  LaneIdentity,
  LaneStats,
  LaneStorageOptions,
} from "./types.ts";
import { WalWriter } from "./wal-writer.ts";
import type { WalOperation, WalWriterHost } from "./wal-writer.ts";

export class LaneStorage {
  readonly #options: ResolvedOptions;
  readonly #parts: LaneParts;
  readonly #clock: Clock;
  readonly #wal: WalWriter;
  readonly #flusher: Flusher;
  readonly #segments: LaneSegments;
  readonly #imports: LaneImports;
  readonly #healing: LaneHealing;
  readonly #writes: GroupWrites;
  readonly #scrubber: Scrubber;
  /** As the host sees them. */
  readonly #groups: Map<number, LaneGroup>;
  /** As the WAL has them so far: a created group is in it from its frame on, a dropped one until its. */
  readonly #walGroups: Map<number, LaneGroup>;
  readonly #quarantine: Quarantine;
  /** Files that exist under their number, ascending; the last one is written. */
  readonly #walFiles: number[];
  readonly #identity: IdentityKeeper;
  #failed: StreamError | undefined;
  #closed = false;
  readonly #failureCallbacks: ((error: StreamError) => void)[] = [];
  readonly #rejections = new Set<(error: StreamError) => void>();
  #roomWaiters: (() => void)[] = [];
  #statesChanged = false;
  #background: Promise<unknown> = Promise.resolve();

  private constructor(options: ResolvedOptions, parts: LaneParts) {
    this.#options = options;
    this.#parts = parts;
    this.#clock = options.clock;
    this.#identity = new IdentityKeeper(options.fileSystem, parts.layout, parts.identity);
    this.#groups = new Map(parts.groups.map((group) => [group.groupId, group]));
    this.#walGroups = new Map(this.#groups);
    this.#quarantine = new Quarantine(parts.damaged, options.metrics);
    this.#walFiles = [...parts.walFiles];
    this.#wal = new WalWriter(parts.files, this.#walHost(), options.clock, parts.start);
    this.#segments = this.#makeSegments();
    this.#flusher = this.#makeFlusher();
    this.#imports = laneImports(options, parts);
    this.#healing = new LaneHealing({
      imports: this.#imports,
      segments: this.#segments,
      group: (groupId) => this.#liveGroup(groupId),
      requireOpen: () => this.#requireOpen(),
    });
    this.#scrubber = this.#makeScrubber();
    this.#writes = new GroupWrites({
      parts,
      segments: this.#segments,
      metrics: options.metrics,
      enqueue: (operation) => this.#wal.enqueue(operation),
      statesChanged: () => {
        this.#statesChanged = true;
      },
    });
  }

  /**
   * Makes an empty lane, or recovers one.
   *
   * Replicas that damage may have touched are not among `groups()`, but among `damagedGroups()`.
   *
   * @throws StreamError `corrupt` when the identity is damaged, naming file and what to do; `wrong-state` for
   * a directory of another node; `unsupported` for a newer format.
   */
  static async open(options: LaneStorageOptions): Promise<LaneStorage> {
    const resolved = resolveOptions(options);
    const parts = await openLane(resolved);
    const lane = new LaneStorage(resolved, parts);
    await lane.#start();
    return lane;
  }

  get identity(): LaneIdentity {
    return this.#identity.shown;
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
  setClusterId(id: string): Promise<void> {
    return this.#identity.setClusterId(id);
  }

  /** Healthy ones, recovered and created, ascending by id. */
  groups(): readonly GroupLog[] {
    return [...this.#groups.values()].sort((left, right) => left.groupId - right.groupId);
  }

  group(groupId: number): GroupLog | undefined {
    return this.#groups.get(groupId);
  }

  /** Replicas that damage may have touched: they hold data, but must not take part. Ascending. */
  damagedGroups(): readonly DamagedGroup[] {
    return this.#quarantine.list();
  }

  /**
   * Durable when it resolves: the replica is quarantined from now on, as when a peer proves that its log
   * went back. `reason` is cut to DAMAGE_REASON_BYTES_MAX bytes.
   *
   * @throws StreamError `not-found`.
   */
  async quarantine(groupId: number, reason: string): Promise<void> {
    this.#requireOpen();
    const group = this.#groups.get(groupId);
    if (group === undefined) {
      if (this.#quarantine.get(groupId) !== undefined) return this.#durably(acknowledgement);
      throw new StreamError("not-found", `no group ${groupId} on this node`);
    }
    this.#groups.delete(groupId);
    const replica = this.#quarantine.take(group, reason);
    await this.#durably((durable) =>
      damagedOperation(group, replica, () => this.#walGroups.delete(groupId), durable),
    );
    group.drop();
    await this.#imports.abortOf(group);
  }

  /**
   * Resolves when the group is durable. A quarantined replica of the group is dropped by the same write.
   *
   * @throws StreamError `already-exists`, `limit-exceeded`, `invalid-argument`.
   */
  async createGroup(init: GroupInit): Promise<GroupLog> {
    this.#requireOpen();
    checkInit(init);
    const damaged = this.#quarantine.get(init.groupId);
    if (this.#groups.has(init.groupId) || damaged?.replicaId === init.replicaId) {
      throw new StreamError("already-exists", `group ${init.groupId} exists on this node`);
    }
    if (this.#groups.size >= GROUPS_MAX) {
      throw new StreamError("limit-exceeded", `a lane holds at most ${GROUPS_MAX} groups`);
    }
    const group = newGroup(init, this.#parts.shared);
    this.#groups.set(init.groupId, group);
    await this.#durably((durable) => {
      const encoded = () => this.#walGroups.set(init.groupId, group);
      const created = createdOperation(group, encoded, durable);
      return damaged === undefined ? created : together(this.#dropDamaged(damaged), created);
    });
    return group;
  }

  #dropDamaged(replica: DamagedReplica, durable?: () => void): WalOperation {
    this.#quarantine.drop(replica);
    const encoded = () => this.#quarantine.forget(replica);
    return droppedOperation(replica, encoded, () => {
      this.#parts.registry.released(replica.extents);
      this.#statesChanged = true;
      this.#segments.sweep();
      durable?.();
    });
  }

  /**
   * Writes a tombstone and releases the group's data; resolves when the tombstone is durable.
   *
   * @throws StreamError `not-found`.
   */
  async dropGroup(groupId: number): Promise<void> {
    this.#requireOpen();
    const damaged = this.#quarantine.get(groupId);
    if (damaged !== undefined) {
      return this.#durably((durable) => this.#dropDamaged(damaged, durable));
    }
    const group = this.#liveGroup(groupId);
    this.#groups.delete(groupId);
    group.dropped = true;
    await this.#durably((durable) => {
      const encoded = () => this.#walGroups.delete(groupId);
      return droppedOperation(group, encoded, durable);
    });
    group.drop();
    this.#statesChanged = true;
    this.#segments.sweep();
    await this.#imports.abortOf(group);
  }

  #liveGroup(groupId: number): LaneGroup {
    const group = this.#groups.get(groupId);
    if (group === undefined) throw new StreamError("not-found", `no group ${groupId} on this node`);
    return group;
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
    this.#segments.sweep();
  }

  #enqueueWrite(write: GroupWrite): void {
    const { group } = write;
    if (!(group instanceof LaneGroup) || this.#groups.get(group.groupId) !== group) {
      throw new StreamError(
        "wrong-state",
        `group ${group.groupId} is not a live group of this lane`,
      );
    }
    this.#writes.enqueue(group, write);
  }

  /**
   * Begins an import of (from.afterIndex, …], or goes on with one that is under way or that an earlier run
   * left: it may then begin before `from`, and `nextIndex` says what it has. One per group, IMPORTS_MAX per
   * lane.
   *
   * @throws StreamError `not-found`, `limit-exceeded`, `wrong-state`.
   */
  openImport(groupId: number, from: ImportStart): Promise<LogImport> {
    return this.#healing.openImport(groupId, from);
  }

  /**
   * Puts what `log` has received in the place of the extents of `range`, one of `damagedRanges` or several
   * that follow each other; durable when it resolves. The import is used up, whatever comes of it.
   *
   * @throws StreamError `invalid-argument` when range and import do not fit, `corrupt` when the import's
   * terms are not those of the log.
   */
  repair(groupId: number, range: IndexRange, log: LogImport): Promise<void> {
    return this.#healing.repair(groupId, range, log);
  }

  /**
   * One pass over everything that must not change any more: identity, WAL, state files, segments. Damaged
   * extents show in `damagedRanges`; the rest is mended from memory before it resolves. One at a time.
   *
   * @throws StreamError `wrong-state`, `invalid-argument`.
   */
  async scrub(options: ScrubOptions): Promise<ScrubReport> {
    this.#requireOpen();
    return this.#scrubber.scrub(options);
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
    return laneStats({
      wal: this.#wal,
      writes: this.#writes,
      segments: this.#segments,
      scrubber: this.#scrubber,
      parts: this.#parts,
      walFiles: this.#walFiles.length,
      waitingForFlush: this.#roomWaiters.length > 0,
    });
  }

  /** Finishes what is queued, then releases all files. Nothing may be submitted meanwhile. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#scrubber.stop();
    await this.#wal.idle();
    await this.#flusher.stop();
    await this.#imports.release();
    await this.#wal.close();
    await this.#background;
    this.#parts.segments.forget();
  }

  async #start(): Promise<void> {
    if (!("position" in this.#parts.start) || this.#parts.opensNext) await this.#wal.start();
    for (const fileSeq of this.#walFiles.slice(0, -1)) this.#flusher.sealed(fileSeq);
    if (this.#failed !== undefined) throw this.#failed;
    this.#segments.sweep();
  }

  #walHost(): WalWriterHost {
    return {
      checkpoint: (fileSeq) => {
        if (this.#walFiles.at(-1) !== fileSeq) this.#walFiles.push(fileSeq);
        return buildCheckpoint({
          groups: this.#walGroups.values(),
          damaged: this.#quarantine.replicas,
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

  #makeSegments(): LaneSegments {
    return new LaneSegments({
      parts: this.#parts,
      clock: this.#clock,
      metrics: this.#options.metrics,
      walFiles: this.#walFiles,
      walGroups: this.#walGroups,
      enqueue: (operation) => this.#wal.enqueue(operation),
      run: () => this.#wal.run(),
      durably: (operation) => this.#durably(operation),
      inBackground: (work) => this.#inBackground(work),
      hasFailed: () => this.#failed !== undefined,
      roomMayBe: () => this.#wakeRoomWaiters(),
    });
  }

  #makeScrubber(): Scrubber {
    const { fileSystem, clock, logger, metrics } = this.#options;
    return new Scrubber({
      fileSystem,
      clock,
      logger,
      metrics,
      parts: this.#parts,
      identity: this.#identity,
      groups: () => this.#walGroups.values(),
      walFiles: () => this.#walFiles,
      lastSeq: () => this.#wal.lastSeq,
      rollWal: (prepare) => this.#durably((durable) => rollOperation(prepare, durable)),
    });
  }

  #makeFlusher(): Flusher {
    const { fileSystem, nodeId, entryMeta, shardSegmentThresholdBytes } = this.#options;
    return new Flusher({
      fileSystem,
      layout: this.#parts.layout,
      nodeId,
      incarnation: this.identity.incarnation,
      entryMeta,
      shardSegmentThresholdBytes,
      groups: () => this.#walGroups.values(),
      nextSegmentId: () => this.#parts.registry.nextId(),
      publish: (fileSeq, segments) => this.#segments.publish(fileSeq, segments),
      failed: (error) => this.#fail(laneError("segments", error)),
    });
  }

  /**
   * Files are bounded, and with them the memory they pin. A flush that waits in the queue to free one
   * goes first: waiting for it here would wait for ever.
   */
  async #roomForFile(): Promise<void> {
    while (this.#walFiles.length >= this.#options.walFilesMax && this.#segments.publishing === 0) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  #wakeRoomWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }

  #removeOldStates(): void {
    if (!this.#statesChanged) return;
    this.#statesChanged = false;
    const live = new Set<number>();
    for (const { written } of [...this.#walGroups.values(), ...this.#quarantine.replicas]) {
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
