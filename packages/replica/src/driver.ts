/**
 * Drives all groups of a process together: one drain per turn of the event loop.
 *
 *   frames, proposals, ticks, durable batches  ->  step  ->  Ready of every dirty group
 *     ->  ONE storage submit, and ONE frame per peer and class
 *
 * So the cost of a sync and of a packet is shared by all groups that had something to say, and a
 * single proposal still leaves at once: there is no timer between it and the disk.
 *
 * Source: reference G.2 (multi-Raft driver), C.1 (TiKV), C.4 (Ra).
 */
import type { Clock, Logger, Random } from "@millrace/base";
import { asStreamError, invariant, StreamError } from "@millrace/base";
import { makeMessage, type Message } from "@millrace/raft-ts";
import type { LaneStorage } from "@millrace/storage";

import type { LaneConfig } from "./config.ts";
import { Damage } from "./damage.ts";
import { Fetches } from "./fetches.ts";
import type { Liveness, SleepMarker, SnapshotPart } from "./frame.ts";
import { readFrame, type FrameOrigin, type FrameVisitor } from "./frame-reader.ts";
import { mostCaughtUp, type GroupLane } from "./group.ts";
import { Healing } from "./healing.ts";
import type { HostLane } from "./host-lane.ts";
import type { LaneCounters } from "./lane-stats.ts";
import { Outbox } from "./outbox.ts";
import type { FetchRequest } from "./raft-log-storage.ts";
import type { RaftHost } from "./raft-host.ts";
import { mayFollowerSleep } from "./sleep.ts";
import { SnapshotAssembly } from "./snapshot-assembly.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import { Turn, type WriteBatch } from "./turn.ts";
import type { PeerTransport, Role, RoleChange, TrafficClass } from "./types.ts";

export interface DriverOptions {
  readonly nodeId: number;
  readonly storage: LaneStorage;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: LaneConfig;
  readonly counters: LaneCounters;
}

/** What the driver tells the lane about. */
export interface DriverEvents {
  /** False: the frame is of an unknown incarnation. */
  admit(origin: FrameOrigin): boolean;
  liveness(nodeId: number, liveness: Liveness): void;
  /** False while this node must not become leader. */
  mayLead(): boolean;
  roleChanged(host: RaftHost, before: Role, change: RoleChange): void;
  refusal(): StreamError | undefined;
  isNodeLive(nodeId: number): boolean;
  /** Storage has refused a write: nothing can be promised any more. */
  failed(error: StreamError): void;
}

interface Inbound {
  readonly nodeId: number;
  readonly frame: Uint8Array;
}

export class LaneDriver implements HostLane, GroupLane {
  readonly config: LaneConfig;
  readonly bootEpoch: number;
  readonly hosts = new Map<number, RaftHost>();
  readonly awake = new Set<RaftHost>();
  readonly outbox: Outbox;
  readonly snapshots: SnapshotSender;
  readonly assembly: SnapshotAssembly;
  readonly healing: Healing;
  readonly damage: Damage;
  readonly #options: DriverOptions;
  readonly #events: DriverEvents;
  readonly #fetches: Fetches;
  readonly #turn = new Turn();
  readonly #unreachable = new Set<string>();
  readonly #unwrittenCommits = new Set<RaftHost>();
  #dirty: RaftHost[] = [];
  #inbound: Inbound[] = [];
  #inboundBytes = 0;
  #batches: WriteBatch[] = [];
  #uncommittedBytes = 0;
  #isScheduled = false;
  #isBacklogged = false;
  #hasFailed = false;
  #commitIndexDueMs = Infinity;
  isStopped = false;

