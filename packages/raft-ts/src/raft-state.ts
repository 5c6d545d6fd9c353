/**
 * The state of one node, and the moves that every part of the protocol shares.
 *
 * Two queues leave a node. `msgs` may be sent at once. `msgsAfterAppend` promise something (a
 * vote, an entry held), so they leave only when everything before them is durable: a node that
 * answers first and writes later can forget its promise in a crash.
 *
 *   R1  a term is entered once, and at most one vote is given in it
 *   R2  a leader appends and never replaces in its term
 *   R3  only entries of the leader's own term are committed by counting (thesis 3.6.2)
 *
 * Source: Ongaro thesis 3; etcd-raft v3.7 `raft`.
 */
import type { ResolvedConfig } from "./config.ts";
import { payloadsSize } from "./entry-size.ts";
import { RaftPanic } from "./errors.ts";
import { hex, type RaftLogger } from "./logger.ts";
import { draft, type MessageDraft } from "./message.ts";
import { Progress } from "./progress.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import { RaftLog } from "./raft-log.ts";
import { ReadOnly } from "./read-only.ts";
import { traceEvent, traceMessage, type RaftTraceName } from "./trace.ts";
import type { Entry, HardState, Message, ReadState, StateType } from "./types.ts";
import { EMPTY_DATA, NO_MESSAGES, NO_NODE } from "./types.ts";

/** State of a node; the protocol is in the modules that change it. */
export class RaftState {
  readonly id: number;
  readonly config: ResolvedConfig;
  readonly logger: RaftLogger | undefined;
  readonly log: RaftLog;
  tracker: ProgressTracker;
  term = 0;
  vote = NO_NODE;
  lead = NO_NODE;
  state: StateType = "StateFollower";
  /** Node that leadership is being handed to; 0 is none. */
  leadTransferee = NO_NODE;
  /** Index of the newest membership change that may not be applied; only a leader keeps it. */
  pendingConfIndex = 0;
  /** Payload bytes of the leader's log that are not applied; may be too low, never too high. */
  uncommittedSize = 0;
  readOnly: ReadOnly;
  /** Reads that came before the first commit of the term. */
  pendingReads: Message[] = [];
  readStates: ReadState[] = [];
  /**
   * To be sent at once. The list may have been handed out, or be one that will be handed out
   * again; so it grows by `queue` alone.
   */
  msgs: readonly Message[] = NO_MESSAGES;
  /** `msgs`, if this node made it and nobody else has seen it. */
  #ownMsgs: Message[] | undefined;
  /** The newest round of heartbeats, and the newest answer to one, unless a read was in them. */
  heartbeats: readonly Message[] = NO_MESSAGES;
  heartbeatAnswer: readonly Message[] = NO_MESSAGES;
  msgsAfterAppend: Message[] = [];
  /** See `RaftConfig.priority`. */
  priority: number;
  /** Least index of the snapshot that this follower has asked its leader for; 0 is none. */
  requestedSnapshot = 0;
  /** Ticks since it was asked for. */
  requestElapsed = 0;
  electionElapsed = 0;
  heartbeatElapsed = 0;
  randomizedElectionTicks = 0;
  /** Followers whose next entries are being read from disk. */
  readonly awaitingEntries = new Set<number>();

