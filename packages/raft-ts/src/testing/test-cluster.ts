/**
 * A cluster for unit tests, in the synchronous form: every node writes and applies at once, and
 * messages flow until none is left, unless a test takes the wire in its own hands.
 */
import type { RaftConfig } from "../config.ts";
import { confChangeOfEntry } from "../conf-change-codec.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { makeMessage } from "../message.ts";
import { RaftNode } from "../node.ts";
import type { Ready } from "../ready.ts";
import type {
  ConfState,
  Entry,
  HardState,
  Message,
  MessageType,
  ReadState,
  Snapshot,
} from "../types.ts";
import {
  EMPTY_CONF_STATE,
  EMPTY_HARD_STATE,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
} from "../types.ts";
import { asciiBytes, asciiText } from "./ascii.ts";
import { seededRandom } from "./seeded-random.ts";

/** Messages after which a conversation that does not end is a failure. */
const MESSAGES_MAX = 20_000;

export type TestSettings = Partial<Omit<RaftConfig, "id" | "storage">>;

/** What a node starts with. */
export interface TestStart {
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Terms of the entries of its log, from index 1 or after the snapshot. */
  readonly terms?: readonly number[];
  readonly hardState?: Partial<HardState>;
  /** What its log starts from; the members are then those of the snapshot. */
  readonly snapshot?: Snapshot;
  /** Index up to which its log is compacted. */
  readonly compacted?: number;
  /** The disk of an earlier life, which holds all of the above. */
  readonly storage?: MemoryStorage;
}

/** The disk that a node starts with. */
export function storageOf(start: TestStart): MemoryStorage {
  if (start.storage !== undefined) return start.storage;
  const { voters = [1, 2, 3], learners = [], terms = [], hardState, snapshot, compacted } = start;
  const storage = new MemoryStorage(confStateOf(voters, learners));
  if (snapshot !== undefined) storage.applySnapshot(snapshot);
  const after = snapshot?.index ?? 0;
  storage.append(terms.map((term, i) => entryOf(term, after + i + 1)));
  if (hardState !== undefined) storage.setHardState({ ...EMPTY_HARD_STATE, ...hardState });
  if (compacted !== undefined) storage.compact(compacted);
  return storage;
}

/** What tests assume unless they say otherwise: nothing that production adds for safety. */
export function configOf(id: number, storage: MemoryStorage, settings: TestSettings): RaftConfig {
  return {
    asyncStorageWrites: false,
    checkQuorum: false,
    preVote: false,
    maxSizePerMsg: Infinity,
    random: seededRandom(id),
    ...settings,
    id,
    storage,
  };
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
  /** With asynchronous writes: committed entries wait until `applyHeld`. */
  holdsApply = false;
  #held: Message[] = [];
  readonly #isAsync: boolean;

  constructor(id: number, start: TestStart = {}, settings: TestSettings = {}) {
    this.storage = storageOf(start);
    this.node = new RaftNode(configOf(id, this.storage, settings));
    this.#isAsync = settings.asyncStorageWrites === true;
  }

  /** Node 1, just elected by all voters, none of which holds the first entry of its term yet. */
  static elected(start: TestStart = {}, settings: TestSettings = {}): TestNode {
    const one = new TestNode(1, start, settings);
    one.win();
    return one;
  }

  /** Node 1, elected by all voters, all of which hold its log. */
  static leading(start: TestStart = {}, settings: TestSettings = {}): TestNode {
    const one = TestNode.elected(start, settings);
    for (const id of one.node.confState.voters) {
      if (id !== one.id) one.acknowledge(id, one.node.lastIndex);
    }
    return one;
  }

  get id(): number {
    return this.node.id;
  }

  /** Gets all votes (without pre-vote); returns the first messages of its leadership. */
  win(): Message[] {
    this.node.campaign();
    this.drain();
    const from = this.node.confState.voters.filter((id) => id !== this.id);
    return from.flatMap((id) => this.hear("MsgVoteResp", id));
  }

  /** Steps a message of the node's own term from another node, and returns the answers. */
  hear(type: MessageType, from: number, fields: Partial<Message> = {}): Message[] {
    return this.step(makeMessage({ term: this.node.term, ...fields, type, from, to: this.id }));
  }

  /** Node `from` says that it holds the log up to `index`. */
  acknowledge(from: number, index: number): Message[] {
    return this.hear("MsgAppResp", from, { index });
  }

  /** Proposes, and returns what goes to other nodes. */
  propose(...datas: string[]): Message[] {
    this.node.proposeBatch(datas.map(asciiBytes));
    return this.drain();
  }

  /** What this leader knows of another node. */
  progress(id: number): string | undefined {
    return this.node.status().progress.get(id)?.toString();
  }

  /** Does all work there is; returns what goes to other nodes. */
  drain(): Message[] {
    const sent: Message[] = [];
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      this.mustSyncs.push(ready.mustSync);
      this.readStates.push(...ready.readStates);
      if (this.#isAsync) for (const m of ready.messages) this.#dispatch(m, sent);
      else this.#write(ready, sent);
    }
    return sent;
  }

  /** Applies what has been held back. */
  applyHeld(): Message[] {
    const work = this.#held;
    this.#held = [];
    for (const m of work) {
      for (const entry of m.entries) this.#apply(entry);
      for (const response of m.responses) this.node.step(response);
    }
    return this.drain();
  }

  #write(ready: Ready, sent: Message[]): void {
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
    if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
    this.storage.append(ready.entries);
    for (const entry of ready.committedEntries) this.#apply(entry);
    sent.push(...ready.messages);
    this.node.advance(ready);
  }

  #dispatch(m: Message, sent: Message[]): void {
    if (m.to === LOCAL_APPLY_THREAD) {
      this.#held.push(m);
      if (!this.holdsApply) sent.push(...this.applyHeld());
      return;
    }
    if (m.to !== LOCAL_APPEND_THREAD) {
      sent.push(m);
      return;
    }
    const { term, vote, commit } = m;
    if (term !== 0) this.storage.setHardState({ term, vote, commit });
    if (m.snapshot !== undefined) this.storage.applySnapshot(m.snapshot);
    this.storage.append(m.entries);
    for (const response of m.responses) {
      if (response.to === this.id) this.node.step(response);
      else sent.push(response);
    }
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
  /** False for a message that the network must lose; a test may keep it for later. */
  passes: (m: Message) => boolean = () => true;
  readonly #nodes: Map<number, TestNode>;
  readonly #cut = new Set<string>();
  readonly #ignored = new Set<MessageType>();

  constructor(nodes: readonly TestNode[]) {
    this.#nodes = new Map(nodes.map((one) => [one.id, one]));
  }

  get nodes(): ReadonlyMap<number, TestNode> {
    return this.#nodes;
  }

  /** Stops a node and starts it from its disk, perhaps with other settings. */
  restart(id: number, settings: TestSettings = {}): void {
    this.#nodes.set(id, new TestNode(id, { storage: this.at(id).storage }, settings));
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
    let left = MESSAGES_MAX;
    for (let m = waiting.shift(); m !== undefined; m = waiting.shift()) {
      if ((left -= 1) < 0) throw new Error(`no end after ${MESSAGES_MAX} messages, next ${m.type}`);
      if (this.#ignored.has(m.type) || this.#cut.has(`${m.from}>${m.to}`)) continue;
      if (!this.passes(m)) continue;
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
