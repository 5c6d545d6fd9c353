/**
 * The node as its host sees it: things go in by `step`, `tick` and `propose`, and everything
 * there is to do comes out by `ready`.
 *
 * Not one call does I/O, reads a clock or rolls a die, so a run can be repeated from its inputs.
 * Calls are not re-entrant; a host drives each node from one place.
 *
 * Source: etcd-raft v3.7 `RawNode`.
 */
import { requireInteger, resolveConfig, type RaftConfig } from "./config.ts";
import type { ConfChange } from "./conf-change-codec.ts";
import { confChangeEntry } from "./conf-change-codec.ts";
import { entriesSize } from "./entry-size.ts";
import { RaftError, RaftPanic } from "./errors.ts";
import { hex } from "./logger.ts";
import { applyConfChange, restoreConfState } from "./membership.ts";
import { refusalOfMessage } from "./message-check.ts";
import {
  draft,
  isLocalMessage,
  isLocalTarget,
  isResponseMessage,
  proposedEntry,
} from "./message.ts";
import { jointIds } from "./quorum-joint.ts";
import { RaftState } from "./raft-state.ts";
import {
  isSameHardState,
  mustSync,
  needsAppendResponse,
  storageAppendMessage,
  storageAppendResponse,
  storageApplyMessage,
  storageApplyResponse,
  type Ready,
} from "./ready.ts";
import { sendAllAppends, sendAppend } from "./replication.ts";
import { requestSnapshot } from "./request-snapshot.ts";
import { basicStatusOf, statusOf, type BasicStatus, type Status } from "./status.ts";
import { stepMessage } from "./step.ts";
import { tick } from "./tick.ts";
import type {
  ConfState,
  Entry,
  HardState,
  Message,
  ReadState,
  SoftState,
  StateType,
} from "./types.ts";
import { EMPTY_HARD_STATE, NO_ENTRIES, NO_NODE } from "./types.ts";

const NO_READ_STATES: readonly ReadState[] = Object.freeze([]);

/** One member of one Raft group. */
export class RaftNode {
  readonly #raft: RaftState;
  readonly #isAsync: boolean;
  #previousSoftState: SoftState;
  #previousHardState: HardState;
  #stepsOnAdvance: Message[] = [];
  /** A Ready of nothing but messages that are sent again and again. */
  #repeated: Ready | undefined;

  /**
   * Starts a node from its storage.
   * @throws RaftError `invalid-config`. @throws RaftPanic if the storage contradicts itself.
   */
  constructor(config: RaftConfig) {
    const resolved = resolveConfig(config);
    const raft = new RaftState(resolved);
    this.#raft = raft;
    this.#isAsync = resolved.asyncStorageWrites;
    raft.trace("InitState");
    const { hardState, confState } = resolved.storage.initialState();
    restoreConfState(raft, confState);
    loadHardState(raft, hardState);
    if (resolved.applied > 0) raft.log.appliedTo(resolved.applied, 0);
    raft.becomeFollower(raft.term, NO_NODE);
    logStart(raft);
    this.#previousSoftState = { lead: raft.lead, raftState: raft.state };
    this.#previousHardState = raft.hardState();
  }

  // ---- What goes in ----

