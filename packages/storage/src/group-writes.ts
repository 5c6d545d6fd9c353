/**
 * From one group's write to operations in the log, in the order that a crash in the middle can bear:
 * snapshot, hard state, entries, trim.
 */
import type { Counter, Metrics } from "@millrace/base";

import { checkWrite } from "./check-write.ts";
import type { LaneGroup } from "./lane-group.ts";
import { requireShipped } from "./lane-healing.ts";
import type { LaneParts } from "./lane-open.ts";
import type { LaneSegments } from "./lane-segments.ts";
import {
  entriesOperation,
  framePieces,
  hardStateOperation,
  installOperation,
  shipOperation,
  trimOperation,
} from "./operations.ts";
import type { GroupWrite, HardState } from "./types.ts";
import type { WalOperation } from "./wal-writer.ts";

export interface GroupWritesHost {
  readonly parts: LaneParts;
  readonly segments: LaneSegments;
  readonly metrics: Metrics;
  readonly enqueue: (operation: WalOperation) => void;
  /** A state that a file may hold is superseded. */
  statesChanged(): void;
}

export class GroupWrites {
  readonly #host: GroupWritesHost;
  readonly #entries: Counter;
  entriesWritten = 0;

  constructor(host: GroupWritesHost) {
    this.#host = host;
    this.#entries = host.metrics.counter(
      "millrace_storage_entries_written_total",
      "Raft entries submitted to the write-ahead log",
    );
  }

  /** Checks the write, takes it into memory, and queues what makes it durable. */
  enqueue(group: LaneGroup, write: GroupWrite): void {
    checkWrite(group, write);
    const { snapshot, hardState, entries, trim } = write;
    const { enqueue, parts } = this.#host;
    const early = hardStateBefore(group, write);
    if (snapshot === undefined) group.apply(write);
    else enqueue(this.#install(group, { ...write, snapshot }));
    if (early !== undefined) enqueue(hardStateOperation(group, early));
    if (entries !== undefined && entries.length > 0) {
      for (const piece of framePieces(entries)) enqueue(entriesOperation(group, piece));
      this.entriesWritten += entries.length;
      this.#entries.add(entries.length);
      if (hardState !== undefined && early !== hardState) {
        enqueue(hardStateOperation(group, hardState));
      }
    }
    if (trim !== undefined) {
      const term = group.term(trim.throughIndex);
      const throughTerm = typeof term === "number" ? term : trim.snapshot.term;
      const { states } = parts;
      enqueue(trimOperation(group, trim.throughIndex, throughTerm, trim.snapshot, states));
      this.#host.statesChanged();
    }
  }

  /** A snapshot alone, or with the log below it that an import has received. */
  #install(
    group: LaneGroup,
    write: GroupWrite & Required<Pick<GroupWrite, "snapshot">>,
  ): WalOperation {
    const { snapshot, shipped } = write;
    const { segments, parts } = this.#host;
    this.#host.statesChanged();
    if (shipped === undefined) {
      group.apply(write);
      return installOperation(group, snapshot, parts.states);
    }
    const log = requireShipped(group, snapshot, shipped);
    const ids = segments.add(log.extents);
    group.apply(write, log);
    log.take();
    const named = () => parts.registry.noteNamed(ids, []);
    return shipOperation(group, snapshot, log, { ids, named }, parts.states);
  }
}

/**
 * W16: the hard state that goes ahead of the write's entries never commits what they replace. A write may be cut
 * between its frames: the commit index would then vouch for the entries that lost (S2). Called before the
 * write is in memory.
 */
function hardStateBefore(group: LaneGroup, write: GroupWrite): HardState | undefined {
  const { hardState, snapshot, entries } = write;
  const first = entries?.[0]?.index ?? Number.MAX_SAFE_INTEGER;
  const replaces = snapshot === undefined && first <= group.lastIndex();
  if (hardState === undefined || !replaces || hardState.commit < first) return hardState;
  return { ...hardState, commit: first - 1 };
}