  constructor(config: ResolvedConfig) {
    this.id = config.id;
    this.config = config;
    this.logger = config.logger;
    this.priority = config.priority;
    this.log = new RaftLog(config.storage, config.maxCommittedSizePerReady, config.logger);
    this.tracker = new ProgressTracker(config.maxInflightMsgs, config.maxInflightBytes);
    this.readOnly = new ReadOnly(config.readOnlyOption);
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  // ---- Messages ----

  /** Queues a message, on the side that its promise needs. */
  send(message: MessageDraft): void {
    if (message.from === NO_NODE) message.from = this.id;
    this.#setTerm(message);
    this.traceMessage("Send", message);
    switch (message.type) {
      case "MsgAppResp":
      case "MsgVoteResp":
      case "MsgPreVoteResp":
        // Rejections too: kept in order with the promises around them, and cheap to delay.
        this.msgsAfterAppend.push(message);
        break;
      default:
        if (message.to === this.id) {
          throw new RaftPanic(`message should not be self-addressed when sending ${message.type}`);
        }
        this.queue(message);
    }
  }

  /** Adds to `msgs`. */
  queue(message: Message): void {
    if (this.#ownMsgs === undefined || this.#ownMsgs !== this.msgs) {
      this.#ownMsgs = [...this.msgs];
      this.msgs = this.#ownMsgs;
    }
    this.#ownMsgs.push(message);
  }

  /** Takes all of `msgs`: whoever gets the list may keep it, it never changes again. */
  takeQueued(): readonly Message[] {
    const taken = this.msgs;
    this.msgs = NO_MESSAGES;
    this.#ownMsgs = undefined;
    return taken;
  }

  /**
   * Sends messages again that are still true, as the objects that they were. An idle group says
   * nothing new in a heartbeat, and a process has thousands of them: nothing is allocated.
   */
  sendAgain(messages: readonly Message[]): void {
    if (this.config.trace !== undefined) {
      for (const message of messages) this.traceMessage("Send", message);
    }
    if (this.msgs.length === 0) this.msgs = messages;
    else for (const message of messages) this.queue(message);
  }

  #setTerm(message: MessageDraft): void {
    const { type, term } = message;
    if (
      type === "MsgVote" ||
      type === "MsgVoteResp" ||
      type === "MsgPreVote" ||
      type === "MsgPreVoteResp"
    ) {
      // The term of a vote may be a future one (pre-vote), so the sender must say it.
      if (term === 0) throw new RaftPanic(`term should be set when sending ${type}`);
      return;
    }
    if (term !== 0) {
      throw new RaftPanic(`term should not be set when sending ${type} (was ${term})`);
    }
    // A forwarded request has no term: it belongs to whoever leads when it arrives.
    if (type !== "MsgProp" && type !== "MsgReadIndex") message.term = this.term;
  }

  /** Tells the tracer of a step. Without a tracer nothing is built: arguments are not evaluated. */
  trace(name: RaftTraceName): void {
    this.config.trace?.(traceEvent(this, name));
  }

  /** Tells the tracer of a message. */
  traceMessage(direction: "Send" | "Receive", m: Message): void {
    const { trace } = this.config;
    if (trace === undefined) return;
    const event = traceMessage(this, direction, m);
    if (event !== undefined) trace(event);
  }

  // ---- Changes of role ----

  becomeFollower(term: number, lead: number): void {
    // A pre-vote that came to nothing has not ended the term, nor the wish.
    const wish = term === this.term ? this.requestedSnapshot : 0;
    this.#reset(term);
    this.requestedSnapshot = wish;
    this.lead = lead;
    this.state = "StateFollower";
    this.logger?.info(`${hex(this.id)} became follower at term ${this.term}`);
    this.trace("BecomeFollower");
  }

  becomeCandidate(): void {
    if (this.state === "StateLeader") {
      throw new RaftPanic("invalid transition [leader -> candidate]");
    }
    this.#reset(this.term + 1);
    this.vote = this.id;
    this.state = "StateCandidate";
    this.logger?.info(`${hex(this.id)} became candidate at term ${this.term}`);
    this.trace("BecomeCandidate");
  }

  /** Asks for an election without entering its term: nothing durable changes. */
  becomePreCandidate(): void {
    if (this.state === "StateLeader") {
      throw new RaftPanic("invalid transition [leader -> pre-candidate]");
    }
    this.tracker.resetVotes();
    this.lead = NO_NODE;
    this.state = "StatePreCandidate";
    this.logger?.info(`${hex(this.id)} became pre-candidate at term ${this.term}`);
  }

