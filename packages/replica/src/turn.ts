/**
 * What the groups of a lane want written in one turn of the event loop, and what waits for it.
 *
 * One turn makes at most one `submit`, so hundreds of groups share one sync. A promise (a vote, an
 * acknowledged entry) leaves only when the batch that holds it is durable: T1. A response that
 * needs no write of its own still waits for the earlier writes of its group: T2.
 */
import type { Message, Snapshot } from "@millrace/raft-ts";
import type { GroupWrite } from "@millrace/storage";

import type { RaftHost } from "./raft-host.ts";

/** What is to happen in one group once a batch is durable. */
export interface Completion {
  readonly host: RaftHost;
  readonly responses: readonly Message[];
  /** A snapshot that the batch installs. */
  readonly snapshot: Snapshot | undefined;
}

/** The writes of one turn. */
export class WriteBatch {
  readonly writes: GroupWrite[] = [];
  readonly completions: Completion[] = [];
  isDurable = false;
}

/** Collects the writes of the turn that is being made. */
export class Turn {
  #batch: WriteBatch | undefined;

  /** Adds a write; what depends on it goes to the batch's completions. */
  write(write: GroupWrite): WriteBatch {
    this.#batch ??= new WriteBatch();
    this.#batch.writes.push(write);
    return this.#batch;
  }

  get hasWrites(): boolean {
    return this.#batch !== undefined;
  }

  take(): WriteBatch | undefined {
    const batch = this.#batch;
    this.#batch = undefined;
    return batch;
  }
}
