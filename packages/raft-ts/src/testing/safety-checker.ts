/**
 * What must hold in every run, whatever fails.
 *
 *   S1  at most one leader in a term
 *   S2  two nodes never apply different entries at one index, and none is skipped
 *   S3  a leader has every entry that was committed before its term
 *   S4  entries of one index and term are the same, and so is all before them
 *   S5  a read is answered with an index at or above what was committed when it was asked
 *   S6  the term on a disk never falls, and a node votes for one candidate in a term
 *   S7  quorums of successive memberships meet, and all nodes have the same at one index
 *   S8  what a node has committed it never replaces, and its commit index never falls
 *   S9  what a node acknowledges is on its disk
 *   S10 an append is a piece of its leader's log
 *
 * A violation throws, with what was seen and what was expected.
 */
import type { RaftNode } from "../node.ts";
import type { Entry, ReadState, Snapshot } from "../types.ts";
import { asciiText } from "./ascii.ts";
import { LogObserver } from "./log-observer.ts";
import { MembershipObserver } from "./membership-observer.ts";
import type { ModelHost } from "./model-host.ts";
import { PromiseObserver } from "./promise-observer.ts";

/** Watches a cluster; its memory is that of an outside observer, and survives every crash. */
export class SafetyChecker {
  readonly logs = new LogObserver();
  readonly memberships = new MembershipObserver();
  readonly promises = new PromiseObserver();
  readonly #leaders = new Map<number, number>();
  /** Applied entries by index: `term payload`. */
  readonly #history = new Map<number, string>();
  readonly #terms = new Map<number, number>();
  readonly #reads = new Map<string, number>();
  committed = 0;
  readsAnswered = 0;

  get leaders(): number {
    return this.#leaders.size;
  }

  get applied(): number {
    return this.#history.size;
  }

  /** Looks at a node after it has done something. */
  watch(host: ModelHost): void {
    const { node, storage } = host;
    if (storage.hardState.term > node.term) {
      throw new Error(
        `S6: node ${host.id} is in term ${node.term}, its disk in ${storage.hardState.term}`,
      );
    }
    host.noteCommit();
    if (node.isLeader) this.#noteLeader(node);
    this.committed = Math.max(this.committed, node.commitIndex);
  }

  #noteLeader(node: RaftNode): void {
    const known = this.#leaders.get(node.term) ?? node.id;
    if (known !== node.id) {
      throw new Error(`S1: nodes ${known} and ${node.id} both lead term ${node.term}`);
    }
    this.#leaders.set(node.term, node.id);
  }

  noteApplied(id: number, before: number, entry: Entry): void {
    if (entry.index !== before + 1) {
      throw new Error(`S2: node ${id} applies ${entry.index} after ${before}`);
    }
    const text = `${entry.term} ${asciiText(entry.data)}`;
    const known = this.#history.get(entry.index);
    if (known !== undefined && known !== text) {
      throw new Error(`S2: node ${id} applies "${text}" at ${entry.index}, another "${known}"`);
    }
    this.#history.set(entry.index, text);
    this.#terms.set(entry.index, entry.term);
  }

  noteSnapshot(id: number, snapshot: Snapshot): void {
    const term = this.#terms.get(snapshot.index);
    if (term !== undefined && term !== snapshot.term) {
      throw new Error(
        `S2: node ${id} installs a snapshot of term ${snapshot.term} at ${snapshot.index}, ` +
          `applied was ${term}`,
      );
    }
    this.memberships.noteSnapshot(id, snapshot);
  }

  /** A read is asked for; its name must be new. */
  noteReadAsked(name: string): void {
    this.#reads.set(name, this.committed);
  }

  /** @param isExact false for answers from a lease: clocks here jump, so they may be old. */
  noteRead(id: number, state: ReadState, isExact: boolean): void {
    const asked = this.#reads.get(asciiText(state.context));
    if (asked === undefined) throw new Error(`S5: node ${id} answers a read nobody asked`);
    if (isExact && state.index < asked) {
      throw new Error(`S5: node ${id} answers a read with ${state.index}, committed was ${asked}`);
    }
    this.readsAnswered += 1;
  }

  /** Compares the logs on all disks (S4). */
  checkLogs(hosts: readonly ModelHost[]): void {
    for (const a of hosts) for (const b of hosts) if (a.id < b.id) checkPair(a, b);
  }
}

function checkPair(a: ModelHost, b: ModelHost): void {
  const from = Math.max(a.storage.firstIndex(), b.storage.firstIndex());
  let agreed = false;
  for (let i = Math.min(a.storage.lastIndex(), b.storage.lastIndex()); i >= from; i -= 1) {
    const [left, right] = [a.storage.term(i), b.storage.term(i)];
    if (agreed && left !== right) {
      throw new Error(`S4: nodes ${a.id} and ${b.id} have terms ${left} and ${right} at ${i}`);
    }
    if (left === right) agreed = true;
  }
}
