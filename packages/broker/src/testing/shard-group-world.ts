/**
 * A Raft group of one shard without Raft: a committed log, an uncommitted tail, one leader per term.
 *
 * It stands in for the lane in tests that must decide by hand what commits, what a change of leader
 * keeps of the tail, and which replica lags. It keeps Raft's promises (committed entries stay, one
 * leader per term, a leader is ready after an entry of its own term) and gives every freedom
 * that they leave.
 */
import { StreamError } from "@millrace/base";
import type { VirtualClock } from "@millrace/base/testing";
import { readEntryHeader, readEntryMeta } from "@millrace/model";

import type {
  EntriesAnswer,
  Role,
  LocateAnswer,
  LogEntry,
  ShardGroup,
  ShardLog,
} from "../ports.ts";
import type { HostedShard } from "../shard/hosted-shard.ts";

interface Proposal {
  readonly entry: LogEntry;
  readonly done: (error: StreamError | undefined) => void;
}

const NO_DATA = new Uint8Array(0);

export class ShardGroupWorld {
  readonly replicas: WorldReplica[];
  readonly clock: VirtualClock;
  /** Every committed entry ever, by index - 1: the truth that replicas are compared with. */
  readonly committed: LogEntry[] = [];
  /** Proposed by the leader and not committed. */
  tail: Proposal[] = [];
  leader: WorldReplica | undefined;
  term = 0;

  constructor(nodes: number, clock: VirtualClock, host: (group: ShardGroup) => HostedShard) {
    this.clock = clock;
    this.replicas = Array.from({ length: nodes }, (_, index) => new WorldReplica(this, index + 1));
    for (const replica of this.replicas) replica.boot(host);
  }

  /** Makes `replica` lead the next term; of the uncommitted tail the first `kept` entries survive. */
  elect(replica: WorldReplica, kept = 0): void {
    const { tail } = this;
    const before = this.leader;
    this.tail = [];
    this.term++;
    this.leader = replica;
    const type = "EntryNormal";
    for (const { entry } of tail.slice(0, kept)) this.committed.push(entry);
    this.committed.push({ term: this.term, index: this.committed.length + 1, data: NO_DATA, type });
    replica.catchUp();
    for (const other of this.replicas) {
      const role = other === replica ? "leader" : "follower";
      other.hosted.roleChanged({
        role,
        term: this.term,
        leaderNodeId: replica.nodeId,
        ready: other === replica,
      });
    }
    const lost = new StreamError("indeterminate", "leadership was lost");
    for (const { done } of tail) done(lost);
    before?.catchUp();
  }

  /** Commits the first `count` entries of the tail and applies them on the leader. */
  commit(count = this.tail.length): void {
    const proposals = this.tail.splice(0, count);
    for (const { entry } of proposals) this.committed.push(entry);
    this.leader?.catchUp();
    for (const { done } of proposals) done(undefined);
  }

  propose(
    from: WorldReplica,
    data: Uint8Array,
    done: Proposal["done"],
  ): { readonly index: number; readonly term: number } | StreamError {
    if (from !== this.leader) return new StreamError("not-leader", "this node does not lead");
    const index = this.committed.length + this.tail.length + 1;
    this.tail.push({ entry: { term: this.term, index, data, type: "EntryNormal" }, done });
    return { index, term: this.term };
  }
}

export class WorldReplica implements ShardGroup, ShardLog {
  readonly groupId = 7;
  readonly replicaId: number;
  readonly nodeId: number;
  readonly #world: ShardGroupWorld;
  #hosted: HostedShard | undefined;
  #base: { readonly index: number; readonly state: Uint8Array } = { index: 0, state: NO_DATA };
  #applied = 0;
  /** Entries up to here are on disk only. */
  coldIndex = 0;
  /** The next proposals are refused with this. */
  refusal: StreamError | undefined;

  constructor(world: ShardGroupWorld, nodeId: number) {
    this.#world = world;
    this.nodeId = nodeId;
    this.replicaId = 10 + nodeId;
  }

