/**
 * What a lane does about logs that are missing or damaged: the parts, put together.
 *
 * Replicas that are not to be trusted any more are in `damage.ts`; here is what brings a replica that
 * takes part to a whole log again.
 */
import type { Clock, Logger } from "@millrace/base";
import type { Message } from "@millrace/raft-ts";
import type { LaneStorage } from "@millrace/storage";

import { CatchUps } from "./catch-up.ts";
import type { LaneConfig } from "./config.ts";
import type { ShipReply, ShipRequest } from "./frame.ts";
import { mostCaughtUp } from "./group.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { Outbox } from "./outbox.ts";
import type { RaftHost } from "./raft-host.ts";
import { Repairs } from "./repairs.ts";
import { Shipments } from "./shipments.ts";
import { ShipServer } from "./ship-server.ts";
import type { SnapshotSender } from "./snapshot-sender.ts";
import type { GroupMember } from "./types.ts";

export interface HealingOptions {
  readonly clock: Clock;
  readonly config: LaneConfig;
  readonly counters: LaneCounters;
  readonly logger: Logger;
  readonly nodeId: number;
  readonly outbox: Outbox;
  readonly snapshots: SnapshotSender;
  readonly storage: LaneStorage;
  readonly isNodeLive: (nodeId: number) => boolean;
}

export class Healing {
  readonly #options: HealingOptions;
  readonly #shipments: Shipments;
  readonly #server: ShipServer;
  readonly #catchUps: CatchUps;
  readonly #repairs: Repairs;

  constructor(options: HealingOptions) {
    this.#options = options;
    this.#shipments = new Shipments(options);
    this.#server = new ShipServer(options);
    this.#catchUps = new CatchUps({
      ...options,
      shipments: this.#shipments,
      monotonicMs: () => options.clock.monotonicMs(),
      sourcesOf: (host, members) => this.#sourcesOf(host, members),
      tellProgress: (host, nodeId, to, { nextIndex: firstIndex, endIndex }) => {
        const { groupId, replicaId: from } = host;
        const word = { groupId, to, from, requestId: 0, ask: "progress", maxBytes: 0 } as const;
        options.outbox.shipRequest(nodeId, { ...word, firstIndex, endIndex });
      },
    });
    this.#repairs = new Repairs({
      ...options,
      shipments: this.#shipments,
      sourcesOf: (host) => this.#sourcesOf(host, host.members),
      giveLeadership: (host) => giveLeadership(host),
      mayBegin: (host) => !this.#catchUps.isWaiting(host),
    });
  }

  /** Shipments that are served and received now. */
  get running(): number {
    return this.#server.running + this.#shipments.running;
  }

  setRate(bytesPerSecond: number): void {
    this.#server.setRate(bytesPerSecond);
  }

  /** Steps an append. */
  append(host: RaftHost, message: Message): void {
    this.#catchUps.append(host, message);
  }

  /** Takes a MsgSnap whose data is complete. */
  snapshot(host: RaftHost, nodeId: number, message: Message): void {
    this.#catchUps.snapshot(host, nodeId, message);
  }

  /** Another replica asks `host` for entries, or says that those of its snapshot are coming. */
  asked(host: RaftHost, nodeId: number, request: ShipRequest): void {
    if (host.isStopped) return;
    if (request.ask === "progress") this.#options.snapshots.refresh(host, request.from);
    else this.#server.asked(host, nodeId, request);
  }

  answered(nodeId: number, reply: ShipReply): void {
    this.#shipments.answered(nodeId, reply);
  }

  /** Entries of the replica cannot be read. */
  damaged(host: RaftHost): void {
    this.#repairs.noticed(host);
  }

  forget(host: RaftHost): void {
    this.#catchUps.forget(host);
    this.#repairs.forget(host);
    this.#shipments.forget(host);
  }

  stop(): void {
    this.#shipments.stop();
  }

  /** Once per tick. */
  check(nowMs: number): void {
    this.#server.check(nowMs);
    this.#catchUps.check(nowMs);
  }

  /** The leader has enough to do: it is asked last. */
  #sourcesOf(host: RaftHost, members: readonly GroupMember[]): readonly GroupMember[] {
    const { nodeId: own, isNodeLive } = this.#options;
    const leader = host.node.lead;
    return members
      .filter(({ replicaId, nodeId }) => {
        return replicaId !== host.replicaId && nodeId !== own && isNodeLive(nodeId);
      })
      .sort((a, b) => {
        return Number(a.replicaId === leader) - Number(b.replicaId === leader);
      });
  }
}

function giveLeadership(host: RaftHost): void {
  const target = mostCaughtUp(host);
  if (target !== undefined) host.act((node) => node.transferLeader(target));
}
