/**
 * A random host over a lane, and a model of what it may find after a crash: for each group, the state
 * after some prefix of the operations it submitted, and no shorter prefix than was acknowledged.
 */
import { StreamError } from "@millrace/base";
import type { Random } from "@millrace/base";

import { extentRanges } from "../extents.ts";
import type { GroupLog } from "../group-log.ts";
import type { LogImport } from "../healing-types.ts";
import { LaneGroup } from "../lane-group.ts";
import type { LaneStorage } from "../lane-storage.ts";
import { encodeChunk } from "../log-chunk.ts";
import type { GroupWrite, HardState, LogEntry, StateSnapshot } from "../types.ts";
import { CONF, entry, recordData } from "./lane-fixture.ts";

/** Everything that a reader of a group can see. */
export interface GroupView {
  readonly replicaId: number;
  readonly hardState: HardState;
  readonly compactedIndex: number;
  readonly compactedTerm: number;
  readonly base: string;
  readonly entries: readonly string[];
}

const texts = new WeakMap<LogEntry, string>();

function shown(entry: LogEntry): string {
  let text = texts.get(entry);
  if (text === undefined) {
    const { index, term, type, data } = entry;
    const begin = Buffer.from(data.subarray(0, 40)).toString("hex");
    text = `${index}/${term}/${type}/${data.byteLength}/${begin}`;
    texts.set(entry, text);
  }
  return text;
}

const shownState = ({ index, term, state }: StateSnapshot) =>
  `${index}/${term}/${state.byteLength}/${state[0] ?? 0}`;

/** All entries that are kept. */
async function entriesIn(group: GroupLog): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  let next = group.firstIndex();
  while (next <= group.lastIndex()) {
    const some = await group.fetchEntries(next, group.lastIndex() + 1, 1 << 20);
    entries.push(...some);
    next += some.length;
  }
  return entries;
}

/** What the lane answers, in the model's terms. */
function viewOf(group: GroupLog, entries: readonly LogEntry[]): GroupView {
  const compactedIndex = group.firstIndex() - 1;
  return {
    replicaId: group.replicaId,
    hardState: group.hardState,
    compactedIndex,
    compactedTerm: Number(group.term(compactedIndex)),
    base: shownState(group.baseSnapshot()),
    entries: entries.map(shown),
  };
}

class ModelGroup {
  readonly groupId: number;
  readonly replicaId: number;
  log: GroupLog | undefined;
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  compactedIndex = 0;
  compactedTerm = 0;
  base: StateSnapshot = { index: 0, term: 0, confState: CONF, state: Buffer.alloc(0) };
  entries: LogEntry[] = [];
  /** States after each operation so far, oldest first; the first one is known to be durable. */
  states: { readonly operation: number; readonly view: GroupView | undefined }[] = [];

  constructor(groupId: number, replicaId: number) {
    this.groupId = groupId;
    this.replicaId = replicaId;
  }

  get lastIndex(): number {
    return this.compactedIndex + this.entries.length;
  }

  termAt(index: number): number {
    if (index === this.compactedIndex) return this.compactedTerm;
    return this.entries[index - this.compactedIndex - 1]?.term ?? -1;
  }

  view(): GroupView {
    const { replicaId, compactedIndex, compactedTerm } = this;
    const known = Math.min(this.lastIndex, Math.max(this.hardState.commit, this.base.index));
    const commit = Math.max(compactedIndex, known);
    return {
      replicaId,
      hardState: { ...this.hardState, commit },
      compactedIndex,
      compactedTerm,
      base: shownState(this.base),
      entries: this.entries.map(shown),
    };
  }
}

/** What the random host does more or less of; percentages of its turns or of its entries. */
export interface HostHabits {
  /** Entries of 40 kB: the others are up to 300 bytes. */
  readonly largePercent: number;
  /** Hard states that advance the commit index. */
  readonly commitPercent: number;
  readonly groupsMax: number;
  /** @default 1 */
  readonly dropPercent?: number;
  /** @default 4 */
  readonly trimPercent?: number;
  /** Turns in which a log arrives from a peer, or an extent is replaced by the same entries. @default 2 */
  readonly healPercent?: number;
}

const USUAL: HostHabits = { largePercent: 30, commitPercent: 100, groupsMax: 4 };

/** A group as a reopened lane shows it. */
interface FoundGroup {
  readonly log: GroupLog;
  readonly view: GroupView;
  readonly entries: readonly LogEntry[];
}

