/**
 * What each disk was told to keep, and whether a process that starts on it finds that again.
 *
 * The oracle sees replicas agree, and a reader sees what is acknowledged; both notice a log that went
 * back only when a later quorum happens to need what is missing. This looks where it is lost: at each
 * start what is recovered is held against what storage had called durable.
 *
 *   O5 (S7)  term and vote of a replica are those that were durable last, or newer ones on their way
 *   O6 (S1)  entries that were durable, and that nothing has replaced or trimmed since, are in the log
 *   O7 (S13) a replica that was durable is there until it is dropped
 *   O12 (S13) a replica is dropped when metadata has ordered it, by a tombstone or by its retirement
 *
 *   O19 (S1) storage sets no replica aside as damaged while nothing has damaged its disk
 *
 * A replica that is set aside promises nothing from then on, and is not looked at.
 */
import type { GroupLog, GroupWrite, LaneStorage } from "@millrace/storage";

export interface KnownVote {
  readonly term: number;
  readonly vote: number;
}

/** A replica's log as it is durable. */
export class DurableReplica {
  readonly replicaId: number;
  term = 0;
  vote = 0;
  /** Entries up to here are in a snapshot, or trimmed. */
  base = 0;
  /** Terms of the entries behind `base`. */
  #terms: number[] = [];

  constructor(replicaId: number) {
    this.replicaId = replicaId;
  }

  get last(): number {
    return this.base + this.#terms.length;
  }

  /** The newest entry; undefined while its term is not known, right behind a snapshot or a trim. */
  get end(): { readonly index: number; readonly term: number } | undefined {
    const term = this.#terms.at(-1);
    return term === undefined ? undefined : { index: this.last, term };
  }

  /** Undefined for what is not in the log; entries up to `base` count as being of any term. */
  termOf(index: number): number | undefined {
    return this.#terms[index - this.base - 1];
  }

  holds(index: number, term: number): boolean {
    return index <= this.base || this.termOf(index) === term;
  }

  take({ hardState, entries = [], snapshot, trim }: GroupWrite): void {
    if (snapshot !== undefined) this.#startAt(snapshot.index, []);
    if (hardState !== undefined) {
      this.term = hardState.term;
      this.vote = hardState.vote;
    }
    const [first] = entries;
    if (first !== undefined) {
      this.#terms.length = Math.max(0, first.index - this.base - 1);
      for (const { term } of entries) this.#terms.push(term);
    }
    if (trim !== undefined && trim.throughIndex > this.base) {
      this.#startAt(trim.throughIndex, this.#terms.slice(trim.throughIndex - this.base));
    }
  }

  /** What a start has found is what counts from then on. */
  adopt(log: GroupLog): void {
    this.term = log.hardState.term;
    this.vote = log.hardState.vote;
    const terms: number[] = [];
    for (let index = log.firstIndex(); index <= log.lastIndex(); index++) {
      terms.push(Number(log.term(index)));
    }
    this.#startAt(log.firstIndex() - 1, terms);
  }

  #startAt(base: number, terms: number[]): void {
    this.base = base;
    this.#terms = terms;
  }
}

/** One disk, from when it was empty. */
interface Disk {
  readonly replicas: Map<number, DurableReplica>;
  /** Handed to storage and not called durable, in order. */
  pending: GroupWrite[][];
  /** Groups whose end was asked for: it may be on the disk, or not. */
  readonly leaving: Set<number>;
  /** Counts the processes, so that nothing of a dead one is believed. */
  life: number;
}

export interface DiskPromisesDeps {
  readonly broken: (sentence: string) => void;
  /** Whether durable bytes of the node's disk were damaged. */
  readonly isRotten: (nodeId: number) => boolean;
  /**
   * Whether the disk has lost writes that it had called durable. The last of them then looks torn, which a
   * node cannot tell (FORMAT.md): it is for its peers to notice, and for the history to show.
   */
  readonly hasForgotten: (nodeId: number) => boolean;
  /** Term of an entry that any replica has applied, and the newest such index of a group. */
  readonly appliedTerm: (groupId: number, index: number) => number | undefined;
  readonly newestApplied: (groupId: number) => number;
  /** Whether metadata, wherever it is known, has ordered that a node drops its replica. */
  readonly isDropOrdered: (nodeId: number, groupId: number, replicaId: number) => boolean;
}

export class DiskPromises {
  readonly #deps: DiskPromisesDeps;
  readonly #disks = new Map<string, Disk>();
  /** The disk that each node's process has now. */
  readonly #current = new Map<number, Disk>();

  constructor(deps: DiskPromisesDeps) {
    this.#deps = deps;
  }

  /** A process has opened its storage: what has it found, and what is it told from now on? */
  opened(nodeId: number, storage: LaneStorage): void {
    const { incarnation } = storage.identity;
    const disk = this.#disks.get(incarnation) ?? emptyDisk();
    this.#disks.set(incarnation, disk);
    disk.life += 1;
    this.#current.set(nodeId, disk);
    const damaged = this.#damaged(nodeId, storage);
    for (const [groupId, replica] of disk.replicas) {
      const isJudged = !damaged.has(groupId) && !this.#deps.hasForgotten(nodeId);
      if (isJudged) this.#compare(nodeId, disk, replica, groupId, storage);
    }
    disk.pending = [];
    disk.leaving.clear();
    disk.replicas.clear();
    for (const log of storage.groups()) this.#adopt(disk, log);
    this.#listen(nodeId, disk, storage);
  }

  /** The replica of a group on a node, as it is durable there. */
  replica(nodeId: number, groupId: number): DurableReplica | undefined {
    return this.#current.get(nodeId)?.replicas.get(groupId);
  }

