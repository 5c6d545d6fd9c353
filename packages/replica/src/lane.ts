/**
 * The multi-Raft host of one process: all its Raft groups over one storage lane and one set of
 * links, with one clock for all of them.
 *
 * This file holds what happens by time and by the state of other nodes; what happens in a
 * turn is in driver.ts, what happens in one group in raft-host.ts.
 */
import type { Clock, Logger, Metrics, Random, Timer } from "@millrace/base";
import { requireWithin, sleep, StreamError } from "@millrace/base";
import { NO_NODE } from "@millrace/raft-ts";
import type { GroupLog, LaneStorage, ScrubReport } from "@millrace/storage";

import { resolveLaneConfig, type LaneConfig } from "./config.ts";
import { LaneDriver } from "./driver.ts";
import { Elections, isMember, isOrphan } from "./elections.ts";
import type { Liveness } from "./frame.ts";
import { Group } from "./group.ts";
import { handAway } from "./hand-away.ts";
import { Health } from "./health.ts";
import { CounterPublisher, newCounters, type LaneCounters } from "./lane-stats.ts";
import {
  checkInit,
  decodeDescription,
  encodeDescription,
  initialConfState,
  kindOfTag,
  kindTag,
} from "./members.ts";
import { Peers, type LossReason } from "./peers.ts";
import { RaftHost } from "./raft-host.ts";
import { Scrubber } from "./scrubber.ts";
import { mayLeaderSleep, sleepMarkers } from "./sleep.ts";
import type {
  DamagedReplica,
  GroupInit,
  PeerTransport,
  Role,
  RoleChange,
  StateMachine,
} from "./types.ts";

export interface LaneOptions {
  /** 1..65535. */
  readonly nodeId: number;
  /** Open; closed by its owner after `stop`. */
  readonly storage: LaneStorage;
  /** Closed by `stop`. */
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called for each group at its creation and at each start. `init.members` is what is on disk. */
  readonly createStateMachine: (group: Group, init: GroupInit) => StateMachine;
  readonly config?: Partial<LaneConfig>;
}

/** Counters since the start, and numbers of now. */
export interface LaneStats extends LaneCounters {
  readonly groups: number;
  readonly awakeGroups: number;
  readonly leaders: number;
  /** Logs that are on their way from or to this node. */
  readonly shipments: number;
  /** Replicas that take no part in their groups. */
  readonly damaged: number;
  readonly uncommittedBytes: number;
}

const DRAIN_POLL_MS = 20;
/** Leaderships that did not move for so long will not: the others elect leaders once this node is gone. */
const DRAIN_STUCK_MS = 1_000;

