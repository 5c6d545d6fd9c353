/**
 * In which order storage makes things durable, looked at in each write of the log and each change of
 * a name.
 *
 * A log that names what is not on the disk yet does harm only if the power fails between the two, and
 * a log that is freed too early only if it fails right then. Here both are noticed whenever they happen.
 *
 *   O24 (S1)  what a batch of the log names, segments and files with states, is durable, name and bytes
 *   O25 (S1)  a file of the log loses its name when a batch is durable that says it is free
 *   O26 (S1)  then every entry that is durable and not committed has a copy in a later file
 *   O27 (S7)  term and vote in a checkpoint of the log are those that were durable last, or on their way
 *   O28 (S8)  who a node is, and how often it has started, is durable before it takes part in anything
 */
import type { DiskEvent } from "../disk/sim-disk.ts";
import type { DiskPromises } from "./disk-promises.ts";
import { readBatch, type BatchFacts } from "./wal-batch-reader.ts";

/** What the check asks of a disk. */
export interface OrderedDisk {
  /** Whether a power cut now would leave the file under this name with all its bytes. */
  isDurable(path: string): boolean;
}

export interface DiskOrderDeps {
  readonly disks: DiskPromises;
  readonly isRotten: (nodeId: number) => boolean;
  /** Commit index of a group on a node; undefined while no process drives it. */
  readonly commitIndex: (nodeId: number, groupId: number) => number | undefined;
  readonly broken: (sentence: string) => void;
}

const LANE = "/lane";
const WAL_FILE = /^\/lane\/wal\/(\d+)\.wal$/;
/** In front of the batches of a file. */
const HEADER_BYTES = 4096;

/** One disk of a node, from when it was empty. */
interface Log {
  incarnation: string | undefined;
  freeBelow: number;
  /** Files with a batch that is durable: one that was made ready and not used may go. */
  readonly used: Set<number>;
  /** Batches that are being written, by file. */
  readonly underWay: Map<string, BatchFacts>;
  /** By group and index: the newest file with a copy of the entry. */
  readonly newestCopy: Map<number, Map<number, number>>;
}

export class DiskOrder {
  readonly #deps: DiskOrderDeps;
  readonly #logs = new Map<number, Log>();

  constructor(deps: DiskOrderDeps) {
    this.#deps = deps;
  }

  /** A process has opened its storage. @param incarnation Of the disk: another one is empty. */
  opened(nodeId: number, disk: OrderedDisk, incarnation: string): void {
    if (this.#logs.get(nodeId)?.incarnation !== incarnation) this.#logs.delete(nodeId);
    const log = this.#log(nodeId);
    log.incarnation = incarnation;
    // Of what was on its way when the process before ended nobody can say whether it has come.
    for (const { freeBelow } of log.underWay.values()) {
      log.freeBelow = Math.max(log.freeBelow, freeBelow);
    }
    log.underWay.clear();
    for (const path of [`${LANE}/identity`, `${LANE}/identity.copy`]) {
      if (!disk.isDurable(path)) this.#broken(nodeId, `O28: it starts, but ${path} is not durable`);
    }
  }

  /** Each moment of each operation of the node's disk. */
  saw(nodeId: number, disk: OrderedDisk, event: DiskEvent): void {
    const fileSeq = Number(WAL_FILE.exec(event.path)?.[1]);
    if (Number.isNaN(fileSeq)) return;
    const { operation, moment } = event;
    if (operation === "write") this.#wrote(nodeId, disk, event);
    else if ((operation === "rename" || operation === "remove") && moment === "before") {
      this.#freed(nodeId, fileSeq);
    }
  }

  #wrote(
    nodeId: number,
    disk: OrderedDisk,
    { moment, path, position = 0, parts }: DiskEvent,
  ): void {
    const log = this.#log(nodeId);
    if (moment === "pending" && position >= HEADER_BYTES && parts?.[0] !== undefined) {
      const facts = readBatch(parts[0]);
      log.underWay.set(path, facts);
      this.#named(nodeId, disk, facts);
      this.#checkpointed(nodeId, facts);
      noteCopies(log, facts);
    } else if (moment === "after") {
      const facts = log.underWay.get(path);
      if (facts === undefined) return;
      log.freeBelow = Math.max(log.freeBelow, facts.freeBelow);
      log.used.add(facts.fileSeq);
      log.underWay.delete(path);
    }
  }

  #named(nodeId: number, disk: OrderedDisk, { segments, stateFiles, fileSeq }: BatchFacts): void {
    const paths = [
      ...segments.map((id) => `${LANE}/segments/${digits(id)}.seg`),
      ...stateFiles.map((id) => `${LANE}/states/${digits(id)}.state`),
    ];
    for (const path of paths) {
      if (disk.isDurable(path)) continue;
      this.#broken(nodeId, `O24: file ${fileSeq} of the log names ${path}, which is not durable`);
    }
  }

  #checkpointed(nodeId: number, { checkpoints, fileSeq }: BatchFacts): void {
    for (const { groupId, replicaId, term, vote } of checkpoints) {
      const known = this.#deps.disks.knownVotes(nodeId, groupId, replicaId);
      if (known === undefined) continue;
      if (known.some((one) => one.term === term && one.vote === vote)) continue;
      const last = known.map((one) => `${one.term}/${one.vote}`).join(", ");
      this.#broken(
        nodeId,
        `O27: file ${fileSeq} of the log begins with term ${term}, vote ${vote} of group ${groupId}, ` +
          `but term/vote ${last} were written`,
      );
    }
  }

  #freed(nodeId: number, fileSeq: number): void {
    const { freeBelow, used, newestCopy } = this.#log(nodeId);
    if (!used.delete(fileSeq)) return;
    if (fileSeq >= freeBelow) {
      this.#broken(nodeId, `O25: file ${fileSeq} of the log goes, while ${freeBelow} is needed`);
    }
    for (const [groupId, copies] of newestCopy) {
      const replica = this.#deps.disks.replica(nodeId, groupId);
      const commitIndex = this.#deps.commitIndex(nodeId, groupId);
      if (replica === undefined || commitIndex === undefined) continue;
      for (let index = Math.max(commitIndex, replica.base) + 1; index <= replica.last; index++) {
        if ((copies.get(index) ?? Infinity) > fileSeq) continue;
        this.#broken(
          nodeId,
          `O26: file ${fileSeq} of the log goes with the only copy of entry ${index} of group ${groupId}`,
        );
        break;
      }
    }
  }

  #log(nodeId: number): Log {
    let log = this.#logs.get(nodeId);
    if (log === undefined) {
      log = {
        incarnation: undefined,
        freeBelow: 0,
        used: new Set(),
        underWay: new Map(),
        newestCopy: new Map(),
      };
      this.#logs.set(nodeId, log);
    }
    return log;
  }

  /** `sentence` begins with the rule. What a damaged disk leads to is no breach. */
  #broken(nodeId: number, sentence: string): void {
    if (this.#deps.isRotten(nodeId)) return;
    this.#deps.broken(sentence.replace(": ", `: node ${nodeId}: `));
  }
}

function noteCopies({ newestCopy }: Log, { entries, fileSeq }: BatchFacts): void {
  for (const { groupId, first, count } of entries) {
    const copies = newestCopy.get(groupId) ?? new Map<number, number>();
    newestCopy.set(groupId, copies);
    for (let index = first; index < first + count; index++) copies.set(index, fileSeq);
  }
}

function digits(id: number): string {
  return String(id).padStart(10, "0");
}
