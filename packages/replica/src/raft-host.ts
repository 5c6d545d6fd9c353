/**
 * Drives the consensus core of one replica: the only place that takes a `Ready` apart.
 *
 * The order of effects here is the safety of the system.
 *
 *   H1  responses of an append leave after the batch that holds it is durable (S1, S6, S7)
 *   H2  a change of role is noted before anything of the same Ready is applied, so what a deposed
 *       leader had pending ends `indeterminate` and is never acknowledged (S11)
 *   H3  entries are applied once, in order, and only when durable here and committed (S2, S3)
 *   H4  a commit index alone is no promise and waits for the next write of any group
 *   H5  a candidate asks for votes when its term is durable. The reference asks at once: the others can
 *       elect it, it can forget the term in a crash and lead it again with another log, and an
 *       acknowledgement meant for its first log then counts for the second (S1, S6)
 *
 * Source: etcd-raft v3.7, "asynchronous storage writes"; Ongaro thesis 3.8.
 */
import { invariant, StreamError } from "@millrace/base";
import type { Entry, HardState, Message, Snapshot, StateType } from "@millrace/raft-ts";
import type { RaftNode } from "@millrace/raft-ts";
import {
  confChangeOfEntry,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  NO_NODE,
} from "@millrace/raft-ts";
import type { GroupLog, GroupWrite, LogImport, StateSnapshot } from "@millrace/storage";

import { withData } from "./entries-for-machine.ts";
import { makeNode, type HostInit, type HostLane } from "./host-lane.ts";
import { HostState, type StateOwner } from "./host-state.ts";
import {
  asMember,
  decodeChangeContext,
  decodeEnvelope,
  isJoint,
  recoverMembership,
  type Membership,
} from "./membership.ts";
import { lostLeadership, Proposals, superseded } from "./proposals.ts";
import { ReadableLog } from "./readable-log.ts";
import { RaftLogStorage } from "./raft-log-storage.ts";
import { ReadBarrier } from "./read-barrier.ts";
import type { Turn, WriteBatch } from "./turn.ts";
import type {
  GroupKind,
  GroupMember,
  GroupMembership,
  Role,
  RoleChange,
  StateMachine,
} from "./types.ts";

/** A Ready can lead to another at once; after so many the other groups have their turn. */
const READIES_PER_TURN_MAX = 8;

const ROLES: Record<StateType, Role> = {
  StateLeader: "leader",
  StateFollower: "follower",
  StateCandidate: "candidate",
  StatePreCandidate: "pre-candidate",
};

export class RaftHost implements StateOwner {
  readonly log: GroupLog;
  readonly kind: GroupKind;
  readonly groupId: number;
  readonly replicaId: number;
  readonly membership: Membership;
  readonly node: RaftNode;
  /** Index of the last membership change that was proposed here; it may have come to nothing. */
  pendingConfIndex = 0;
  readonly proposals = new Proposals();
  readonly reads: ReadBarrier;
  readonly commitListeners = new Set<(appliedIndex: number) => void>();
  appliedIndex: number;
  asleep = false;
  /** Monotonic time of the last proposal here, or of the last change of role. */
  lastActivityMs: number;
  isDirty = false;
  quarantine: StreamError | undefined;
  /** What is done about damaged entries of the log; undefined while none are known. */
  repair: "running" | "failed" | undefined;
  /** The log as readers see it. */
  readonly readLog: GroupLog;
  isDropped = false;
  machine: StateMachine | undefined;
  appliedTerm: number;
  isApplying = false;
  installing: StateSnapshot | undefined;
  readonly #lane: HostLane;
  readonly #storage: RaftLogStorage;
  readonly #state: HostState;
  #written: { term: number; vote: number };
  /** A hard state whose commit index alone is new (H4). */
  #unwrittenCommit: HardState | undefined;
  /** The log below the snapshot that is being installed. */
  #shipped: LogImport | undefined;
  #lastBatch: WriteBatch | undefined;
  #toldCommitted = 0;
  #role: RoleChange;

  constructor({ lane, log, kind, members }: HostInit) {
    this.#lane = lane;
    this.log = log;
    this.readLog = new ReadableLog(this);
    this.kind = kind;
    this.groupId = log.groupId;
    this.replicaId = log.replicaId;
    this.#state = new HostState(this, lane.config);
    this.#storage = new RaftLogStorage(
      log,
      (...request) => lane.fetch(this, request),
      () => this.#state.forFollower(),
    );
    const recovered = log.recoveredState();
    this.membership = recoverMembership(log, members);
    this.appliedIndex = recovered.index;
    this.appliedTerm = recovered.term;
    this.#written = { term: log.hardState.term, vote: log.hardState.vote };
    this.lastActivityMs = lane.monotonicMs();
    this.reads = new ReadBarrier(lane.bootEpoch, lane.config.readsWaitingMax);
    this.node = makeNode(lane, this.replicaId, this.#storage, this.appliedIndex);
    this.#role = this.#currentRole();
  }