export class Lane {
  readonly config: LaneConfig;
  readonly #options: LaneOptions;
  readonly #counters = newCounters();
  readonly #publisher: CounterPublisher;
  readonly #driver: LaneDriver;
  readonly #peers: Peers;
  readonly #health: Health;
  readonly #elections: Elections;
  readonly #scrubber: Scrubber;
  readonly #groups = new Map<number, Group>();
  readonly #creating = new Set<number>();
  readonly #failureListeners = new Set<(error: StreamError) => void>();
  #tickTimer: Timer | undefined;
  #livenessTimer: Timer | undefined;
  #isStarted = false;
  #isStopped = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.config = resolveLaneConfig(options.config);
    const { config } = this;
    const { clock, random, logger, storage, transport } = options;
    this.#publisher = new CounterPublisher(this.#counters, options.metrics);
    this.#health = new Health({ clock, logger, storage, config });
    this.#peers = new Peers({
      supportMs: config.supportMs,
      lost: (nodeId, reason) => this.#peerLost(nodeId, reason),
      back: (nodeId) => this.#peerBack(nodeId),
    });
    this.#elections = new Elections({
      clock,
      random,
      config,
      campaign: (host) => this.#campaign(host),
      isNeeded: (host) => !host.isStopped && host.node.lead === NO_NODE,
    });
    this.#driver = new LaneDriver(
      { ...options, config, counters: this.#counters },
      {
        admit: ({ nodeId, incarnation }) => this.#admit(nodeId, incarnation),
        liveness: (nodeId, liveness) => this.#liveness(nodeId, liveness),
        mayLead: () => this.#health.mayLead,
        roleChanged: (host, before, change) => this.#roleChanged(host, before, change),
        refusal: () => this.#refusal(),
        isNodeLive: (nodeId) => this.#peers.isLive(nodeId),
        failed: (error) => this.#storageFailed(error),
      },
    );
    this.#scrubber = new Scrubber({ clock, config, logger, storage });
    transport.onLink((nodeId, state) => this.#peers.link(nodeId, state));
    storage.onFailure((error) => this.#storageFailed(error));
  }

  // ---- Life ----

  /** Rebuilds every group from storage and starts the clock. Once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const log of this.#options.storage.groups()) this.#open(log);
    this.#scheduleTick();
    this.#scheduleLiveness(0);
    this.#scrubber.start();
  }

  /**
   * Makes a replica, durably. The caller gives each order at most once per replica id, because a
   * replica that forgot its votes must come back under another id (S7, S8).
   * @throws StreamError `already-exists`, `invalid-argument`, `unavailable`.
   */
  async createGroup(init: GroupInit): Promise<Group> {
    checkInit(init, this.#options.nodeId);
    const refused = this.#refusal();
    if (refused !== undefined) throw refused;
    const { groupId, replicaId } = init;
    const former = this.#driver.hosts.get(groupId);
    const isInTheWay = former?.quarantine === undefined || former.replicaId === replicaId;
    if ((former !== undefined && isInTheWay) || this.#creating.has(groupId)) {
      throw new StreamError("already-exists", `group ${groupId} has a replica on this node`);
    }
    this.#creating.add(groupId);
    try {
      if (former !== undefined) await this.#replace(former);
      const log = await this.#options.storage.createGroup({
        groupId,
        replicaId,
        confState: initialConfState(init),
        kind: kindTag(init.kind),
        description: encodeDescription({
          members: init.members,
          preferredLeader: init.preferredLeader === true,
        }),
      });
      const host = this.#open(log);
      if (init.preferredLeader === true) this.#elections.now(host);
      return this.#require(groupId);
    } finally {
      this.#creating.delete(groupId);
    }
  }

  /** Ends a replica and its log for good. Only on a committed tombstone (S13). */
  async dropGroup(groupId: number): Promise<void> {
    const host = this.#driver.hosts.get(groupId);
    if (host !== undefined) this.#forget(host);
    await this.#options.storage.dropGroup(groupId);
  }

  /**
   * Replicas of this node that hold data but take no part in their groups: damage may have touched
   * what they acknowledged, or their state machine has broken its contract. They answer nothing, until
   * `createGroup` under another replica id takes their place, or `dropGroup`.
   */
  damaged(): readonly DamagedReplica[] {
    return this.#driver.damage.list();
  }

  /** Calls `listener` when `damaged` has changed. Returns the way to stop that. */
  onDamaged(listener: () => void): () => void {
    return this.#driver.damage.onChange(listener);
  }

  /**
   * Reads every file of this node once, as fast as `scrubBytesPerSecond` allows, and has what is damaged
   * repaired. Joins a pass that runs already. @throws StreamError `unavailable` while stopping.
   */
  scrub(): Promise<ScrubReport> {
    return this.#scrubber.run();
  }

  /** Bounds what healing replicas are sent, from now on; replaces `shipBytesPerSecond`. At least 4096. */
  setShipRate(bytesPerSecond: number): void {
    requireWithin("bytesPerSecond", bytesPerSecond, 4096, Number.MAX_SAFE_INTEGER);
    this.#driver.healing.setRate(bytesPerSecond);
  }

  group(groupId: number): Group | undefined {
    return this.#groups.get(groupId);
  }

  groups(): Iterable<Group> {
    return this.#groups.values();
  }

  /**
   * Hands every leadership to a follower that has the log, refuses proposals, and resolves when
   * nothing is led here that another node could take, after a second in which nothing moved, or
   * after `deadlineMs` milliseconds.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#health.isDraining = true;
    const untilMs = this.#nowMs() + deadlineMs;
    this.#sendLiveness();
    let fewest = Infinity;
    let stuckMs = this.#nowMs();
    while (!this.#isStopped && this.#nowMs() < Math.min(untilMs, stuckMs + DRAIN_STUCK_MS)) {
      const left = this.#handAway();
      if (left === 0 && !this.#driver.isWriting) return;
      if (left < fewest) stuckMs = this.#nowMs();
      fewest = Math.min(fewest, left);
      // eslint-disable-next-line no-await-in-loop -- a poll: each round looks at what the last one did
      await sleep(this.#options.clock, DRAIN_POLL_MS);
    }
  }

  /** Stops at once. What waits ends `indeterminate`; storage stays open for its owner to close. */
  stop(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#isStopped = true;
    this.#driver.stop();
    this.#tickTimer?.cancel();
    this.#livenessTimer?.cancel();
    this.#elections.stop();
    this.#scrubber.stop();
    this.#driver.failWaiting(new StreamError("indeterminate", "this node is stopping"));
    this.#options.transport.close();
    return Promise.resolve();
  }

  /** Names where a peer is. Also confirms that a new incarnation of it may talk to us. */
  setPeer(nodeId: number, address: string): void {
    if (nodeId === this.#options.nodeId) return;
    const before = this.#peers.get(nodeId)?.address;
    this.#peers.set(nodeId, address);
    if (before !== address) this.#options.transport.connect(nodeId, address);
  }

  get stats(): LaneStats {
    let leaders = 0;
    for (const host of this.#driver.hosts.values()) if (host.isLeader) leaders += 1;
    return {
      ...this.#counters,
      groups: this.#driver.hosts.size,
      awakeGroups: this.#driver.awake.size,
      leaders,
      shipments: this.#driver.healing.running,
      damaged: this.damaged().length,
      uncommittedBytes: this.#driver.uncommittedBytes,
    };
  }

  /** Whether the node may lead: its disk keeps up, its clock is right and it is not draining. */
  get mayLead(): boolean {
    return this.#health.mayLead;
  }

  /** Alive, by what this node has heard of it. */
  isNodeLive(nodeId: number): boolean {
    return nodeId === this.#options.nodeId || this.#peers.isLive(nodeId);
  }

  /** The storage error after which nothing is acknowledged any more. */
  get failed(): StreamError | undefined {
    return this.#health.failure;
  }

  /** Calls `listener` once when storage fails: the process should end soon, with an error. */
  onFailure(listener: (error: StreamError) => void): void {
    this.#failureListeners.add(listener);
  }

  // ---- Groups ----

  /** A replica that has stopped in memory alone makes room for its successor. */
  async #replace(former: RaftHost): Promise<void> {
    const { storage } = this.#options;
    this.#forget(former);
    // One in quarantine on disk goes in the batch that creates its successor.
    if (storage.group(former.groupId) !== undefined) await storage.dropGroup(former.groupId);
  }

  #forget(host: RaftHost): void {
    const { groupId } = host;
    host.drop(new StreamError("indeterminate", `group ${groupId} was dropped here`));
    this.#driver.hosts.delete(groupId);
    this.#driver.forget(host);
    this.#elections.forget(host);
    this.#groups.delete(groupId);
  }

  #open(log: GroupLog): RaftHost {
    const kind = kindOfTag(log.kind);
    const { members, preferredLeader } = decodeDescription(log.description);
    const host = new RaftHost({ lane: this.#driver, log, kind, members });
    const group = new Group(host, this.#driver);
    const { groupId, replicaId } = log;
    const init = { groupId, replicaId, kind, members: host.members, preferredLeader };
    host.attach(this.#options.createStateMachine(group, init));
    this.#driver.hosts.set(groupId, host);
    this.#groups.set(groupId, group);
    this.#driver.wake(host);
    this.#driver.dirty(host);
    return host;
  }

  #require(groupId: number): Group {
    const group = this.#groups.get(groupId);
    if (group === undefined) throw new StreamError("cancelled", `group ${groupId} was dropped`);
    return group;
  }

  #campaign(host: RaftHost): void {
    if (!this.#health.mayLead) return;
    this.#counters.elections += 1;
    this.#driver.wake(host);
    host.act((node) => node.campaign());
  }

  #roleChanged(host: RaftHost, before: Role, change: RoleChange): void {
    if (change.role === "leader" || before === "leader") {
      const { groupId } = host;
      this.#options.logger.debug("a replica has changed its role", { groupId, ...change });
    }
    // A leader whose node is gone is believed until somebody says otherwise: say it.
    const { leaderNodeId } = change;
    if (leaderNodeId !== undefined) this.#elections.forget(host);
  }

  #refusal(): StreamError | undefined {
    if (this.#isStopped || this.#health.isDraining) {
      return new StreamError("unavailable", "this node is stopping");
    }
    const { failure } = this.#health;
    if (failure === undefined) return undefined;
    return new StreamError("unavailable", `storage has failed: ${failure.message}`);
  }

  // ---- Time ----

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #scheduleTick(): void {
    this.#tickTimer = this.#options.clock.schedule(this.config.tickMs, () => {
      this.#tick();
      if (!this.#isStopped) this.#scheduleTick();
    });
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    this.#peers.check(nowMs);
    this.#health.check(this.#peers.clockOffsets());
    if (this.#health.mustHandAway) this.#handAway();
    const isLive = (nodeId: number): boolean => this.#peers.isSupported(nodeId);
    for (const host of this.#driver.awake) {
      this.#checkReads(host, nowMs);
      if (host.isLeader && mayLeaderSleep(host, nowMs, this.config.sleepAfterMs, isLive)) {
        this.#putToSleep(host);
      } else {
        host.tick();
      }
    }
    this.#driver.tick(nowMs);
    this.#publisher.publish(this.#driver.healing.running);
    if (!this.#driver.outbox.isEmpty) this.#driver.schedule();
  }

  #checkReads(host: RaftHost, nowMs: number): void {
    if (host.reads.isIdle) return;
    host.reads.check(nowMs, nowMs - this.config.electionTicks * this.config.tickMs);
    if (host.reads.hasUnasked) this.#driver.dirty(host);
  }

  #putToSleep(host: RaftHost): void {
    for (const { nodeId, marker } of sleepMarkers(host)) this.#driver.outbox.sleep(nodeId, marker);
    this.#driver.awake.delete(host);
    host.fellAsleep();
  }

  #scheduleLiveness(delayMs: number): void {
    this.#livenessTimer = this.#options.clock.schedule(delayMs, () => {
      this.#sendLiveness();
      if (!this.#isStopped) this.#scheduleLiveness(this.config.livenessMs);
    });
  }

  #sendLiveness(): void {
    const { clock, storage } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const { nodeId, address, echo } of this.#peers.all()) {
      if (address === undefined) continue;
      this.#driver.outbox.liveness(nodeId, {
        bootEpoch: storage.identity.bootEpoch,
        sentMs: nowMs,
        wallMs: clock.nowMs(),
        walHealthy: this.#health.isWalHealthy,
        draining: this.#health.isDraining,
        echo: echo && { sentMs: echo.sentMs, heldMs: nowMs - echo.receivedMs },
      });
    }
    this.#driver.schedule();
  }

  // ---- Other nodes ----

  #admit(nodeId: number, incarnation: string): boolean {
    if (this.#peers.admit(nodeId, incarnation, this.#nowMs())) return true;
    this.#counters.strangeIncarnations += 1;
    return false;
  }

  #liveness(nodeId: number, liveness: Liveness): void {
    this.#peers.heard(nodeId, liveness, this.#nowMs(), this.#options.clock.nowMs());
  }

  /** The groups that `nodeId` led need another leader. */
  #peerLost(nodeId: number, reason: LossReason): void {
    const orphans: RaftHost[] = [];
    for (const host of this.#driver.hosts.values()) {
      if (host.isStopped) continue;
      // A sleeping leader would never find out that it has lost its quorum.
      if (host.isLeader && isMember(host, nodeId)) this.#driver.wake(host);
      if (!isOrphan(host, nodeId)) continue;
      this.#driver.wake(host);
      host.act((node) => node.forgetLeader());
      orphans.push(host);
    }
    this.#elections.plan(orphans, nodeId);
    this.#options.logger.info("support for a node has ended", {
      peer: nodeId,
      reason,
      groups: orphans.length,
    });
  }

  /** What a node missed while it was away reaches it only from leaders that are awake. */
  #peerBack(nodeId: number): void {
    for (const host of this.#driver.hosts.values()) {
      if (host.isLeader && isMember(host, nodeId)) this.#driver.rouse(host);
    }
    this.#options.logger.info("a node is here", { peer: nodeId });
  }

  /** Asks for a transfer of every leadership that can go; returns how many there are. */
  #handAway(): number {
    const mayTake = (nodeId: number): boolean =>
      this.#peers.isSupported(nodeId) && this.#peers.get(nodeId)?.isDraining !== true;
    const wake = (host: RaftHost): void => this.#driver.wake(host);
    return handAway(this.#driver.hosts.values(), mayTake, wake);
  }

  #storageFailed(error: StreamError): void {
    if (this.#health.failure !== undefined || this.#isStopped) return;
    this.#health.failure = error;
    this.#options.logger.error("storage has failed, nothing is acknowledged any more", {
      error: error.message,
    });
    this.#driver.failWaiting(
      new StreamError("indeterminate", `storage has failed: ${error.message}`),
    );
    this.#handAway();
    this.#sendLiveness();
    for (const listener of this.#failureListeners) listener(error);
  }
}