  /** One tick passes: the unit of `electionTicks` and `heartbeatTicks`. */
  tick(): void {
    tick(this.#raft);
  }

  /** Starts an election now. */
  campaign(): RaftError | undefined {
    return stepMessage(this.#raft, draft("MsgHup", this.#raft.id, this.#raft.id));
  }

  /** Proposes one entry; refused with `proposal-dropped`. Acceptance is no promise to commit. */
  propose(data: Uint8Array): RaftError | undefined {
    return this.#propose([proposedEntry(data)]);
  }

  /** Proposes several entries, all or none; an empty list proposes nothing. */
  proposeBatch(datas: readonly Uint8Array[]): RaftError | undefined {
    if (datas.length === 0) return undefined;
    return this.#propose(datas.map((data) => proposedEntry(data)));
  }

  /**
   * Proposes a membership change. With `asV1` in the older form, if it is a single change.
   * @throws RaftError `invalid-conf-change` for a change that no group could make.
   */
  proposeConfChange(change: ConfChange, asV1 = false): RaftError | undefined {
    return this.#propose([confChangeEntry(change, asV1)]);
  }

  /**
   * Takes over a membership change that was handed out as a committed entry. Every node must do
   * so at the same entry, unless `pendingSnapshotIndex` has overtaken it; the result belongs in
   * the host's snapshots.
   * @throws RaftError `invalid-conf-change` if it does not fit the configuration.
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.#raft, change);
  }

  /** Takes a message from another node, or an answer from the node's own storage. */
  step(m: Message): RaftError | undefined {
    const isFromStorage = isLocalTarget(m.from);
    if (isLocalMessage(m.type) && !isFromStorage) return new RaftError("step-local-message");
    if (isResponseMessage(m.type) && !isFromStorage && !this.#raft.tracker.progress.has(m.from)) {
      return new RaftError("step-peer-not-found");
    }
    if (!isFromStorage) {
      const refusal = refusalOfMessage(m);
      if (refusal !== undefined) return refusal;
    }
    return stepMessage(this.#raft, m);
  }

  /**
   * Asks for an index that a linearizable read must have applied. The answer comes in
   * `readStates` with the same context, or never: ask again after a while.
   */
  readIndex(context: Uint8Array): void {
    const message = draft("MsgReadIndex", NO_NODE);
    message.entries = [proposedEntry(context)];
    stepMessage(this.#raft, message);
  }

  /** A follower stops counting on its leader, so that it may vote at once. */
  forgetLeader(): RaftError | undefined {
    return stepMessage(this.#raft, draft("MsgForgetLeader", NO_NODE));
  }

  /** Hands leadership to node `id`; followers pass the wish on to the leader. */
  transferLeader(id: number): void {
    stepMessage(this.#raft, draft("MsgTransferLeader", NO_NODE, id));
  }

  /**
   * A follower asks its leader for a snapshot of at least its own log's end, whatever the leader
   * believes of it: for a host that does not trust its log or its state. Until the snapshot comes
   * it takes no appends. The wish ends with the term and after SNAPSHOT_REQUEST_TIMEOUTS.
   * Refused with `snapshot-request-dropped` without a leader, at the leader, and while a snapshot
   * is asked for or being installed.
   */
  requestSnapshot(): RaftError | undefined {
    return requestSnapshot(this.#raft);
  }

  /** Changes `RaftConfig.priority` for coming votes and elections. @throws RaftError `invalid-config`. */
  setPriority(priority: number): void {
    requireInteger("priority", priority, 0);
    this.#raft.priority = priority;
  }

  /** The last message to `id` was not delivered. */
  reportUnreachable(id: number): void {
    stepMessage(this.#raft, draft("MsgUnreachable", NO_NODE, id));
  }

  /** A snapshot was delivered to `id`, or its delivery failed. Must follow every MsgSnap. */
  reportSnapshot(id: number, ok: boolean): void {
    const message = draft("MsgSnapStatus", NO_NODE, id);
    message.reject = !ok;
    stepMessage(this.#raft, message);
  }

  /**
   * Entries that storage answered "temporarily-unavailable" for can be read now: those for node
   * `id`, or with 0 the committed ones to apply.
   */
  entriesAvailable(id: number): void {
    if (id === NO_NODE) {
      this.#raft.log.awaitsCommittedEntries = false;
      return;
    }
    if (!this.#raft.awaitingEntries.delete(id) || !this.isLeader) return;
    sendAppend(this.#raft, id);
    sendAllAppends(this.#raft, id);
  }

  // ---- What comes out ----

  /** True if `ready` has something to do. */
  hasReady(): boolean {
    return this.#raft.msgs.length > 0 || this.#hasMoreThanMessages();
  }

  #hasMoreThanMessages(): boolean {
    const r = this.#raft;
    const { log } = r;
    return (
      r.msgsAfterAppend.length > 0 ||
      r.readStates.length > 0 ||
      log.unstable.hasNextEntries() ||
      log.hasNextCommittedEntries(!this.#isAsync) ||
      log.hasNextUnstableSnapshot() ||
      this.#hasNewSoftState() ||
      this.#hasNewHardState()
    );
  }

  /**
   * Hands out everything there is to do and takes it as begun. In the synchronous form `advance`
   * must follow before the next call.
   */
  ready(): Ready {
    const ready = this.#repeatedReady() ?? this.#newReady();
    this.#accept(ready);
    return ready;
  }

  /** The Ready of before again, if the same messages are all there is to do. */
  #repeatedReady(): Ready | undefined {
    const r = this.#raft;
    const messages = r.msgs;
    if (messages !== r.heartbeats && messages !== r.heartbeatAnswer) return undefined;
    if (this.#hasMoreThanMessages()) return undefined;
    r.takeQueued();
    if (this.#repeated?.messages !== messages) this.#repeated = messagesOnly(messages);
    return this.#repeated;
  }

  #newReady(): Ready {
    const r = this.#raft;
    const hardState = this.#hasNewHardState() ? r.hardState() : undefined;
    const entries = r.log.unstable.nextEntries();
    const snapshot = r.log.unstable.nextSnapshot();
    const committedEntries = r.log.nextCommittedEntries(!this.#isAsync);
    return {
      softState: this.#hasNewSoftState() ? this.#softState() : undefined,
      hardState,
      readStates: r.readStates.length === 0 ? NO_READ_STATES : r.readStates,
      entries,
      snapshot,
      committedEntries,
      messages: this.#messages(entries, hardState, snapshot, committedEntries),
      mustSync: mustSync(
        hardState ?? this.#previousHardState,
        this.#previousHardState,
        entries.length,
      ),
    };
  }

  /** Synchronous form only: all of the last Ready is done. @throws RaftPanic in the other form. */
  advance(_ready?: Ready): void {
    if (this.#isAsync) {
      throw new RaftPanic("Advance must not be called when using AsyncStorageWrites");
    }
    const steps = this.#stepsOnAdvance;
    this.#stepsOnAdvance = [];
    for (const message of steps) stepMessage(this.#raft, message);
  }

  // ---- What can be seen ----

  /** Id of this node in its group. */
  get id(): number {
    return this.#raft.id;
  }

  /** The newest term that the node has entered. */
  get term(): number {
    return this.#raft.term;
  }

  /** The known leader; 0 is nobody. */
  get lead(): number {
    return this.#raft.lead;
  }

  /** Its role. */
  get state(): StateType {
    return this.#raft.state;
  }

  /** True in StateLeader; whether a quorum still agrees, only a read can tell. */
  get isLeader(): boolean {
    return this.#raft.state === "StateLeader";
  }

  /** Highest index known here to be on a quorum. */
  get commitIndex(): number {
    return this.#raft.log.committed;
  }

  /** Highest index that the host has reported as applied. */
  get appliedIndex(): number {
    return this.#raft.log.applied;
  }

  /** Index of the oldest entry that can be read. */
  get firstIndex(): number {
    return this.#raft.log.firstIndex();
  }

  /** Index of the newest entry, durable or not; 0 for an empty log. */
  get lastIndex(): number {
    return this.#raft.log.lastIndex();
  }

  /**
   * Index of a snapshot that has been taken from the leader and is not installed yet; 0 is none.
   * Entries at or below it that still wait to be applied are void: the configuration is already
   * the snapshot's, and the state will be. Their MsgStorageApplyResp must be stepped all the same.
   */
  get pendingSnapshotIndex(): number {
    return this.#raft.log.unstable.snapshot?.index ?? 0;
  }

  /** Bytes of proposals that are in the leader's log and not applied. */
  get uncommittedSize(): number {
    return this.#raft.uncommittedSize;
  }

  /** True if a committed entry of this term makes the leader's commit index final. */
  get hasCommittedInTerm(): boolean {
    return this.#raft.hasCommittedInTerm();
  }

  /** Membership as applied here. */
  get confState(): ConfState {
    return this.#raft.tracker.confState();
  }

  /** The node's numbers: cheap, and no copies of progress. */
  basicStatus(): BasicStatus {
    return basicStatusOf(this.#raft);
  }

  /** Everything, with copies of the progress of all nodes if this one leads. */
  status(): Status {
    return statusOf(this.#raft);
  }

  /** For tests: campaigns after exactly so many ticks without a leader. */
  setRandomizedElectionTicks(ticks: number): void {
    this.#raft.randomizedElectionTicks = ticks;
  }

  #propose(entries: readonly Entry[]): RaftError | undefined {
    const message = draft("MsgProp", NO_NODE, this.#raft.id);
    message.entries = entries;
    return stepMessage(this.#raft, message);
  }

  #softState(): SoftState {
    return { lead: this.#raft.lead, raftState: this.#raft.state };
  }

  #hasNewSoftState(): boolean {
    const previous = this.#previousSoftState;
    return previous.lead !== this.#raft.lead || previous.raftState !== this.#raft.state;
  }

  #hasNewHardState(): boolean {
    const { term, vote, commit } = this.#previousHardState;
    const r = this.#raft;
    return term !== r.term || vote !== r.vote || commit !== r.log.committed;
  }

  #messages(
    entries: readonly Entry[],
    hardState: HardState | undefined,
    snapshot: Ready["snapshot"],
    committedEntries: readonly Entry[],
  ): readonly Message[] {
    const r = this.#raft;
    if (this.#isAsync) {
      const append = storageAppendMessage(r, entries, hardState, snapshot);
      if (append !== undefined) r.queue(append);
      if (committedEntries.length > 0) r.queue(storageApplyMessage(r, committedEntries));
    } else {
      for (const m of r.msgsAfterAppend) if (m.to !== r.id) r.queue(m);
    }
    return r.takeQueued();
  }

  #accept(ready: Ready): void {
    const r = this.#raft;
    if (ready.softState !== undefined) this.#previousSoftState = ready.softState;
    if (ready.hardState !== undefined) this.#previousHardState = ready.hardState;
    if (ready.readStates.length > 0) r.readStates = [];
    if (!this.#isAsync) this.#planSteps(ready);
    if (r.msgsAfterAppend.length > 0) r.msgsAfterAppend = [];
    r.log.unstable.acceptInProgress();
    const last = ready.committedEntries.at(-1);
    if (last !== undefined) {
      r.log.acceptApplying(last.index, entriesSize(ready.committedEntries), !this.#isAsync);
    }
    r.trace("Ready");
  }

  /** What the two storage threads would answer, to be stepped by `advance`. */
  #planSteps(ready: Ready): void {
    const r = this.#raft;
    if (this.#stepsOnAdvance.length > 0) {
      throw new RaftPanic("two accepted Ready structs without call to Advance");
    }
    const steps = r.msgsAfterAppend.filter((m) => m.to === r.id);
    if (needsAppendResponse(r, ready.snapshot)) {
      steps.push(storageAppendResponse(r, ready.snapshot));
    }
    if (ready.committedEntries.length > 0) {
      steps.push(storageApplyResponse(r, ready.committedEntries));
    }
    this.#stepsOnAdvance = steps;
  }
}

/** All fields, in the order of every other Ready: they have one hidden class. */
function messagesOnly(messages: readonly Message[]): Ready {
  return {
    softState: undefined,
    hardState: undefined,
    readStates: NO_READ_STATES,
    entries: NO_ENTRIES,
    snapshot: undefined,
    committedEntries: NO_ENTRIES,
    messages,
    mustSync: false,
  };
}

function loadHardState(r: RaftState, hardState: HardState): void {
  if (isSameHardState(hardState, EMPTY_HARD_STATE)) return;
  const last = r.log.lastIndex();
  if (hardState.commit < r.log.committed || hardState.commit > last) {
    throw new RaftPanic(
      `${hex(r.id)} state.commit ${hardState.commit} is out of range [${r.log.committed}, ${last}]`,
    );
  }
  r.log.committed = hardState.commit;
  r.term = hardState.term;
  r.vote = hardState.vote;
}

function logStart(r: RaftState): void {
  if (r.logger === undefined) return;
  const peers = jointIds(r.tracker.config.voters).map(hex).join(",");
  r.logger.info(
    `newRaft ${hex(r.id)} [peers: [${peers}], term: ${r.term}, commit: ${r.log.committed}, ` +
      `applied: ${r.log.applied}, lastindex: ${r.log.lastIndex()}, lastterm: ${r.log.lastTerm()}]`,
  );
}