  becomeLeader(): void {
    if (this.state === "StateFollower") {
      throw new RaftPanic("invalid transition [follower -> leader]");
    }
    this.#reset(this.term);
    this.lead = this.id;
    this.state = "StateLeader";
    const self = this.tracker.progress.get(this.id);
    if (self !== undefined) {
      self.becomeReplicate(); // so that the leader's own acknowledgements move it
      self.recentActive = true;
    }
    // There may be an unapplied membership change anywhere in the log; finding out could be slow,
    // so new ones wait until all of it is applied.
    this.pendingConfIndex = this.log.lastIndex();
    this.trace("BecomeLeader");
    const first: Entry = { term: 0, index: 0, type: "EntryNormal", data: EMPTY_DATA };
    if (!this.appendEntries([first])) throw new RaftPanic("empty entry was dropped");
    this.logger?.info(`${hex(this.id)} became leader at term ${this.term}`);
  }

  #reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NO_NODE;
    }
    this.lead = NO_NODE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.resetRandomizedElectionTicks();
    this.leadTransferee = NO_NODE;
    this.tracker.resetVotes();
    const last = this.log.lastIndex();
    for (const [id, old] of this.tracker.progress) {
      const match = id === this.id ? last : 0;
      const fresh = new Progress(match, last + 1, old.isLearner, this.tracker.newInflights());
      this.tracker.progress.set(id, fresh);
    }
    this.awaitingEntries.clear();
    this.requestedSnapshot = 0;
    this.pendingConfIndex = 0;
    this.uncommittedSize = 0;
    if (!this.readOnly.isFresh()) this.readOnly = new ReadOnly(this.readOnly.option);
    // Their senders ask again; a later leadership must not answer them out of order.
    this.pendingReads = [];
  }

  resetRandomizedElectionTicks(): void {
    const { electionTicks, random } = this.config;
    this.randomizedElectionTicks = electionTicks + random(electionTicks);
  }

  /** True if the node may become leader: a voter whose state is not being replaced. */
  isPromotable(): boolean {
    const self = this.tracker.progress.get(this.id);
    return self !== undefined && !self.isLearner && !this.log.hasNextOrInProgressSnapshot();
  }

  // ---- The leader's log ----

  /** Gives `entries` their places and appends them; false if the uncommitted log is full. */
  appendEntries(entries: readonly Entry[]): boolean {
    if (!this.#reserveUncommitted(payloadsSize(entries))) {
      this.logger?.warning(
        `${hex(this.id)} appending new entries to log would exceed uncommitted entry size ` +
          "limit; dropping proposal",
      );
      return false;
    }
    if (this.config.trace !== undefined) {
      for (const { type } of entries) if (type === "EntryNormal") this.trace("Replicate");
    }
    const after = this.log.lastIndex();
    const term = this.term;
    const placed = entries.map(({ type, data }, i) => ({ term, index: after + 1 + i, type, data }));
    const last = this.log.append(placed);
    // The leader's own copy counts towards the quorum only when it is durable, so it
    // acknowledges itself by a message that waits for that.
    const ack = draft("MsgAppResp", this.id);
    ack.index = last;
    this.send(ack);
    return true;
  }

  #reserveUncommitted(bytes: number): boolean {
    // The first proposal always fits, whatever its size, and empty entries always do: a new
    // leader's first entry and the end of a joint configuration must never be refused.
    if (
      this.uncommittedSize > 0 &&
      bytes > 0 &&
      this.uncommittedSize + bytes > this.config.maxUncommittedEntriesSize
    ) {
      return false;
    }
    this.uncommittedSize += bytes;
    return true;
  }

  releaseUncommitted(bytes: number): void {
    this.uncommittedSize = Math.max(0, this.uncommittedSize - bytes);
  }

  /** Commits what a quorum holds, if that ends in an entry of this term (R3). */
  maybeCommit(): boolean {
    const advanced = this.log.maybeCommit(this.tracker.committedIndex(), this.term);
    this.trace("Commit");
    return advanced;
  }

  hasCommittedInTerm(): boolean {
    return this.log.termOrZero(this.log.committed) === this.term;
  }
}
