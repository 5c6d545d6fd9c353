/**
 * How a replica that lacks most of its group's log gets it: as files, and not as appends.
 *
 * Appends come through the leader, one window at a time, and are written to the WAL before they go to
 * segments. A replica that begins empty asks for the leader's state at its applied index S instead,
 * has the log up to S shipped by any replica, and installs both at once; appends go on from S.
 *
 *   U1  the log of a shard is its data: a state is installed only together with the log below it,
 *       or when no replica has a log below it any more (S1)
 *   U2  while a log is on its way the replica takes no appends; its answers stay those of its old log,
 *       so nothing that it has acknowledged is given up before the new log is durable (S1)
 *   U3  the state may come from an older leader than the message that installs it: what was committed once is
 *       in the log of every later leader (S6)
 *
 * Source: reference G.11; etcd#18055 (two snapshots in short time).
 */
import type { Logger } from "@millrace/base";
import { makeMessage, type Message, type Snapshot } from "@millrace/raft-ts";
import type { LogImport } from "@millrace/storage";

import type { LaneConfig } from "./config.ts";
import type { LaneCounters } from "./lane-stats.ts";
import { decodeEnvelope, idsOf } from "./membership.ts";
import type { RaftHost } from "./raft-host.ts";
import {
  SHIP_FAILURES_MAX,
  SHIP_HELD_PART,
  SHIP_KEPT_MS,
  SHIP_PROGRESS_MS,
  SHIP_REST_MS,
} from "./ship-bounds.ts";
import type { Shipment } from "./shipment.ts";
import type { Shipments } from "./shipments.ts";
import type { GroupMember } from "./types.ts";

interface Waiting {
  /** The newest MsgSnap, and who sent it. */
  message: Message;
  nodeId: number;
  /** The latest state that has come, perhaps with an older message. */
  snapshot: Snapshot;
  shipment: Shipment;
  /** All is here: the log, or undefined when there is none to have. */
  ready: { readonly log: LogImport | undefined; readonly sinceMs: number } | undefined;
  toldMs: number;
}

export interface CatchUpsOptions {
  readonly config: LaneConfig;
  readonly counters: LaneCounters;
  readonly logger: Logger;
  readonly shipments: Shipments;
  readonly monotonicMs: () => number;
  /** Replicas of these members that are alive, the leader's last. */
  sourcesOf(host: RaftHost, members: readonly GroupMember[]): readonly GroupMember[];
  /** Tells a leader that the log of its snapshot is still coming. */
  tellProgress(host: RaftHost, nodeId: number, to: number, shipment: Shipment): void;
}

export class CatchUps {
  readonly #options: CatchUpsOptions;
  readonly #waiting = new Map<RaftHost, Waiting>();
  /** Until when a replica takes appends, because its shipment has failed. */
  readonly #resting = new Map<RaftHost, number>();

  constructor(options: CatchUpsOptions) {
    this.#options = options;
  }

  /** A log is on its way for the replica. */
  isWaiting(host: RaftHost): boolean {
    return this.#waiting.has(host);
  }

  /** Steps an append; without its entries when the log shall come as files. */
  append(host: RaftHost, message: Message): void {
    if (!this.#waiting.has(host) && !this.#isFarBehind(host, message)) {
      host.step(message);
      return;
    }
    host.step({ ...message, entries: [] });
    host.act((node) => node.requestSnapshot()); // refused while one is asked for, or no leader is known
  }

  /** Takes a MsgSnap whose data is complete. */
  snapshot(host: RaftHost, nodeId: number, message: Message): void {
    const { snapshot } = message;
    const isOld = message.term < host.node.term;
    if (snapshot === undefined || host.kind !== "shard" || isOld) {
      host.step(message);
      return;
    }
    if (hasIt(host, snapshot)) {
      host.step(asAppend(message, snapshot));
      return;
    }
    const waiting = this.#waiting.get(host) ?? this.#begin(host, nodeId, message, snapshot);
    waiting.message = message;
    waiting.nodeId = nodeId;
    if (waiting.ready !== undefined) {
      this.#install(host, waiting);
    } else if (snapshot.index > waiting.snapshot.index) {
      const isExtended = waiting.shipment.extend(snapshot.index + 1);
      if (isExtended) waiting.snapshot = snapshot;
    }
  }

