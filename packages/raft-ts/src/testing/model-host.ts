/**
 * One host of the random cluster: a node, a disk that keeps only what was written, and a state
 * machine that checks what it is given.
 *
 * A crash loses the node, the queued storage work and the applied state; the disk stays. That is
 * all a crash may cost.
 *
 * Both forms of a host are here. In the asynchronous one several writes may wait, while the node
 * goes on. In the synchronous one a Ready is written, its messages sent, its entries applied and
 * the node advanced, and the next Ready waits for that.
 */
import { confChangeOfEntry } from "../conf-change-codec.ts";
import type { RaftConfig } from "../config.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { isLocalTarget } from "../message.ts";
import { RaftNode } from "../node.ts";
import type { Ready } from "../ready.ts";
import type { ConfState, Entry, HardState, LogGap, Message, Snapshot } from "../types.ts";
import { EMPTY_CONF_STATE, EMPTY_DATA, LOCAL_APPEND_THREAD } from "../types.ts";
import { ModelLog } from "./model-log.ts";
import { hardStateOf } from "./scenario-node.ts";
import type { SafetyChecker } from "./safety-checker.ts";

/** A disk whose older entries must be fetched before they can be read. */
export class ColdStorage extends MemoryStorage {
  /** Entries below this index are not in memory. */
  coldBelow = 0;
  /** Somebody asked for cold entries. */
  wanted = false;
  /** The applied state as of now, for a node that needs a snapshot. */
  current: () => Snapshot | undefined = () => undefined;

  /** The newest state: one that is older could lack the very node that it is sent to. */
  override snapshot(): Snapshot | "temporarily-unavailable" {
    return this.current() ?? super.snapshot();
  }

  /** The snapshot that a restart begins with. */
  durableSnapshot(): Snapshot | "temporarily-unavailable" {
    return super.snapshot();
  }

  override entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    if (lo >= this.firstIndex() && lo < this.coldBelow) {
      this.wanted = true;
      return "temporarily-unavailable";
    }
    return super.entries(lo, hi, maxBytes);
  }

  fetch(): void {
    this.coldBelow = 0;
    this.wanted = false;
  }
}

export interface ModelHostOptions {
  readonly id: number;
  readonly settings: Omit<RaftConfig, "id" | "storage" | "applied">;
  /** The first configuration, or undefined for a node that joins later. */
  readonly start: Snapshot | undefined;
  readonly checker: SafetyChecker;
}

/** A host that does one piece of work at a time, when the model says so. */
export class ModelHost {
  readonly id: number;
  readonly storage = new ColdStorage();
  readonly #options: ModelHostOptions;
  readonly #isAsync: boolean;
  node: RaftNode;
  appendWork: Message[] = [];
  applyWork: Message[] = [];
  /** Synchronous form: what is being done. */
  #current: { readonly ready: Ready; isWritten: boolean } | undefined;
  applied = 0;
  #confState: ConfState = EMPTY_CONF_STATE;
  #log = new ModelLog();
  /** The commit index when the node last gave out what it has, and the newest one seen. */
  #commitGivenOut = 0;
  #commitSeen = 0;

  constructor(options: ModelHostOptions) {
    this.id = options.id;
    this.#options = options;
    this.#isAsync = options.settings.asyncStorageWrites !== false;
    if (options.start !== undefined) {
      this.storage.applySnapshot(options.start);
      this.storage.setHardState({ term: 1, vote: 0, commit: options.start.index });
      options.checker.memberships.note(options.id, options.start.index, options.start.confState);
    }
    this.storage.current = () => this.#currentSnapshot();
    this.node = this.#start();
  }

  #currentSnapshot(): Snapshot | undefined {
    const term = this.storage.term(this.applied);
    if (typeof term !== "number" || this.applied === 0) return undefined;
    return { index: this.applied, term, confState: this.#confState, data: EMPTY_DATA };
  }