interface ReceivedLog {
  readonly log: LogImport;
  readonly entries: readonly LogEntry[];
}

/** What a repair does, with the lane's own entries: nobody may see a difference. */
async function replaceAnExtent(lane: LaneStorage, log: GroupLog, random: Random): Promise<void> {
  if (!(log instanceof LaneGroup)) return;
  const ranges = extentRanges(log.extents, log.firstIndex());
  const range = ranges[random.uniform(Math.max(1, ranges.length))];
  if (range === undefined) return;
  const afterIndex = range.firstIndex - 1;
  const from = { afterIndex, afterTerm: Number(log.term(afterIndex)) };
  await (await lane.openImport(log.groupId, from)).abort();
  const copy = await lane.openImport(log.groupId, from);
  while (copy.nextIndex <= range.lastIndex) {
    await copy.add(await log.exportEntries(copy.nextIndex, range.lastIndex + 1, 100_000));
  }
  await lane.repair(log.groupId, range, copy);
}

/**
 * Equal but for a commit index that is known from elsewhere: a checkpoint's applied state is committed, and may be
 * durable before the hard state that says so. It is never above what was submitted.
 */
function isSame(
  allowed: GroupView | undefined,
  actual: GroupView | undefined,
  submittedCommit: number,
): boolean {
  if (allowed === undefined || actual === undefined) return allowed === actual;
  const { commit } = actual.hardState;
  if (
    commit < allowed.hardState.commit ||
    commit > Math.max(allowed.hardState.commit, submittedCommit)
  ) {
    return false;
  }
  const view = { ...allowed, hardState: { ...allowed.hardState, commit } };
  return JSON.stringify(view) === JSON.stringify(actual);
}

export class CrashModel {
  readonly #random: Random;
  readonly #habits: HostHabits;
  readonly #groups = new Map<number, ModelGroup>();
  /** Operations submitted so far; each has a number. */
  #operation = 0;
  /** All operations up to this one are acknowledged. */
  #acknowledged = 0;
  #nextReplicaId = 1;
  lane: LaneStorage | undefined;

  constructor(random: Random, habits: HostHabits = USUAL) {
    this.#random = random;
    this.#habits = habits;
  }