  /** Gives the replica its state machine and that its state. Once, before the first turn. */
  attach(machine: StateMachine): void {
    invariant(this.machine === undefined, `group ${this.groupId} has a state machine already`);
    this.machine = machine;
    const { state, index } = this.log.recoveredState();
    this.#guard(() => {
      machine.restore(decodeEnvelope(state)?.state ?? state, index);
      this.log.setStateProvider(() => this.#stateForCheckpoint());
      machine.roleChanged?.(this.#role);
    });
  }

  // ---- What can be seen ----

  get role(): RoleChange {
    return this.#role;
  }

  get isLeader(): boolean {
    return this.node.isLeader;
  }

  get isReadyLeader(): boolean {
    return this.node.isLeader && this.appliedTerm === this.node.term;
  }

  get members(): readonly GroupMember[] {
    return this.membership.members;
  }

  nodeOf(replicaId: number): number | undefined {
    return this.membership.nodeOf(replicaId);
  }

  get leaderNodeId(): number | undefined {
    return this.node.lead === NO_NODE ? undefined : this.membership.nodeOf(this.node.lead);
  }

  get membershipNow(): GroupMembership {
    const { index, confState } = this.membership.now;
    const { voters, learners } = confState;
    return { confIndex: index, voters, learners, isJoint: isJoint(confState) };
  }

  get isStopped(): boolean {
    return this.isDropped || this.quarantine !== undefined;
  }

  // ---- What goes in ----

