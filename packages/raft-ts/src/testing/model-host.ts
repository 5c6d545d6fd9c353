/**
 * One host of the random cluster: a node, a disk that keeps only what was written, and a state
 * machine that checks what it is given.
 *
 * A crash loses the node, the queued storage work and the applied state; the disk stays. That is
 * all a crash may cost.
 */
import { confChangeOfEntry } from "../conf-change-codec.ts";
import type { RaftConfig } from "../config.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { isLocalTarget } from "../message.ts";
import { RaftNode } from "../node.ts";
import type { ConfState, Entry, HardState, LogGap, Message, Snapshot } from "../types.ts";
import { EMPTY_CONF_STATE, EMPTY_DATA, LOCAL_APPEND_THREAD } from "../types.ts";
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
  node: RaftNode;
  appendWork: Message[] = [];
  applyWork: Message[] = [];
  applied = 0;
  #confState: ConfState = EMPTY_CONF_STATE;

  constructor(options: ModelHostOptions) {
    this.id = options.id;
    this.#options = options;
    if (options.start !== undefined) {
      this.storage.applySnapshot(options.start);
      this.storage.setHardState({ term: 1, vote: 0, commit: options.start.index });
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
    return new RaftNode({
      ...this.#options.settings,
      id: this.id,
      storage: this.storage,
      applied: snapshot.index,
    });
  }

  /** Loses everything that is not on disk and starts again. */
  crash(): void {
    this.appendWork = [];
    this.applyWork = [];
    this.storage.fetch();
    this.node = this.#start();
  }

  /** Takes one Ready; returns what goes to other nodes. */
  takeReady(): Message[] {
    const ready = this.node.ready();
    for (const state of ready.readStates) this.#options.checker.noteRead(this.id, state);
    const sent: Message[] = [];
    for (const m of ready.messages) {
      if (!isLocalTarget(m.to)) sent.push(m);
      else if (m.to === LOCAL_APPEND_THREAD) this.appendWork.push(m);
      else this.applyWork.push(m);
    }
    return sent;
  }

  /** Makes one write durable; returns what it allows to be sent. */
  write(): readonly Message[] {
    const work = this.appendWork.shift();
    if (work === undefined) return [];
    const hardState = hardStateOf(work);
    if (hardState !== undefined) this.#writeHardState(hardState);
    if (work.snapshot !== undefined) this.#install(work.snapshot);
    this.storage.append(work.entries);
    return work.responses;
  }

  /** What is applied is committed: an older queued write must not take that back. */
  #writeHardState(next: HardState): void {
    const { commit } = this.storage.hardState;
    this.storage.setHardState({ ...next, commit: Math.max(next.commit, commit) });
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
    const work = this.applyWork.shift();
    if (work === undefined) return [];
    for (const entry of work.entries) {
      // A snapshot that is installed, or that is going to be, has overtaken it.
      if (entry.index <= Math.max(this.applied, this.node.pendingSnapshotIndex)) continue;
      this.#options.checker.noteApplied(this.id, this.applied, entry);
      this.applied = entry.index;
      const change = confChangeOfEntry(entry);
      if (change !== undefined) this.#confState = this.node.applyConfChange(change);
    }
    return work.responses;
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