  #chance(percent: number): boolean {
    return this.#random.uniform(100) < percent;
  }

  /** One turn of the host: some writes, and sometimes a group made or dropped. */
  async turn(): Promise<void> {
    const lane = this.lane;
    if (lane === undefined) return;
    const { groupsMax, dropPercent = 1 } = this.#habits;
    if (this.#groups.size === 0 || (this.#groups.size < groupsMax && this.#chance(5))) {
      await this.#create(lane);
    }
    if (this.#groups.size > 1 && this.#chance(dropPercent)) await this.#drop(lane);
    this.#requireLife(lane);
    const writes: GroupWrite[] = [];
    if (this.#chance(this.#habits.healPercent ?? 2)) writes.push(...(await this.#heal(lane)));
    this.#requireLife(lane);
    for (const group of this.#groups.values()) {
      if (group.log !== undefined && this.#chance(60)) writes.push(this.#write(group, group.log));
    }
    const upTo = this.#operation;
    const durable = new Promise<void>((resolve) => {
      lane.submit(writes, () => {
        this.#acknowledged = Math.max(this.#acknowledged, upTo);
        resolve();
      });
    });
    if (this.#chance(30)) await durable;
    this.#requireLife(lane);
  }

  /** What a dead process had begun may end when the model has gone on with the next one. */
  #requireLife(lane: LaneStorage): void {
    if (this.lane !== lane) throw new StreamError("cancelled", "the process of this turn is dead");
  }

  async #create(lane: LaneStorage): Promise<void> {
    const groupId = 1 + this.#random.uniform(this.#habits.groupsMax + 2);
    if (this.#groups.has(groupId)) return;
    const group = new ModelGroup(groupId, this.#nextReplicaId++);
    const operation = ++this.#operation;
    group.states.push({ operation: 0, view: undefined }, { operation, view: group.view() });
    this.#groups.set(groupId, group);
    const { replicaId } = group;
    group.log = await lane.createGroup({ groupId, replicaId, confState: CONF, kind: 2 });
    this.#acknowledged = Math.max(this.#acknowledged, operation);
    this.#provide(group);
  }

  async #drop(lane: LaneStorage): Promise<void> {
    const group = [...this.#groups.values()].find(({ log }) => log !== undefined);
    if (group === undefined) return;
    const operation = ++this.#operation;
    group.states.push({ operation, view: undefined });
    group.log = undefined;
    await lane.dropGroup(group.groupId);
    this.#acknowledged = Math.max(this.#acknowledged, operation);
    this.#groups.delete(group.groupId);
  }

  /** The state machine is applied up to the commit index and its state is as large as it likes. */
  #provide(group: ModelGroup): void {
    group.log?.setStateProvider(() => {
      const index = Math.max(group.base.index, Math.min(group.hardState.commit, group.lastIndex));
      const state = Buffer.alloc(index % 3 === 0 ? 9000 : 100, index & 0xff);
      return { index, term: group.termAt(index), confState: CONF, state };
    });
  }

  #write(group: ModelGroup, log: GroupLog): GroupWrite {
    const parts: { -readonly [Field in keyof GroupWrite]: GroupWrite[Field] } = { group: log };
    if (this.#chance(2)) parts.snapshot = this.#install(group);
    if (this.#chance(50) || parts.snapshot !== undefined) parts.hardState = this.#hardState(group);
    if (this.#chance(80)) parts.entries = this.#append(group);
    if (this.#chance(this.#habits.trimPercent ?? 4)) parts.trim = this.#trim(group);
    log.committed(group.hardState.commit);
    return parts;
  }

  /** Nothing else is written meanwhile, so the model stands where the lane does. */
  async #heal(lane: LaneStorage): Promise<readonly GroupWrite[]> {
    const groups = [...this.#groups.values()];
    const group = groups[this.#random.uniform(groups.length)];
    if (group?.log === undefined) return [];
    if (this.#chance(50)) {
      await replaceAnExtent(lane, group.log, this.#random);
      return [];
    }
    const shipped = await this.#receive(lane, group);
    this.#requireLife(lane);
    return shipped === undefined ? [] : [this.#ship(group, group.log, shipped)];
  }

  /** Entries behind any committed one, as a leader has them: what is committed here is the same there. */
  async #receive(lane: LaneStorage, group: ModelGroup): Promise<ReceivedLog | undefined> {
    const { compactedIndex, groupId } = group;
    const commit = Math.max(compactedIndex, group.base.index, group.hardState.commit);
    const committed = Math.min(commit, group.lastIndex);
    const afterIndex = compactedIndex + this.#random.uniform(committed - compactedIndex + 1);
    const term = Math.max(1, group.hardState.term);
    const entries = group.entries.slice(afterIndex - compactedIndex, committed - compactedIndex);
    const added = 1 + this.#random.uniform(6);
    for (let index = committed + 1; index <= committed + added; index++) {
      const salt = this.#random.uniform(256);
      entries.push(entry(index, term, recordData(index, 1, index * 7, 300, salt)));
    }
    const from = { afterIndex, afterTerm: group.termAt(afterIndex) };
    // What an earlier run left may hold entries that the model has since thought better of.
    await (await lane.openImport(groupId, from)).abort();
    const log = await lane.openImport(groupId, from);
    for (let at = 0; at < entries.length; at += 5)
      await log.add(encodeChunk(entries.slice(at, at + 5)));
    if (this.#chance(25)) {
      await log.abort();
      return undefined;
    }
    await log.finish();
    return { log, entries };
  }

  #ship(group: ModelGroup, log: GroupLog, received: ReceivedLog): GroupWrite {
    const { afterIndex, afterTerm } = received.log;
    const last = received.entries.at(-1);
    const index = last?.index ?? 0;
    const term = last?.term ?? 0;
    const state = Buffer.alloc(this.#chance(50) ? 6000 : 30, index & 0xff);
    group.base = { index, term, confState: CONF, state };
    group.compactedIndex = afterIndex;
    group.compactedTerm = afterTerm;
    group.entries = [...received.entries];
    this.#note(group);
    return { group: log, snapshot: group.base, shipped: received.log };
  }

  #install(group: ModelGroup): StateSnapshot {
    const index = group.lastIndex + 1 + this.#random.uniform(50);
    const term = Math.max(1, group.hardState.term);
    const state = Buffer.alloc(this.#chance(50) ? 6000 : 30, index & 0xff);
    group.base = { index, term, confState: CONF, state };
    group.compactedIndex = index;
    group.compactedTerm = term;
    group.entries = [];
    this.#note(group);
    return group.base;
  }

  #hardState(group: ModelGroup): HardState {
    const { term, vote, commit } = group.hardState;
    const next = this.#chance(20)
      ? { term: term + 1, vote: this.#random.uniform(4) }
      : { term, vote: vote === 0 ? this.#random.uniform(4) : vote };
    const room = this.#chance(this.#habits.commitPercent)
      ? Math.max(0, group.lastIndex - commit)
      : 0;
    group.hardState = {
      ...next,
      commit: Math.max(group.compactedIndex, commit + this.#random.uniform(room + 1)),
    };
    this.#note(group);
    return group.hardState;
  }

  #append(group: ModelGroup): readonly LogEntry[] {
    const floor = Math.max(group.hardState.commit, group.compactedIndex, group.base.index);
    const back = this.#chance(15) ? this.#random.uniform(4) : 0;
    const first = Math.max(floor + 1, group.lastIndex + 1 - back);
    const term = Math.max(1, group.hardState.term);
    const made: LogEntry[] = [];
    const count = 1 + this.#random.uniform(4);
    for (let index = first; index < first + count; index++) {
      const bytes = this.#chance(this.#habits.largePercent) ? 40_000 : this.#random.uniform(300);
      const salt = this.#random.uniform(256);
      const data =
        bytes < 24 ? Buffer.alloc(bytes, salt) : recordData(index, 1, index * 7, bytes, salt);
      made.push(entry(index, term, data));
    }
    group.entries = [...group.entries.slice(0, first - group.compactedIndex - 1), ...made];
    this.#note(group);
    return made;
  }

  #trim(group: ModelGroup): { throughIndex: number; snapshot: StateSnapshot } {
    const { commit } = group.hardState;
    const span = Math.max(0, Math.min(commit, group.lastIndex) - group.compactedIndex);
    const throughIndex = group.compactedIndex + this.#random.uniform(span + 1);
    const term = group.termAt(throughIndex);
    const state = Buffer.alloc(this.#chance(50) ? 5000 : 20, throughIndex & 0xff);
    const index = Math.max(throughIndex, Math.min(group.base.index, group.lastIndex));
    const snapshot = { index, term: group.termAt(index), confState: CONF, state };
    group.entries = group.entries.slice(throughIndex - group.compactedIndex);
    group.compactedIndex = throughIndex;
    group.compactedTerm = term;
    group.base = snapshot;
    this.#note(group);
    return { throughIndex, snapshot };
  }

  #note(group: ModelGroup): void {
    group.states.push({ operation: ++this.#operation, view: group.view() });
  }

  /** States that the disk may hold now. */
  #allowed(group: ModelGroup): readonly (GroupView | undefined)[] {
    const durable = group.states.findLastIndex(({ operation }) => operation <= this.#acknowledged);
    return group.states.slice(Math.max(0, durable)).map(({ view }) => view);
  }

  /** Reads everything back. Changes nothing here, so a crash may interrupt it. */
  async inspect(lane: LaneStorage): Promise<ReadonlyMap<number, FoundGroup>> {
    const found = new Map<number, FoundGroup>();
    for (const log of lane.groups()) {
      const entries = await entriesIn(log);
      found.set(log.groupId, { log, entries, view: viewOf(log, entries) });
    }
    return found;
  }

  /** Compares a reopened lane with what may be there, and goes on from what is. */
  adopt(lane: LaneStorage, inspected: ReadonlyMap<number, FoundGroup>): readonly string[] {
    const wrong: string[] = [];
    this.lane = lane;
    const found = new Map(inspected);
    for (const group of this.#groups.values()) {
      const actual = found.get(group.groupId);
      found.delete(group.groupId);
      const allowed = this.#allowed(group);
      if (!allowed.some((view) => isSame(view, actual?.view, group.hardState.commit))) {
        const text = JSON.stringify(actual?.view);
        wrong.push(`group ${group.groupId}: ${text}\n  is none of ${JSON.stringify(allowed)}`);
      }
      if (actual === undefined) this.#groups.delete(group.groupId);
      else this.#restart(group, actual);
    }
    for (const groupId of found.keys())
      wrong.push(`group ${groupId} was never made, or was dropped`);
    this.#acknowledged = this.#operation;
    return wrong;
  }

  #restart(group: ModelGroup, { log, entries }: FoundGroup): void {
    group.log = log;
    group.hardState = log.hardState;
    group.compactedIndex = log.firstIndex() - 1;
    group.compactedTerm = Number(log.term(group.compactedIndex));
    group.base = log.baseSnapshot();
    group.entries = [...entries];
    group.states = [{ operation: this.#operation, view: group.view() }];
    this.#provide(group);
  }
}