  get hosted(): HostedShard {
    if (this.#hosted === undefined) throw new Error("the replica was not booted");
    return this.#hosted;
  }
  get log(): ShardLog {
    return this;
  }
  get role(): Role {
    return this.#world.leader === this ? "leader" : "follower";
  }
  get term(): number {
    return this.#world.term;
  }
  get leaderNodeId(): number | undefined {
    return this.#world.leader?.nodeId;
  }
  get isReadyLeader(): boolean {
    return this.#world.leader === this;
  }

  /** Starts with an empty memory from the base snapshot, as after a crash. */
  boot(host: (group: ShardGroup) => HostedShard): void {
    this.#hosted = host(this);
    this.#hosted.restore(this.#base.state, this.#base.index);
    this.#applied = this.#base.index;
  }

  /** Loses everything and starts from another replica's trim point, as a far-behind follower does. */
  installFrom(other: WorldReplica, host: (group: ShardGroup) => HostedShard): void {
    this.#base = other.#base;
    this.boot(host);
  }

  /** Applies up to `index` of the committed log. */
  catchUp(index = this.#world.committed.length): void {
    const entries = this.#world.committed.slice(this.#applied, index);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#applied = last.index;
    this.hosted.apply(entries.filter(({ data }) => data.byteLength > 0));
    this.hosted.advanced(last.index);
  }

  propose(
    data: Uint8Array,
    expectedTerm: number | undefined,
    done: (error: StreamError | undefined) => void,
  ): { readonly index: number; readonly term: number } | StreamError {
    if (this.refusal !== undefined) return this.refusal;
    if (expectedTerm !== undefined && expectedTerm !== this.term) {
      return new StreamError("not-leader", "another term");
    }
    return this.#world.propose(this, data, done);
  }

  readIndex(done: (index: number | StreamError) => void): void {
    this.#world.clock.soon(() => {
      if (this.#world.leader !== this) done(new StreamError("unavailable", "no leader"));
      else done(this.#applied);
    });
  }

  trim(throughIndex: number): void {
    this.#base = { index: throughIndex, state: this.hosted.trimSnapshot(throughIndex) };
  }

  firstIndex(): number {
    return this.#base.index + 1;
  }

  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer {
    if (lo < this.firstIndex()) return "compacted";
    if (lo <= this.coldIndex) return "temporarily-unavailable";
    return this.#read(lo, hi, maxBytes);
  }

  async fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]> {
    if (lo < this.firstIndex()) throw new StreamError("not-found", `entry ${lo} was trimmed`);
    return this.#read(lo, hi, maxBytes);
  }

  locateOffset(offset: number): LocateAnswer {
    const index = this.#find((meta) => offset < meta.baseOffset + meta.count);
    return index !== undefined && index <= this.coldIndex ? "temporarily-unavailable" : index;
  }

  async locateOffsetAsync(offset: number): Promise<number | undefined> {
    return this.#find((meta) => offset < meta.baseOffset + meta.count);
  }

  locateTime(arrivalMs: number): LocateAnswer {
    const index = this.#atTime(arrivalMs);
    return index !== undefined && index <= this.coldIndex ? "temporarily-unavailable" : index;
  }

  async locateTimeAsync(arrivalMs: number): Promise<number | undefined> {
    return this.#atTime(arrivalMs);
  }

  /** As the real log: a time before the oldest entry is answered with the oldest entry, of any kind. */
  #atTime(arrivalMs: number): number | undefined {
    const found = this.#find((meta) => meta.arrivalMs >= arrivalMs);
    const meta = { baseOffset: 0, count: 0, arrivalMs: 0 };
    const before = this.#world.committed
      .slice(0, this.#base.index)
      .some(({ data }) => readEntryMeta(data, meta) && meta.arrivalMs >= arrivalMs);
    return before && this.firstIndex() <= this.#applied ? this.firstIndex() : found;
  }

  #read(lo: number, hi: number, maxBytes: number): readonly LogEntry[] {
    const found: LogEntry[] = [];
    let bytes = 0;
    for (const entry of this.#world.committed.slice(lo - 1, hi - 1)) {
      bytes += entry.data.byteLength;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  #find(
    matches: (meta: { baseOffset: number; count: number; arrivalMs: number }) => boolean,
  ): number | undefined {
    const meta = { baseOffset: 0, count: 0, arrivalMs: 0 };
    return this.#world.committed
      .slice(this.#base.index, this.#applied)
      .find(({ data }) => readEntryMeta(data, meta) && matches(meta))?.index;
  }
}

/** Kind and size of what an entry holds, for tests that look at the log. */
export function entryKind(entry: LogEntry): string {
  if (entry.data.byteLength === 0) return "empty";
  const header = readEntryHeader(entry.data);
  return header.kind === "command" ? `command ${header.command}` : `${header.count} records`;
}