  constructor(options: DriverOptions, events: DriverEvents) {
    this.#options = options;
    this.#events = events;
    const { config, counters, logger, storage, transport, nodeId, clock } = options;
    this.config = config;
    this.bootEpoch = storage.identity.bootEpoch;
    const incarnation = Buffer.from(storage.identity.incarnation, "hex");
    const dropped = (host: RaftHost, to: number): void => this.#appendDropped(host, to);
    this.outbox = new Outbox({ nodeId, incarnation, transport, counters, dropped });
    const monotonicMs = (): number => clock.monotonicMs();
    const { outbox } = this;
    this.snapshots = new SnapshotSender({ outbox, config, counters, logger, monotonicMs });
    this.assembly = new SnapshotAssembly(config.snapshotBytesMax);
    this.damage = new Damage(storage, logger, this.hosts);
    const isNodeLive = (node: number): boolean => events.isNodeLive(node);
    this.healing = new Healing({ ...options, outbox, snapshots: this.snapshots, isNodeLive });
    this.#fetches = new Fetches({
      clock,
      concurrent: config.fetchesMax,
      counters,
      damaged: (host) => this.healing.damaged(host),
    });
    storage.onDamage((groupId) => this.#damaged(groupId));
    transport.onFrame((from, trafficClass, frame) => this.#received(from, trafficClass, frame));
  }

  // ---- What replicas and groups ask for ----

  monotonicMs(): number {
    return this.#options.clock.monotonicMs();
  }

  random(bound: number): number {
    return this.#options.random.uniform(bound);
  }

  get proposalBytesMax(): number {
    return this.config.proposalBytesMax;
  }

  get proposalsWaitingMax(): number {
    return this.config.proposalsWaitingMax;
  }

  get readTimeoutMs(): number {
    return this.config.readTimeoutMs;
  }

  /** Payload bytes of all groups that wait for a commit. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  refusal(bytes: number): StreamError | undefined {
    const refused = this.#events.refusal();
    if (refused !== undefined) return refused;
    if (this.#isBacklogged) return new StreamError("overloaded", "storage is behind with writes");
    const { laneUncommittedBytesMax } = this.config;
    const waiting = this.#uncommittedBytes;
    if (waiting === 0 || waiting + bytes <= laneUncommittedBytesMax) return undefined;
    return new StreamError(
      "overloaded",
      `${waiting} bytes of this node wait for their commit, the bound is ${laneUncommittedBytesMax}`,
    );
  }

  proposed(bytes: number): void {
    this.#uncommittedBytes += bytes;
    this.#options.counters.proposals += 1;
  }

  settled(bytes: number): void {
    this.#uncommittedBytes -= bytes;
  }

  dirty(host: RaftHost): void {
    if (host.isDirty || this.isStopped) return;
    host.isDirty = true;
    this.#dirty.push(host);
    this.schedule();
  }

  wake(host: RaftHost): void {
    if (host.isStopped) return;
    if (host.asleep && host.isLeader) this.#keepAwake(host);
    host.asleep = false;
    this.awake.add(host);
  }

  /** Wakes the group, and keeps its leader awake until it has spoken with all who are alive (Z4). */
  rouse(host: RaftHost): void {
    this.wake(host);
    this.#keepAwake(host);
  }

  /** For an election timeout: after that only those count as active who have answered since. */
  #keepAwake(host: RaftHost): void {
    const { electionTicks, tickMs, sleepAfterMs } = this.config;
    const since = this.monotonicMs() + electionTicks * tickMs - sleepAfterMs;
    host.lastActivityMs = Math.max(host.lastActivityMs, since);
  }

  send(host: RaftHost, message: Message): void {
    const nodeId = host.nodeOf(message.to);
    if (nodeId === undefined) return;
    const asksForVotes = message.type === "MsgPreVote" || message.type === "MsgVote";
    if (asksForVotes && !this.#events.mayLead()) return;
    if (message.type === "MsgSnap") this.snapshots.begin(host, nodeId, message);
    else this.outbox.message(host, nodeId, message);
  }

  commitIndexWaits(host: RaftHost): void {
    this.#unwrittenCommits.add(host);
    if (this.#commitIndexDueMs !== Infinity) return;
    this.#commitIndexDueMs = this.monotonicMs() + this.config.commitIndexDelayMs;
  }

  fetch(host: RaftHost, request: Parameters<FetchRequest>): void {
    this.#fetches.add(host, request);
  }

  roleChanged(host: RaftHost, before: Role, change: RoleChange): void {
    this.#events.roleChanged(host, before, change);
  }

  membersChanged(host: RaftHost): void {
    // Who was added must be told, and who was removed must not be waited for: a sleeping group does neither.
    this.wake(host);
    host.lastActivityMs = this.monotonicMs();
    const { confIndex, voters, learners, isJoint } = host.membershipNow;
    const { groupId } = host;
    this.#options.logger.info("the members of a group have changed", {
      groupId,
      confIndex,
      voters: voters.join(" "),
      learners: learners.join(" "),
      isJoint,
    });
  }

  quarantined(host: RaftHost, error: StreamError): void {
    this.#handAway(host);
    this.forget(host);
    this.#options.counters.quarantined += 1;
    this.#options.clock.soon(() => this.damage.changed());
    const { groupId, replicaId } = host;
    const cause = error.cause instanceof Error ? error.cause.stack : undefined;
    this.#options.logger.error("a replica has stopped", {
      groupId,
      replicaId,
      error: error.message,
      cause,
    });
  }

  distrusted(host: RaftHost, reason: string): void {
    void this.damage.distrust(host.groupId, reason);
  }

  /** Ends what is under way for a replica that has stopped. */
  forget(host: RaftHost): void {
    this.awake.delete(host);
    this.snapshots.forget(host);
    this.healing.forget(host);
  }

  /** A leader that stops has one thing left to say: who has the log may campaign at once. */
  #handAway(host: RaftHost): void {
    const to = mostCaughtUp(host);
    if (to === undefined) return;
    const { term } = host.node;
    this.send(host, makeMessage({ type: "MsgTimeoutNow", to, from: host.replicaId, term }));
    this.schedule();
  }

  // ---- Turns ----

  /** Asks for a drain at the end of this turn of the event loop. */
  schedule(): void {
    if (this.#isScheduled || this.isStopped) return;
    this.#isScheduled = true;
    this.#options.clock.soon(() => {
      this.#isScheduled = false;
      if (!this.isStopped) this.drain();
    });
  }

  drain(): void {
    this.#options.counters.turns += 1;
    this.#readInbound();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const host of dirty) {
      host.isDirty = false;
      host.collect(this.#turn);
    }
    this.#submit();
    if (!this.snapshots.isIdle) this.snapshots.pump();
    this.outbox.flush();
  }

  /** Once per tick: what waits for time and not for a message. */
  tick(nowMs: number): void {
    this.#unreachable.clear();
    this.#noteBacklog();
    this.assembly.check(nowMs);
    this.healing.check(nowMs);
    if (!this.snapshots.isIdle) this.snapshots.pump();
    if (nowMs >= this.#commitIndexDueMs) this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    this.healing.stop();
  }

  /** Ends what waits in all groups. */
  failWaiting(error: StreamError): void {
    for (const host of this.hosts.values()) host.failWaiting(error);
  }

  /** True while a batch is on its way to disk. */
  get isWriting(): boolean {
    return this.#batches.length > 0;
  }

  #submit(): void {
    this.#writeCommitIndexes();
    const batch = this.#turn.take();
    if (batch === undefined) return;
    const { storage, counters } = this.#options;
    if (storage.failed !== undefined || this.#hasFailed) return; // nothing is promised any more
    // A group may have been dropped by what another one applied in this turn.
    const writes = batch.writes.filter(({ group }) => this.hosts.get(group.groupId)?.log === group);
    counters.submits += 1;
    this.#batches.push(batch);
    try {
      storage.submit(writes, () => this.#durable(batch));
    } catch (cause) {
      this.#hasFailed = true;
      this.#events.failed(asStreamError(cause));
    }
    this.#noteBacklog();
  }

  /** Commit indexes ride on any write; without one they get their own after a while. */
  #writeCommitIndexes(): void {
    if (this.#unwrittenCommits.size === 0) return;
    const nowMs = this.monotonicMs();
    if (!this.#turn.hasWrites && nowMs < this.#commitIndexDueMs) return;
    this.#commitIndexDueMs = Infinity;
    for (const host of this.#unwrittenCommits) host.writeCommitIndex(this.#turn);
    this.#unwrittenCommits.clear();
  }

  #durable(batch: WriteBatch): void {
    if (this.isStopped || this.#hasFailed) return;
    const oldest = this.#batches.shift();
    invariant(oldest === batch, "storage finished its batches out of order");
    batch.isDurable = true;
    for (const { host, responses, snapshot } of batch.completions) {
      host.durable(responses, snapshot);
    }
    this.#noteBacklog();
    this.schedule();
  }

  #noteBacklog(): void {
    const { queuedBytes, waitingForFlush } = this.#options.storage.stats();
    this.#isBacklogged = waitingForFlush || queuedBytes > this.config.storageBacklogBytesMax;
  }

  // ---- What arrives ----

  #received(nodeId: number, trafficClass: TrafficClass, frame: Uint8Array): void {
    if (this.isStopped) return;
    const { counters, storage } = this.#options;
    counters.framesReceived += 1;
    // What this node leads is bounded where it is proposed; what it follows, only here: a disk that
    // stalls would fill the memory with the windows of all groups.
    const unwritten = trafficClass === "control" ? 0 : storage.stats().queuedBytes;
    const waiting = this.#inboundBytes + unwritten;
    if (waiting > 0 && waiting + frame.length > this.config.inboundBytesMax) {
      counters.framesRefused += 1;
      return;
    }
    this.#inbound.push({ nodeId, frame });
    this.#inboundBytes += frame.length;
    this.schedule();
  }

  #readInbound(): void {
    const inbound = this.#inbound;
    this.#inbound = [];
    this.#inboundBytes = 0;
    for (const { nodeId, frame } of inbound) {
      try {
        readFrame(frame, this.#visitor(nodeId));
      } catch (cause) {
        this.#options.counters.framesRefused += 1;
        const error = asStreamError(cause).message;
        this.#options.logger.warn("a frame of a peer was refused", { nodeId, error });
      }
    }
  }

  #visitor(nodeId: number): FrameVisitor {
    return {
      origin: (origin) => origin.nodeId === nodeId && this.#events.admit(origin),
      liveness: (liveness) => this.#events.liveness(nodeId, liveness),
      message: (groupId, message, transferId) =>
        this.#message(nodeId, groupId, message, transferId),
      sleep: (marker) => this.#sleep(nodeId, marker),
      snapshotPart: (part) => this.#snapshotPart(nodeId, part),
      shipRequest: (request) => {
        const { groupId, to, from } = request;
        const host = this.#target(nodeId, groupId, to, from);
        if (host !== undefined) this.healing.asked(host, nodeId, request);
      },
      shipReply: (reply) => this.healing.answered(nodeId, reply),
    };
  }

  /** The replica that a message is for, if it is here and the sender is who it says. */
  #target(nodeId: number, groupId: number, to: number, from: number): RaftHost | undefined {
    const host = this.hosts.get(groupId);
    const isKnown = host?.replicaId === to && host.membership.heard(from, nodeId);
    if (isKnown) return host;
    this.#options.counters.messagesMisaddressed += 1;
    return undefined;
  }

  #message(nodeId: number, groupId: number, message: Message, transferId: number): void {
    const { counters } = this.#options;
    const host = this.#target(nodeId, groupId, message.to, message.from);
    if (host === undefined) return;
    counters.messagesReceived += 1;
    if (message.type === "MsgTimeoutNow" && !this.#events.mayLead()) return;
    // The late answer to a heartbeat of before the sleep is no news.
    const isNews = message.type !== "MsgHeartbeatResp" || message.term !== host.node.term;
    if (!host.asleep || isNews) this.wake(host);
    if (message.type === "MsgApp") this.healing.append(host, message);
    else if (message.type === "MsgSnap") this.#snapshot(host, nodeId, message, transferId);
    else host.step(message);
  }

  #snapshot(host: RaftHost, nodeId: number, message: Message, transferId: number): void {
    this.#options.counters.snapshotsReceived += 1;
    const { snapshot } = message;
    if (transferId === 0 || snapshot === undefined) {
      this.healing.snapshot(host, nodeId, message);
      return;
    }
    const data = this.assembly.take(nodeId, host.groupId, message.to, transferId);
    if (data === undefined) return;
    this.healing.snapshot(host, nodeId, { ...message, snapshot: { ...snapshot, data } });
  }

  #sleep(nodeId: number, marker: SleepMarker): void {
    const host = this.#target(nodeId, marker.groupId, marker.to, marker.from);
    if (host === undefined || !mayFollowerSleep(host, marker)) return;
    this.awake.delete(host);
    host.fellAsleep();
  }

  #snapshotPart(nodeId: number, part: SnapshotPart): void {
    const host = this.#target(nodeId, part.groupId, part.to, part.from);
    if (host !== undefined) this.assembly.add(nodeId, part, this.monotonicMs());
  }

  #appendDropped(host: RaftHost, to: number): void {
    const key = `${host.groupId}/${to}`;
    if (this.#unreachable.has(key)) return;
    this.#unreachable.add(key);
    host.act((node) => node.reportUnreachable(to));
  }

  #damaged(groupId: number): void {
    const host = this.hosts.get(groupId);
    if (host !== undefined && !this.isStopped) this.healing.damaged(host);
  }
}
