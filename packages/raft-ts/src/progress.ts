/**
 * What a leader knows of one follower, and whether it may send to it now.
 *
 *   StateProbe      the follower's log end is a guess: one append per heartbeat interval
 *   StateReplicate  it follows: appends are pipelined, `nextIndex` runs ahead of `matchIndex`
 *   StateSnapshot   it needs a snapshot: no appends until it reports back
 *
 *   P1  matchIndex < nextIndex
 *   P2  matchIndex never falls within one term of the leader
 *   P3  in StateProbe and StateSnapshot nothing is in flight
 *
 * Source: etcd-raft `tracker/progress`, v3.7 (with `sentCommit`).
 */
import { RaftPanic } from "./errors.ts";
import type { Inflights } from "./inflights.ts";

/** How the leader sends to a follower; the head of this module says what each means. */
export type ProgressState = "StateProbe" | "StateReplicate" | "StateSnapshot";

/** A leader's view of one node, itself included. */
export class Progress {
  /** Highest index known to be durable on the follower. */
  matchIndex: number;
  /** First index that the next append will carry. */
  nextIndex: number;
  /** Highest commit index sent; an empty append that cannot raise it is not worth sending. */
  sentCommit = 0;
  /** How it is sent to. */
  state: ProgressState = "StateProbe";
  /** Index of the snapshot on its way; 0 outside StateSnapshot. */
  pendingSnapshot = 0;
  /** Least index of the snapshot that the follower has asked for; 0 is none. */
  requestedSnapshot = 0;
  /** Something arrived from the follower since the last quorum check. */
  recentActive = false;
  /** Appends wait for a heartbeat response or an acknowledgement. */
  msgAppFlowPaused = false;
  /** It receives the log and does not count. */
  isLearner: boolean;
  /** Appends that it has not acknowledged. */
  readonly inflights: Inflights;

  constructor(matchIndex: number, nextIndex: number, isLearner: boolean, inflights: Inflights) {
    this.matchIndex = matchIndex;
    this.nextIndex = nextIndex;
    this.isLearner = isLearner;
    this.inflights = inflights;
  }

  /** Its log end is a guess from now on. */
  becomeProbe(): void {
    // After a snapshot the follower has everything up to it, even if its acknowledgement is lost.
    const known = this.state === "StateSnapshot" ? this.pendingSnapshot : 0;
    this.#enter("StateProbe");
    this.nextIndex = Math.max(this.matchIndex, known) + 1;
    this.#limitSentCommit();
  }

  /** It follows from `matchIndex` on. */
  becomeReplicate(): void {
    this.#enter("StateReplicate");
    this.nextIndex = this.matchIndex + 1;
  }

  /** A snapshot as of `snapshotIndex` was sent to it. */
  becomeSnapshot(snapshotIndex: number): void {
    this.#enter("StateSnapshot");
    this.requestedSnapshot = 0; // this is it
    this.pendingSnapshot = snapshotIndex;
    this.nextIndex = snapshotIndex + 1;
    this.sentCommit = snapshotIndex;
  }

  /** Notes that an append with so many entries and payload bytes was sent. */
  noteAppendSent(entries: number, bytes: number): void {
    switch (this.state) {
      case "StateReplicate":
        if (entries > 0) {
          this.nextIndex += entries; // optimistic: assume it arrives
          this.inflights.add(this.nextIndex - 1, bytes);
        }
        // A message that fills the window is a probe: nothing follows until something comes back.
        this.msgAppFlowPaused = this.inflights.isFull();
        return;
      case "StateProbe":
        if (entries > 0) this.msgAppFlowPaused = true;
        return;
      case "StateSnapshot":
        throw new RaftPanic(`sending append in unhandled state ${this.state}`);
    }
  }

  /** True if telling the follower `commitIndex` may raise what it knows to be committed. */
  canBumpCommit(commitIndex: number): boolean {
    // Beyond nextIndex - 1 a follower cannot commit whatever it is told.
    return commitIndex > this.sentCommit && this.sentCommit < this.nextIndex - 1;
  }

  /** Takes an acknowledgement of everything up to `index`; false if it says nothing new. */
  maybeUpdate(index: number): boolean {
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    this.nextIndex = Math.max(this.nextIndex, index + 1);
    this.msgAppFlowPaused = false;
    return true;
  }

  /**
   * Takes a rejection of an append after `rejected`; `matchHint` is where the logs may agree.
   * False if the rejection is stale, which reordered messages can make it.
   */
  maybeDecrease(rejected: number, matchHint: number): boolean {
    if (this.state === "StateReplicate") {
      if (rejected <= this.matchIndex) return false;
      this.nextIndex = this.matchIndex + 1;
      this.#limitSentCommit();
      return true;
    }
    if (this.nextIndex - 1 !== rejected) return false;
    this.nextIndex = Math.max(Math.min(rejected, matchHint + 1), this.matchIndex + 1);
    this.#limitSentCommit();
    this.msgAppFlowPaused = false;
    return true;
  }

  /** True if no append may be sent to it now. */
  isPaused(): boolean {
    return this.state === "StateSnapshot" || this.msgAppFlowPaused;
  }

  /** A copy for a reader that must not see later changes. */
  clone(inflights: Inflights): Progress {
    const copy = new Progress(this.matchIndex, this.nextIndex, this.isLearner, inflights);
    copy.sentCommit = this.sentCommit;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.requestedSnapshot = this.requestedSnapshot;
    copy.recentActive = this.recentActive;
    copy.msgAppFlowPaused = this.msgAppFlowPaused;
    return copy;
  }

  /** One line, as etcd-raft prints it. */
  toString(): string {
    let text = `${this.state} match=${this.matchIndex} next=${this.nextIndex}`;
    if (this.isLearner) text += " learner";
    if (this.isPaused()) text += " paused";
    if (this.pendingSnapshot > 0) text += ` pendingSnap=${this.pendingSnapshot}`;
    if (!this.recentActive) text += " inactive";
    if (this.inflights.count > 0) {
      text += ` inflight=${this.inflights.count}${this.inflights.isFull() ? "[full]" : ""}`;
    }
    return text;
  }

  #enter(state: ProgressState): void {
    this.msgAppFlowPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  #limitSentCommit(): void {
    this.sentCommit = Math.min(this.sentCommit, this.nextIndex - 1);
  }
}

/** One line per node in ascending order of ids, as the scenario format prints it. */
export function progressMapToString(progress: ReadonlyMap<number, Progress>): string {
  return [...progress]
    .sort(([a], [b]) => a - b)
    .map(([id, one]) => `${id}: ${one.toString()}\n`)
    .join("");
}