  #start(): RaftNode {
    const snapshot = this.storage.durableSnapshot();
    if (typeof snapshot === "string") throw new Error("a model disk always has its snapshot");
    this.applied = snapshot.index;
    this.#confState = snapshot.confState;
    const node = new RaftNode({
      ...this.#options.settings,
      id: this.id,
      storage: this.storage,
      applied: snapshot.index,
    });
    this.#log = ModelLog.ofDisk(this.storage);
    this.#commitGivenOut = node.commitIndex;
    this.#commitSeen = node.commitIndex;
    return node;
  }

  /** Whether any work waits: a Ready, a write, or entries to apply. */
  get hasWork(): boolean {
    const isHeld = this.#current !== undefined;
    return isHeld || this.appendWork.length + this.applyWork.length > 0 || this.node.hasReady();
  }

  /** Within one life the commit index never falls. */
  noteCommit(): void {
    const { commitIndex } = this.node;
    if (commitIndex < this.#commitSeen) {
      throw new Error(`S8: node ${this.id} goes back from ${this.#commitSeen} to ${commitIndex}`);
    }
    this.#commitSeen = commitIndex;
  }

  /** Loses everything that is not on disk and starts again. */
  crash(): void {
    this.appendWork = [];
    this.applyWork = [];
    this.#current = undefined;
    this.storage.fetch();
    this.node = this.#start();
  }

  /** Takes one Ready; returns what goes to other nodes at once. */
  takeReady(): readonly Message[] {
    if (this.#current !== undefined) return [];
    const ready = this.node.ready();
    this.#noteReady(ready);
    if (!this.#isAsync) {
      this.#current = { ready, isWritten: false };
      return [];
    }
    const sent: Message[] = [];
    const votes: Message[] = [];
    for (const m of ready.messages) {
      if (m.type === "MsgVote") votes.push(m);
      else if (!isLocalTarget(m.to)) sent.push(m);
      else if (m.to === LOCAL_APPEND_THREAD) this.appendWork.push(m);
      else this.applyWork.push(m);
    }
    return [...sent, ...this.#afterWrites(votes)];
  }

  /**
   * Makes messages wait for the newest write, or returns them if there is none. A candidate that
   * asks for votes before its term is durable can win that term twice, with two logs.
   */
  #afterWrites(messages: readonly Message[]): readonly Message[] {
    const last = this.appendWork.pop();
    if (last === undefined) return messages;
    this.appendWork.push({ ...last, responses: [...last.responses, ...messages] });
    return [];
  }

  #noteReady({ readStates, entries, snapshot, messages }: Ready): void {
    const { checker, settings } = this.#options;
    const isExact = settings.readOnlyOption !== "lease-based";
    for (const state of readStates) checker.noteRead(this.id, state, isExact);
    this.#log.take(entries, snapshot);
    checker.logs.noteLog(this.node, this.#log, this.#commitGivenOut, entries);
    this.#commitGivenOut = this.node.commitIndex;
    for (const m of messages) checker.logs.noteSent(m);
  }

  /** Makes one write durable; returns what it allows to be sent. */
  write(): readonly Message[] {
    const current = this.#current;
    if (current !== undefined) {
      if (current.isWritten) return [];
      current.isWritten = true;
      const { hardState, snapshot, entries, messages } = current.ready;
      this.#writeAll(hardState, snapshot, entries, messages);
      return messages;
    }
    const work = this.appendWork.shift();
    if (work === undefined) return [];
    this.#writeAll(hardStateOf(work), work.snapshot, work.entries, work.responses);
    return work.responses;
  }

  #writeAll(
    hardState: HardState | undefined,
    snapshot: Snapshot | undefined,
    entries: readonly Entry[],
    responses: readonly Message[],
  ): void {
    if (hardState !== undefined) this.#writeHardState(hardState);
    if (snapshot !== undefined) this.#install(snapshot);
    this.storage.append(entries);
    for (const m of responses) this.#options.checker.promises.noteSent(m, this.storage);
  }

  /** What is applied is committed: an older queued write must not take that back. */
  #writeHardState(next: HardState): void {
    const before = this.storage.hardState;
    this.#options.checker.promises.noteWrite(this.id, before, next);
    this.storage.setHardState({ ...next, commit: Math.max(next.commit, before.commit) });
  }

  #install(snapshot: Snapshot): void {
    this.#options.checker.noteSnapshot(this.id, snapshot);
    this.storage.applySnapshot(snapshot);
    if (snapshot.index <= this.applied) return;
    this.applied = snapshot.index;
    this.#confState = snapshot.confState;
  }

  /** Applies one lot; returns the acknowledgement for the node itself. */
  apply(): readonly Message[] {
    if (this.#current?.isWritten === true) {
      const { ready } = this.#current;
      this.#current = undefined;
      for (const entry of ready.committedEntries) this.#applyEntry(entry);
      this.node.advance();
      return [];
    }
    const work = this.applyWork.shift();
    if (work === undefined) return [];
    for (const entry of work.entries) this.#applyEntry(entry);
    return work.responses;
  }

  #applyEntry(entry: Entry): void {
    // A snapshot that is installed, or that is going to be, has overtaken it.
    if (entry.index <= Math.max(this.applied, this.node.pendingSnapshotIndex)) return;
    const { checker } = this.#options;
    checker.noteApplied(this.id, this.applied, entry);
    const change = confChangeOfEntry(entry);
    if (change !== undefined) {
      // The node may ask for a snapshot in the course of this: index and membership belong
      // together, so both are those of before until both are those of after.
      this.#confState = this.node.applyConfChange(change);
      checker.memberships.note(this.id, entry.index, this.#confState);
    }
    this.applied = entry.index;
  }

  /** Makes a snapshot of the applied state and drops the log before `keep` entries. */
  compact(keep: number): void {
    const index = Math.min(this.applied, this.storage.lastIndex());
    const snapshot = this.storage.durableSnapshot();
    if (typeof snapshot === "string" || index <= snapshot.index) return;
    this.storage.createSnapshot(index, this.#confState, EMPTY_DATA);
    // The commit index on disk may lag, and a log must not start after it.
    const { hardState } = this.storage;
    this.storage.setHardState({ ...hardState, commit: Math.max(hardState.commit, index) });
    if (index - keep >= this.storage.firstIndex()) this.storage.compact(index - keep);
  }

  /** Brings cold entries into memory and tells the node. */
  fetch(peers: Iterable<number>): void {
    this.storage.fetch();
    this.node.entriesAvailable(0);
    for (const id of peers) this.node.entriesAvailable(id);
  }
}
