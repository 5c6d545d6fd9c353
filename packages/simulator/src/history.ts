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
  /** Name of the client process; it has at most one operation under way per `lane`. */
  readonly process: string;
  /** The same in an operation's invocation and in its outcome; grows from 0. */
  readonly id: number;
  readonly kind: HistoryKind;
  readonly stream: string;
  readonly shard: number;
  /** StreamError's code, with `fail` and `info`. */
  readonly error?: string;
}

/** One put of one or more records, which are stored together and in order, or not at all. */
export interface PutEvent extends Base {
  readonly op: "put";
  /** `process-counter`: no value is ever submitted twice by a workload. */
  readonly values: readonly string[];
  /** With `ok`: offset of the first of `accepted` records; the rest was refused by a limit. */
  readonly offset?: number;
  readonly accepted?: number;
}

/** One page of a read. */
export interface FetchEvent extends Base {
  readonly op: "fetch";
  /** Offset that was asked for. */
  readonly from: number;
  /** With `ok`: records from `offset` on, without gaps. */
  readonly offset?: number;
  readonly values?: readonly string[];
  /** With `ok`: one past the newest committed record, as the leader said. */
  readonly endOffset?: number;
}

export type HistoryEvent = PutEvent | FetchEvent;

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
