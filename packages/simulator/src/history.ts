/**
 * What the clients of a run asked for and were told, in the order of virtual time.
 *
 * A history is all that a checker of consistency sees: it says nothing of how the cluster works.
 * Each operation is one `invoke` and, unless its client died, one outcome with the same `id`:
 *
 *   ok    done, with what was answered
 *   fail  certainly not done
 *   info  nobody can say: it may have been done, or be done later
 *
 * Source: the form is that of Jepsen's histories (Kingsbury, github.com/jepsen-io/jepsen).
 */
export type HistoryKind = "invoke" | "ok" | "fail" | "info";

interface Base {
  /** Virtual milliseconds. */
  readonly timeMs: number;
  /** Name of one life of a client process: a client that crashed comes back under another. */
  readonly process: string;
  /** The same in an operation's invocation and in its outcome; grows from 0. */
  readonly id: number;
  readonly kind: HistoryKind;
  /** StreamError's code, with `fail` and `info`. */
  readonly error?: string;
}

interface OfShard extends Base {
  /** Stream id: a stream that was made again under its name is another one. */
  readonly stream: string;
  readonly shard: number;
}

/** One put of one or more records, which are stored together and in order, or not at all. */
export interface PutEvent extends OfShard {
  readonly op: "put";
  /** `process-counter`: no value is ever submitted twice by a workload. */
  readonly values: readonly string[];
  /** With `ok`: offset of the first of `accepted` records; the rest was refused by a limit. */
  readonly offset?: number;
  readonly accepted?: number;
  /** The calendar's milliseconds at the invocation: the records arrived then at the earliest. */
  readonly calendarMs?: number;
}

/** One page of a read. */
export interface FetchEvent extends OfShard {
  readonly op: "fetch";
  /** Offset that was asked for. */
  readonly from: number;
  /** `from` is where this process's page before ended. */
  readonly follows: boolean;
  /** With `ok`: records from `offset` on, without gaps. */
  readonly offset?: number;
  readonly values?: readonly string[];
  /** With `ok`: one past the newest committed record, as the leader said. */
  readonly endOffset?: number;
  readonly trimOffset?: number;
  /** With `ok`: what was wrong with the page itself. */
  readonly wrong?: readonly string[];
}

/** A register in cluster metadata: one tag of one stream. */
export interface RegisterEvent extends Base {
  readonly op: "write" | "read";
  /** Of a write always, of a read with `ok`; undefined while it was never written. */
  readonly value?: string | undefined;
}

export type HistoryEvent = PutEvent | FetchEvent | RegisterEvent;

export class History {
  readonly events: HistoryEvent[] = [];
  #nextId = 0;

  nextId(): number {
    return this.#nextId++;
  }

  add(event: HistoryEvent): void {
    this.events.push(event);
  }
}