  /** The same, by its id. */
  replicaById(groupId: number, replicaId: number): DurableReplica | undefined {
    for (const { replicas } of this.#current.values()) {
      const replica = replicas.get(groupId);
      if (replica?.replicaId === replicaId) return replica;
    }
    return undefined;
  }

  /** Terms and votes that the replica's log may say now; undefined when nothing of it is durable. */
  knownVotes(nodeId: number, groupId: number, replicaId: number): readonly KnownVote[] | undefined {
    const disk = this.#current.get(nodeId);
    const replica = disk?.replicas.get(groupId);
    if (disk === undefined || replica?.replicaId !== replicaId) return undefined;
    const pending = disk.pending.flat().filter(({ group }) => group.groupId === groupId);
    return [replica, ...pending.flatMap(({ hardState }) => hardState ?? [])];
  }

  #damaged(nodeId: number, storage: LaneStorage): ReadonlySet<number> {
    const found = storage.damagedGroups();
    if (!this.#deps.isRotten(nodeId)) {
      for (const { groupId, reason } of found) {
        this.#broken(`O19: node ${nodeId} group ${groupId} is set aside: ${reason}`);
      }
    }
    return new Set(found.map(({ groupId }) => groupId));
  }

  #adopt(disk: Disk, log: GroupLog): void {
    const replica = new DurableReplica(log.replicaId);
    replica.adopt(log);
    disk.replicas.set(log.groupId, replica);
  }

  /** Everything that storage is told goes through here first; nothing of it changes. */
  #listen(nodeId: number, disk: Disk, storage: LaneStorage): void {
    const { life } = disk;
    const submit = storage.submit.bind(storage);
    storage.submit = (writes, onDurable) => {
      const batch = [...writes];
      disk.pending.push(batch);
      submit(writes, () => {
        disk.pending = disk.pending.filter((one) => one !== batch);
        for (const write of batch) this.#take(nodeId, disk, write);
        onDurable();
      });
    };
    const createGroup = storage.createGroup.bind(storage);
    storage.createGroup = async (init) => {
      const log = await createGroup(init);
      if (disk.life === life) disk.replicas.set(init.groupId, new DurableReplica(init.replicaId));
      return log;
    };
    const dropGroup = storage.dropGroup.bind(storage);
    storage.dropGroup = async (groupId) => {
      this.#requireOrder(nodeId, disk, groupId);
      disk.leaving.add(groupId);
      await dropGroup(groupId);
      if (disk.life === life) disk.replicas.delete(groupId);
    };
  }

  #take(nodeId: number, disk: Disk, write: GroupWrite): void {
    const { groupId } = write.group;
    const replica = disk.replicas.get(groupId);
    if (replica === undefined) return;
    const index = Math.min(replica.last, this.#deps.newestApplied(groupId));
    const term = replica.termOf(index);
    replica.take(write);
    if (term === undefined || index <= replica.base || replica.termOf(index) === term) return;
    if (this.#deps.appliedTerm(groupId, index) !== term) return;
    this.#broken(
      `O23: node ${nodeId} has cut entry ${index} of term ${term} from group ${groupId}, ` +
        "which was applied",
    );
  }

  #requireOrder(nodeId: number, disk: Disk, groupId: number): void {
    const replica = disk.replicas.get(groupId);
    if (replica === undefined) return;
    const { replicaId } = replica;
    if (this.#deps.isDropOrdered(nodeId, groupId, replicaId)) return;
    this.#broken(`O12: node ${nodeId} drops replica ${replicaId} of group ${groupId} unasked`);
  }

  #broken(sentence: string): void {
    this.#deps.broken(sentence);
  }

  #compare(
    nodeId: number,
    disk: Disk,
    replica: DurableReplica,
    groupId: number,
    storage: LaneStorage,
  ): void {
    const log = storage.group(groupId);
    const where = `node ${nodeId} group ${groupId}`;
    if (log?.replicaId !== replica.replicaId) {
      const mayBeGone = disk.leaving.has(groupId);
      if (!mayBeGone) this.#broken(`O7: ${where} came back without replica ${replica.replicaId}`);
      return;
    }
    const pending = disk.pending.flat().filter(({ group }) => group.groupId === groupId);
    const { term, vote } = log.hardState;
    const isKnown = [replica, ...pending.map(({ hardState }) => hardState)].some(
      (one) => one !== undefined && one.term === term && one.vote === vote,
    );
    if (!isKnown) {
      this.#broken(
        `O5: ${where} came back with term ${term}, vote ${vote}, ` +
          `after term ${replica.term}, vote ${replica.vote} was durable`,
      );
    }
    const missing = firstMissing(replica, pending, log);
    if (missing !== undefined) {
      this.#broken(
        `O6: ${where} came back without entry ${missing} of term ${replica.termOf(missing)}, ` +
          `with ${log.firstIndex()}..${log.lastIndex()}`,
      );
    }
  }
}

/** The first entry that was durable, that nothing on its way could have replaced, and that is not there. */
function firstMissing(
  replica: DurableReplica,
  pending: readonly GroupWrite[],
  log: GroupLog,
): number | undefined {
  if (pending.some(({ snapshot }) => snapshot !== undefined)) return undefined;
  const replacedFrom = pending.flatMap(({ entries }) => entries?.[0]?.index ?? []);
  const through = Math.min(replica.last, ...replacedFrom.map((index) => index - 1));
  const trimmed = pending.map(({ trim }) => trim?.throughIndex ?? 0);
  const from = Math.max(replica.base, ...trimmed) + 1;
  for (let index = from; index <= through; index++) {
    if (log.term(index) !== replica.termOf(index)) return index;
  }
  return undefined;
}

function emptyDisk(): Disk {
  return { replicas: new Map(), pending: [], leaving: new Set(), life: 0 };
}
