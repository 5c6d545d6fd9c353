/**
 * The log as readers of a group see it: while damaged entries are fetched from another replica, a
 * reader that needs them is told to come again, and not that its stream is lost.
 */
import { asStreamError, StreamError } from "@millrace/base";
import type {
  EntriesAnswer,
  GroupLog,
  IndexRange,
  LocateAnswer,
  LogChunk,
  LogEntry,
  StateSnapshot,
  TermAnswer,
} from "@millrace/storage";

import type { RaftHost } from "./raft-host.ts";

/** Milliseconds after which a repaired entry may be there. */
const RETRY_AFTER_MS = 500;

export class ReadableLog implements GroupLog {
  readonly #host: RaftHost;
  readonly #log: GroupLog;

  constructor(host: RaftHost) {
    this.#host = host;
    this.#log = host.log;
  }

  get groupId(): number {
    return this.#log.groupId;
  }

  get replicaId(): number {
    return this.#log.replicaId;
  }

  get kind(): number {
    return this.#log.kind;
  }

  get description(): Uint8Array {
    return this.#log.description;
  }

  get hardState(): GroupLog["hardState"] {
    return this.#log.hardState;
  }

  get confState(): GroupLog["confState"] {
    return this.#log.confState;
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  term(index: number): TermAnswer {
    return this.#log.term(index);
  }

  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer {
    return this.#log.entries(lo, hi, maxBytes);
  }

  fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]> {
    return this.#read(this.#log.fetchEntries(lo, hi, maxBytes));
  }

  baseSnapshot(): StateSnapshot {
    return this.#log.baseSnapshot();
  }

  recoveredState(): StateSnapshot {
    return this.#log.recoveredState();
  }

  setStateProvider(provide: () => StateSnapshot): void {
    this.#log.setStateProvider(provide);
  }

  committed(index: number): void {
    this.#log.committed(index);
  }

  locateOffset(offset: number): LocateAnswer {
    return this.#log.locateOffset(offset);
  }

  locateOffsetAsync(offset: number): Promise<number | undefined> {
    return this.#read(this.#log.locateOffsetAsync(offset));
  }

  locateTime(arrivalMs: number): LocateAnswer {
    return this.#log.locateTime(arrivalMs);
  }

  locateTimeAsync(arrivalMs: number): Promise<number | undefined> {
    return this.#read(this.#log.locateTimeAsync(arrivalMs));
  }

  exportEntries(lo: number, hi: number, maxBytes: number): Promise<LogChunk> {
    return this.#read(this.#log.exportEntries(lo, hi, maxBytes));
  }

  damagedRanges(): readonly IndexRange[] {
    return this.#log.damagedRanges();
  }

  async #read<T>(read: Promise<T>): Promise<T> {
    try {
      return await read;
    } catch (cause) {
      const error = asStreamError(cause);
      throw error.code === "corrupt" ? this.#inRepair(error) : error;
    }
  }

  #inRepair(cause: StreamError): StreamError {
    const { groupId, members, repair } = this.#host;
    const others = members.length - 1;
    if (others === 0) {
      const what = `no other replica of group ${groupId} has what is damaged here`;
      return new StreamError("corrupt", `${what}: ${cause.message}`, { cause });
    }
    const how =
      repair === "failed"
        ? `none of the ${others} other replicas has given them yet`
        : `one of the ${others} other replicas is asked for them`;
    return new StreamError(
      "unavailable",
      `entries of group ${groupId} are damaged here, ${how}: ${cause.message}`,
      { cause, hint: { retryAfterMs: RETRY_AFTER_MS } },
    );
  }
}