  step(message: Message): void {
    if (this.isStopped || this.#hasForgotten(message)) return;
    this.#guard(() => {
      this.node.step(asMember(message, this.replicaId));
      this.#lane.dirty(this);
    });
  }

  /**
   * A heartbeat names no entry that its leader has not had an acknowledgement for from this very
   * replica. So one above the log's end proves that the log went back: the disk is an older copy.
   */
  #hasForgotten({ type, commit, from }: Message): boolean {
    if (type !== "MsgHeartbeat" || commit <= this.node.lastIndex) return false;
    const reason =
      `replica ${from} holds an acknowledgement of entry ${commit}, ` +
      `the log here ends at ${this.node.lastIndex}`;
    this.stop(new StreamError("corrupt", reason));
    this.#lane.distrusted(this, reason);
    return true;
  }

  /** Steps a MsgSnap whose log has been shipped. False when the core has no use for it. */
  install(message: Message, shipped: LogImport | undefined): boolean {
    const { snapshot } = message;
    this.#shipped = shipped;
    this.step(message);
    const isTaken = !this.isStopped && this.node.pendingSnapshotIndex === snapshot?.index;
    if (!isTaken) this.#shipped = undefined;
    return isTaken;
  }

  tick(): void {
    if (this.isStopped) return;
    this.#guard(() => {
      this.node.tick();
      if (this.node.hasReady()) this.#lane.dirty(this);
    });
  }

  /** Calls into the core from outside a turn, for instance a campaign. */
  act(call: (node: RaftNode) => void): void {
    if (this.isStopped) return;
    this.#guard(() => {
      call(this.node);
      this.#lane.dirty(this);
    });
  }

  /** Entries that were on disk have come. */
  fetched(entries: readonly Entry[]): void {
    this.#storage.keep(entries);
    this.retryReads();
  }

  /** Lets the core ask again for entries that it could not have. */
  retryReads(): void {
    this.act((node) => {
      node.entriesAvailable(NO_NODE);
      for (const { replicaId } of this.members) node.entriesAvailable(replicaId);
    });
  }

  fellAsleep(): void {
    this.asleep = true;
    this.#storage.forgetFetched();
  }

  requestTrim(throughIndex: number): void {
    this.#state.requestTrim(throughIndex);
    if (!this.isApplying) this.#lane.dirty(this);
  }

  /**
   * Stops this replica for good: no vote, no acknowledgement, no answer from here on. What waits here may
   * still be committed by the others; what comes later finds another replica.
   */
  stop(cause: unknown): void {
    if (this.isStopped) return;
    const message = cause instanceof Error ? cause.message : String(cause);
    const what = `replica ${this.replicaId} of group ${this.groupId} has stopped: ${message}`;
    this.quarantine = new StreamError("unavailable", what, { cause });
    this.#lane.quarantined(this, this.quarantine);
    this.proposals.failAll(new StreamError("indeterminate", what, { cause }));
    this.reads.failAll(this.quarantine);
  }

  /** Ends this replica: its data goes. */
  drop(error: StreamError): void {
    if (this.isDropped) return;
    this.isDropped = true;
    this.failWaiting(error);
    this.#guard(() => this.machine?.dropped?.());
  }

  /** Ends everything that waits here. */
  failWaiting(error: StreamError): void {
    this.proposals.failAll(error);
    this.reads.failAll(error);
  }

  // ---- One turn ----

  /** Takes what the core has to do and spreads it over storage, network and state machine. */
  collect(turn: Turn): void {
    if (this.isStopped) return;
    this.#guard(() => {
      this.#askReads();
      let readies = 0;
      while (this.node.hasReady()) {
        if (readies === READIES_PER_TURN_MAX) {
          this.#lane.dirty(this);
          break;
        }
        readies += 1;
        this.#takeReady(turn);
      }
      this.#noteRole();
      this.#shorten(turn);
      this.#tellCommitted();
    });
  }

  /** Adds the commit index that was not worth a write of its own (H4). */
  writeCommitIndex(turn: Turn): void {
    const hardState = this.#unwrittenCommit;
    if (hardState === undefined || this.isStopped) return;
    this.#unwrittenCommit = undefined;
    this.#lastBatch = turn.write({ group: this.log, hardState });
  }

  get hasUnwrittenCommit(): boolean {
    return this.#unwrittenCommit !== undefined;
  }

  /** A batch with writes of this group is durable: its promises may leave (H1). */
  durable(responses: readonly Message[], snapshot: Snapshot | undefined): void {
    if (this.isStopped) return;
    this.#guard(() => {
      if (snapshot !== undefined) this.#restore(snapshot);
      this.#deliver(responses);
      this.#lane.dirty(this);
    });
  }

  #takeReady(turn: Turn): void {
    const ready = this.node.ready();
    this.#noteRole(); // H2
    for (const message of ready.messages) {
      if (message.to === LOCAL_APPEND_THREAD) this.#append(message, turn);
      else if (message.to === LOCAL_APPLY_THREAD) this.#apply(message);
      else if (message.type !== "MsgVote") this.#lane.send(this, message);
    }
    this.#respondAfterEarlierWrites(ready.messages.filter(({ type }) => type === "MsgVote")); // H5
    for (const { index, context } of ready.readStates) this.reads.confirmed(index, context);
    this.reads.applied(this.appliedIndex);
  }

  #append(message: Message, turn: Turn): void {
    const { term, vote, commit, entries, snapshot } = message;
    const changed = term !== 0 || vote !== 0 || commit !== 0;
    const hardState = changed ? { term, vote, commit } : undefined;
    const isPromise =
      hardState !== undefined && (term !== this.#written.term || vote !== this.#written.vote);
    if (entries.length === 0 && snapshot === undefined && !isPromise) {
      if (hardState !== undefined) {
        this.#unwrittenCommit = hardState;
        this.#lane.commitIndexWaits(this);
      }
      this.#respondAfterEarlierWrites(message.responses);
      return;
    }
    const newest = hardState ?? this.#unwrittenCommit;
    this.#unwrittenCommit = undefined;
    if (newest !== undefined) this.#written = { term: newest.term, vote: newest.vote };
    if (snapshot !== undefined) this.installing = { ...snapshot, state: snapshot.data };
    const shipped = snapshot === undefined ? undefined : this.#shipped;
    if (snapshot !== undefined) this.#shipped = undefined;
    const write: GroupWrite = {
      group: this.log,
      ...(entries.length === 0 ? {} : { entries }),
      ...(newest === undefined ? {} : { hardState: newest }),
      ...(this.installing === undefined || snapshot === undefined
        ? {}
        : { snapshot: this.installing }),
      ...(shipped === undefined ? {} : { shipped }),
    };
    this.#lastBatch = turn.write(write);
    this.#lastBatch.completions.push({ host: this, responses: message.responses, snapshot });
  }

  /** T2: nothing new to write, but what was promised before may still be on its way to disk. */
  #respondAfterEarlierWrites(responses: readonly Message[]): void {
    if (responses.length === 0) return;
    const earlier = this.#lastBatch;
    if (earlier === undefined || earlier.isDurable) this.#deliver(responses);
    else earlier.completions.push({ host: this, responses, snapshot: undefined });
  }

  #deliver(responses: readonly Message[]): void {
    for (const response of responses) {
      if (response.to === this.replicaId) this.node.step(response);
      else this.#lane.send(this, response);
    }
  }

  #apply(message: Message): void {
    const last = message.entries.at(-1);
    invariant(last !== undefined, "an apply without entries");
    const expected = this.appliedIndex + 1;
    const first = message.entries[0]?.index;
    invariant(first === expected, () => `entry ${first} to apply, but ${expected} is next`); // H3
    const entries = withData(message.entries);
    this.isApplying = true;
    try {
      if (entries.length > 0) this.machine?.apply(entries);
      this.#applyConfChanges(message.entries);
      this.appliedIndex = last.index;
      this.appliedTerm = last.term;
      this.machine?.advanced?.(last.index);
    } finally {
      this.isApplying = false;
    }
    for (const response of message.responses) this.node.step(response);
    this.#noteRole();
    this.proposals.applied(last.index, (index) => this.#termOf(message.entries, index), superseded);
    this.reads.applied(last.index);
    for (const listener of this.commitListeners) listener(last.index);
  }

  /** M1: a configuration holds from its entry on. */
  #applyConfChanges(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.type === "EntryNormal") continue;
      const change = confChangeOfEntry(entry);
      // A snapshot that waits for its disk has replaced the configuration already.
      if (change === undefined || entry.index <= this.node.pendingSnapshotIndex) continue;
      const members = decodeChangeContext(change.context);
      const confState = this.node.applyConfChange(change);
      this.membership.changed({ index: entry.index, confState }, members);
      this.#lane.membersChanged(this);
    }
  }

  #termOf(entries: readonly Entry[], index: number): number {
    const first = entries[0]?.index ?? 0;
    return entries[index - first]?.term ?? 0;
  }

  #restore(snapshot: Snapshot): void {
    this.installing = undefined;
    const enveloped = decodeEnvelope(snapshot.data);
    const { index, confState } = snapshot;
    const now = { index: enveloped?.confIndex ?? index, confState };
    this.membership.replaced(now, enveloped?.members ?? []);
    this.machine?.restore(enveloped?.state ?? snapshot.data, index);
    this.appliedIndex = snapshot.index;
    this.appliedTerm = snapshot.term;
    this.machine?.advanced?.(snapshot.index);
    for (const listener of this.commitListeners) listener(snapshot.index);
  }

  #askReads(): void {
    if (!this.reads.hasUnasked || this.node.lead === NO_NODE) return;
    this.reads.askAll(this.#lane.monotonicMs(), (context) => this.node.readIndex(context));
  }

  #noteRole(): void {
    const before = this.#role;
    const isSame =
      before.term === this.node.term &&
      before.role === ROLES[this.node.state] &&
      before.ready === this.isReadyLeader &&
      before.leaderNodeId === this.leaderNodeId;
    if (isSame) return;
    this.#role = this.#currentRole();
    const hasLost =
      before.role === "leader" && (this.#role.role !== "leader" || this.#role.term !== before.term);
    if (hasLost) this.proposals.failAll(lostLeadership(this.#role));
    this.lastActivityMs = this.#lane.monotonicMs();
    this.machine?.roleChanged?.(this.#role);
    this.#lane.roleChanged(this, before.role, this.#role);
  }

  #currentRole(): RoleChange {
    return {
      role: ROLES[this.node.state],
      term: this.node.term,
      leaderNodeId: this.leaderNodeId,
      ready: this.isReadyLeader,
    };
  }

  #shorten(turn: Turn): void {
    const trim = this.#state.takeTrim();
    if (trim !== undefined) this.#lastBatch = turn.write({ group: this.log, trim });
  }

  /**
   * A state machine that has thrown may hold half of an entry; a checkpoint of it would be applied
   * on again after a restart (S2). So a replica that has stopped keeps the state it had on disk.
   */
  #stateForCheckpoint(): StateSnapshot {
    let state: StateSnapshot | undefined;
    if (!this.isStopped) this.#guard(() => (state = this.#state.now()));
    return state ?? this.log.recoveredState();
  }

  #tellCommitted(): void {
    if (this.appliedIndex === this.#toldCommitted) return;
    this.#toldCommitted = this.appliedIndex;
    this.log.committed(this.appliedIndex);
  }

  /** A broken contract stops this replica alone, never the process. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (cause) {
      this.stop(cause);
    }
  }
}