  /** Once per tick. */
  check(nowMs: number): void {
    for (const [host, untilMs] of this.#resting) {
      if (nowMs >= untilMs) this.#resting.delete(host);
    }
    for (const [host, waiting] of this.#waiting) {
      const { message, nodeId, ready, shipment } = waiting;
      if (ready !== undefined && nowMs - ready.sinceMs > SHIP_KEPT_MS) {
        this.forget(host);
      } else if (nowMs - waiting.toldMs >= SHIP_PROGRESS_MS) {
        waiting.toldMs = nowMs;
        this.#options.tellProgress(host, nodeId, message.from, shipment);
      }
    }
  }

  forget(host: RaftHost): void {
    const waiting = this.#waiting.get(host);
    this.#waiting.delete(host);
    this.#resting.delete(host);
    if (waiting === undefined) return;
    this.#options.shipments.forget(host);
    void waiting.ready?.log?.abort().catch(() => {});
  }

  #isFarBehind(host: RaftHost, { term, commit }: Message): boolean {
    const { node, log, kind } = host;
    if (kind !== "shard" || term < node.term || this.#resting.has(host)) return false;
    const missing = commit - node.lastIndex;
    const held = node.lastIndex - log.firstIndex() + 1;
    return missing >= this.#options.config.shipAboveEntries && held * SHIP_HELD_PART <= missing;
  }

  #begin(host: RaftHost, nodeId: number, message: Message, snapshot: Snapshot): Waiting {
    const { shipments, logger, monotonicMs } = this.#options;
    const { groupId, replicaId } = host;
    logger.info("the log of a group is shipped here", {
      groupId,
      replicaId,
      throughIndex: snapshot.index,
    });
    const waiting: Waiting = {
      message,
      nodeId,
      snapshot,
      ready: undefined,
      toldMs: monotonicMs(),
      shipment: shipments.start({
        host,
        after: undefined,
        failuresMax: SHIP_FAILURES_MAX,
        endIndex: snapshot.index + 1,
        sources: () => this.#options.sourcesOf(host, membersOf(host, waiting.snapshot)),
        done: (log) => {
          waiting.ready = { log, sinceMs: monotonicMs() };
          this.#install(host, waiting);
        },
        failed: (error) => {
          this.#waiting.delete(host);
          this.#resting.set(host, monotonicMs() + SHIP_REST_MS);
          logger.warn("the log of a group could not be shipped", {
            groupId,
            error: error.message,
          });
        },
      }),
    };
    this.#waiting.set(host, waiting);
    return waiting;
  }

  /** U1, U3. Waits for the present leader's snapshot when the newest one is of an older term. */
  #install(host: RaftHost, waiting: Waiting): void {
    const { message, snapshot, ready } = waiting;
    if (message.term < host.node.term || ready === undefined) return;
    this.#waiting.delete(host);
    const isTaken = fits(snapshot, ready.log) && host.install({ ...message, snapshot }, ready.log);
    if (isTaken && ready.log !== undefined) this.#options.counters.logsShipped += 1;
    if (!isTaken) void ready.log?.abort().catch(() => {});
  }
}

/** A log that ends elsewhere is another log, whoever sent it. */
function fits({ index, term }: Snapshot, log: LogImport | undefined): boolean {
  return log === undefined || (log.nextIndex === index + 1 && log.lastTerm === term);
}

/**
 * What a snapshot says to a log that reaches it already. The core would take a snapshot that it has asked
 * for in any case, and give up the log below it (U1).
 */
function asAppend(message: Message, { index, term: logTerm }: Snapshot): Message {
  const { to, from, term } = message;
  return makeMessage({ type: "MsgApp", to, from, term, index, logTerm, commit: index });
}

/** The log here already holds what the snapshot stands for. */
function hasIt(host: RaftHost, { index, term }: Snapshot): boolean {
  return index <= host.node.commitIndex || host.log.term(index) === term;
}

/** Those of the snapshot's configuration, and whoever was heard of here. */
function membersOf(host: RaftHost, { data, confState }: Snapshot): readonly GroupMember[] {
  const ids = idsOf(confState);
  const nodes = new Map(host.membership.known.map((one) => [one.replicaId, one.nodeId]));
  for (const { replicaId, nodeId } of decodeEnvelope(data)?.members ?? []) {
    nodes.set(replicaId, nodeId);
  }
  return [...nodes]
    .filter(([replicaId]) => ids.has(replicaId))
    .map(([replicaId, nodeId]) => ({ replicaId, nodeId }));
}
