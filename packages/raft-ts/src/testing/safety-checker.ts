/**
 * What must hold in every run, whatever fails.
 *
 *   S1  at most one leader in a term
 *   S2  two nodes never apply different entries at one index, and none is skipped
 *   S3  a leader has every entry that was committed before its term
 *   S4  logs that agree on an entry agree on all before it
 *   S5  a read is answered with an index at or above what was committed when it was asked
 *
 * A violation throws, with what was seen and what was expected.
 */
import type { RaftNode } from "../node.ts";
import type { Entry, ReadState, Snapshot } from "../types.ts";
import { asciiText } from "./ascii.ts";
import type { ModelHost } from "./model-host.ts";

/** Watches a cluster; its memory is that of an outside observer, and survives every crash. */
export class SafetyChecker {
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
    const { node } = host;
    this.#checkTermOnDisk(host);
    if (node.isLeader) this.#checkLeader(node, host);
    this.committed = Math.max(this.committed, node.commitIndex);
  }

  #checkTermOnDisk(host: ModelHost): void {
    const { hardState } = host.storage;
    if (hardState.term > host.node.term) {
      throw new Error(
        `node ${host.id} is in term ${host.node.term}, its disk in ${hardState.term}`,
      );
    }
  }

  #checkLeader(node: RaftNode, host: ModelHost): void {
    const known = this.#leaders.get(node.term);
    if (known === node.id) return;
    if (known !== undefined) {
      throw new Error(`S1: nodes ${known} and ${node.id} both lead term ${node.term}`);
    }
    this.#leaders.set(node.term, node.id);
    if (node.lastIndex < this.committed) {
      throw new Error(
        `S3: leader ${node.id} of term ${node.term} ends at ${node.lastIndex}, ` +
          `committed is ${this.committed}`,
      );
    }
    for (const [index, term] of this.#terms) {
      const own = host.storage.term(index);
      if (typeof own === "number" && own !== term && index <= node.commitIndex) {
        throw new Error(`S3: leader ${node.id} has term ${own} at ${index}, applied was ${term}`);
      }
    }
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
  }

  /** A read is asked for; its name must be new. */
  noteReadAsked(name: string): void {
    this.#reads.set(name, this.committed);
  }

  noteRead(id: number, state: ReadState): void {
    const asked = this.#reads.get(asciiText(state.context));
    if (asked === undefined) throw new Error(`S5: node ${id} answers a read nobody asked`);
    if (state.index < asked) {
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
