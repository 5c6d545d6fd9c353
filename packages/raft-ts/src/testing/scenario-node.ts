/**
 * One node of a scenario: the node, its log in memory, its queued storage work, and a state
 * machine that appends every payload it applies.
 */
import { confChangeOfEntry } from "../conf-change-codec.ts";
import { RaftNode } from "../node.ts";
import type { RaftConfig } from "../config.ts";
import { MemoryStorage } from "../memory-storage.ts";
import type { ConfState, Entry, HardState, LogGap, Message, Snapshot } from "../types.ts";
import { EMPTY_CONF_STATE, EMPTY_DATA, EMPTY_HARD_STATE } from "../types.ts";

/** A log whose snapshot is always the newest applied state. */
class HistoryStorage extends MemoryStorage {
  newest: () => Snapshot = () => EMPTY_SNAPSHOT;
  /** Membership that a restart found in the applied state, kept beside the log by a real host. */
  appliedConfState: ConfState | undefined;

  override initialState(): { hardState: HardState; confState: ConfState } {
    const { hardState, confState } = super.initialState();
    return { hardState, confState: this.appliedConfState ?? confState };
  }

  override snapshot(): Snapshot {
    return this.newest();
  }

  /** Entries that only a disk has: reads of them wait until `isSlow` ends. */
  isSlow = false;

  override entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    return this.isSlow ? "temporarily-unavailable" : super.entries(lo, hi, maxBytes);
  }
}

const EMPTY_SNAPSHOT: Snapshot = {
  index: 0,
  term: 0,
  confState: EMPTY_CONF_STATE,
  data: EMPTY_DATA,
};

/** A node with everything a host would keep for it. */
export class ScenarioNode {
  readonly id: number;
  readonly storage: HistoryStorage;
  node: RaftNode;
  config: RaftConfig;
  /** The state after every applied entry, newest last. */
  readonly history: Snapshot[];
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];

  /** @param start the snapshot to start from, or undefined for an empty node. */
  constructor(config: Omit<RaftConfig, "storage">, start: Snapshot | undefined) {
    this.id = config.id;
    this.storage = new HistoryStorage();
    this.history = [start ?? EMPTY_SNAPSHOT];
    if (start !== undefined) this.storage.applySnapshot(start);
    this.storage.newest = () => this.history.at(-1) ?? EMPTY_SNAPSHOT;
    this.config = { ...config, storage: this.storage };
    this.node = new RaftNode(this.config);
  }

  /** Writes what a Ready or a MsgStorageAppend holds. */
  writeLog(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): void {
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot !== undefined) {
      if (entries.length > 0) throw new Error("can't apply snapshot and entries at the same time");
      // Not a part of the history: as in the reference's harness, what is sent on to others is
      // made from entries that this node has applied.
      this.storage.applySnapshot(snapshot);
      return;
    }
    this.storage.append(entries);
  }

  /** Loses the memory and starts again from the log and the applied state. */
  restart(): void {
    this.appendWork.length = 0;
    this.applyWork.length = 0;
    const { hardState, confState } = this.storage.initialState();
    // The state machine may have run ahead of the commit index on disk.
    while (this.history.length > 1 && (this.history.at(-1)?.index ?? 0) > hardState.commit) {
      this.history.pop();
    }
    const last = this.history.at(-1) ?? EMPTY_SNAPSHOT;
    const compacted = this.storage.firstIndex() - 1;
    const isUsable = last.index >= compacted && last.index <= hardState.commit;
    this.storage.appliedConfState = isUsable ? last.confState : confState;
    const applied = isUsable ? last.index : compacted;
    this.config = { ...this.config, applied };
    this.node = new RaftNode(this.config);
  }

  /** Applies committed entries, membership changes included. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      let confState: ConfState | undefined;
      let update = entry.data;
      const change = confChangeOfEntry(entry);
      if (change !== undefined) {
        update = change.context;
        confState = this.node.applyConfChange(change);
      }
      const last = this.history.at(-1) ?? EMPTY_SNAPSHOT;
      const data = new Uint8Array(last.data.length + update.length);
      data.set(last.data);
      data.set(update, last.data.length);
      this.history.push({
        index: entry.index,
        term: entry.term,
        confState: confState ?? last.confState,
        data,
      });
    }
  }
}

/** The hard state that a MsgStorageAppend carries, if any. */
export function hardStateOf(m: Message): HardState | undefined {
  const { term, vote, commit } = m;
  return term === 0 && vote === 0 && commit === 0
    ? undefined
    : { ...EMPTY_HARD_STATE, term, vote, commit };
}
