/**
 * A cluster for unit tests, in the synchronous form: every node writes and applies at once, and
 * messages flow until none is left, unless a test takes the wire in its own hands.
 */
import type { RaftConfig } from "../config.ts";
import { confChangeOfEntry } from "../conf-change-codec.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { RaftNode } from "../node.ts";
import type { ConfState, Entry, HardState, Message, MessageType, ReadState } from "../types.ts";
import { EMPTY_CONF_STATE } from "../types.ts";
import { asciiBytes, asciiText } from "./ascii.ts";
import { seededRandom } from "./seeded-random.ts";

export type TestSettings = Partial<Omit<RaftConfig, "id" | "storage">>;

/** What a node starts with. */
export interface TestStart {
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Terms of the entries of its log, from index 1. */
  readonly terms?: readonly number[];
  readonly hardState?: Partial<HardState>;
}

export function confStateOf(
  voters: readonly number[],
  learners: readonly number[] = [],
): ConfState {
  return { ...EMPTY_CONF_STATE, voters, learners };
}

/** An entry with ASCII data. */
export function entryOf(term: number, index: number, data = ""): Entry {
  return { term, index, type: "EntryNormal", data: asciiBytes(data) };
}

/** A node, its disk, and everything it has said. */
export class TestNode {
  readonly storage: MemoryStorage;
  readonly node: RaftNode;
  readonly applied: Entry[] = [];
  readonly readStates: ReadState[] = [];
  readonly mustSyncs: boolean[] = [];

  constructor(id: number, start: TestStart = {}, settings: TestSettings = {}) {
    const { voters = [1, 2, 3], learners = [], terms = [], hardState } = start;
    this.storage = new MemoryStorage(confStateOf(voters, learners));
    this.storage.append(terms.map((term, i) => entryOf(term, i + 1)));
    if (hardState !== undefined) {
      this.storage.setHardState({ term: 0, vote: 0, commit: 0, ...hardState });
    }
    this.node = new RaftNode({
      asyncStorageWrites: false,
      checkQuorum: false,
      preVote: false,
      maxSizePerMsg: Infinity,
      random: seededRandom(id),
      ...settings,
      id,
      storage: this.storage,
    });
  }

  get id(): number {
    return this.node.id;
  }

  /** Does all work there is; returns what goes to other nodes. */
  drain(): Message[] {
    const sent: Message[] = [];
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      this.mustSyncs.push(ready.mustSync);
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
      this.storage.append(ready.entries);
      this.readStates.push(...ready.readStates);
      for (const entry of ready.committedEntries) this.#apply(entry);
      sent.push(...ready.messages);
      this.node.advance(ready);
    }
    return sent;
  }

  #apply(entry: Entry): void {
    this.applied.push(entry);
    const change = confChangeOfEntry(entry);
    if (change !== undefined) this.node.applyConfChange(change);
  }

  /** Steps one message and returns the answers. */
  step(message: Message): Message[] {
    this.node.step(message);
    return this.drain();
  }

  /** `term/data` of every entry on disk. */
  log(): string[] {
    const [first, last] = [this.storage.firstIndex(), this.storage.lastIndex()];
    if (last < first) return [];
    const entries = this.storage.entries(first, last + 1, Infinity);
    if (typeof entries === "string") throw new Error(`the log of node ${this.id} is ${entries}`);
    return entries.map(({ term, data }) => `${term}/${asciiText(data)}`);
  }

  /** Payloads of the normal entries it has applied; those of new leaders are empty. */
  appliedData(): string[] {
    return this.applied
      .filter(({ type, data }) => type === "EntryNormal" && data.length > 0)
      .map(({ data }) => asciiText(data));
  }

  tick(times: number): Message[] {
    const sent: Message[] = [];
    for (let i = 0; i < times; i += 1) {
      this.node.tick();
      sent.push(...this.drain());
    }
    return sent;
  }
}

/** Nodes and a network without delay. */
export class TestCluster {
  readonly nodes: ReadonlyMap<number, TestNode>;
  readonly #cut = new Set<string>();
  readonly #ignored = new Set<MessageType>();

  constructor(nodes: readonly TestNode[]) {
    this.nodes = new Map(nodes.map((one) => [one.id, one]));
  }

  /** Nodes 1 to `size`, all voters. */
  static of(size: number, settings: TestSettings = {}): TestCluster {
    const voters = Array.from({ length: size }, (_, i) => i + 1);
    return new TestCluster(voters.map((id) => new TestNode(id, { voters }, settings)));
  }

  at(id: number): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Delivers messages, and all that come of them, until the network is silent. */
  flow(messages: readonly Message[]): void {
    const waiting = [...messages];
    for (let m = waiting.shift(); m !== undefined; m = waiting.shift()) {
      if (this.#ignored.has(m.type) || this.#cut.has(`${m.from}>${m.to}`)) continue;
      const target = this.nodes.get(m.to);
      if (target !== undefined) waiting.push(...target.step(m));
    }
  }

  campaign(id: number): void {
    this.at(id).node.campaign();
    this.flow(this.at(id).drain());
  }

  propose(id: number, data: string): string | undefined {
    const refused = this.at(id).node.propose(asciiBytes(data));
    this.flow(this.at(id).drain());
    return refused?.code;
  }

  transfer(at: number, to: number): void {
    this.at(at).node.transferLeader(to);
    this.flow(this.at(at).drain());
  }

  readIndex(id: number, name: string): void {
    this.at(id).node.readIndex(asciiBytes(name));
    this.flow(this.at(id).drain());
  }

  /** Every other node's and its own ticks, `times` times, in order of ids. */
  tick(times: number, ids: Iterable<number> = this.nodes.keys()): void {
    const chosen = [...ids];
    for (let i = 0; i < times; i += 1) for (const id of chosen) this.flow(this.at(id).tick(1));
  }

  cut(a: number, b: number): void {
    this.#cut.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  isolate(id: number): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cut(id, other);
  }

  ignore(type: MessageType): void {
    this.#ignored.add(type);
  }

  recover(): void {
    this.#cut.clear();
    this.#ignored.clear();
  }

  /** `state term lead` of every node. */
  states(): string[] {
    return [...this.nodes.values()].map(({ node }) => `${node.state} ${node.term} ${node.lead}`);
  }

  logs(): string[][] {
    return [...this.nodes.values()].map((one) => one.log());
  }
}
