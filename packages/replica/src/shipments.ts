/**
 * The shipments that this node receives: a few at a time, the others wait for their turn.
 *
 * A group has one at most, so the queue is as long as there are groups.
 */
import type { Clock } from "@millrace/base";
import type { LaneStorage } from "@millrace/storage";

import type { ShipReply, ShipRequest } from "./frame.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { Outbox } from "./outbox.ts";
import type { RaftHost } from "./raft-host.ts";
import { SHIP_ANSWER_MS, SHIPMENTS_RECEIVED_MAX } from "./ship-bounds.ts";
import { Shipment, type ShipmentInit } from "./shipment.ts";

export interface ShipmentsOptions {
  readonly clock: Clock;
  readonly counters: LaneCounters;
  readonly outbox: Outbox;
  readonly storage: LaneStorage;
}

interface Question {
  readonly nodeId: number;
  readonly answer: (reply: ShipReply | undefined) => void;
}

export class Shipments {
  readonly #options: ShipmentsOptions;
  readonly #waiting = new Map<RaftHost, Shipment>();
  readonly #running = new Map<RaftHost, Shipment>();
  readonly #questions = new Map<number, Question>();
  #nextRequestId = 1;

  constructor(options: ShipmentsOptions) {
    this.#options = options;
  }

  /** Shipments that are being received. */
  get running(): number {
    return this.#running.size;
  }

  /** Begins, in its turn; an earlier one of the group is given up. */
  start(init: ShipmentInit): Shipment {
    const { clock, counters, storage } = this.#options;
    this.forget(init.host);
    const shipment = new Shipment(init, {
      clock,
      counters,
      ask: (nodeId, request) => this.#ask(nodeId, request),
      openImport: (groupId, from) => storage.openImport(groupId, from),
    });
    this.#waiting.set(init.host, shipment);
    clock.soon(() => this.#next());
    return shipment;
  }

  /** Gives up the shipment of a replica that needs it no more. */
  forget(host: RaftHost): void {
    this.#waiting.get(host)?.cancel();
    this.#waiting.delete(host);
    this.#running.get(host)?.cancel();
  }

  /** The process ends. */
  stop(): void {
    this.#waiting.clear();
    for (const shipment of this.#running.values()) shipment.leave();
    for (const { answer } of this.#questions.values()) answer(undefined);
  }

  /** The answer to a question, or to nobody's any more. */
  answered(nodeId: number, reply: ShipReply): void {
    const question = this.#questions.get(reply.requestId);
    if (question?.nodeId !== nodeId) return;
    question.answer(reply);
  }

  #next(): void {
    for (const [host, shipment] of this.#waiting) {
      if (this.#running.size >= SHIPMENTS_RECEIVED_MAX) return;
      if (this.#running.has(host)) continue; // the one before it has yet to notice
      this.#waiting.delete(host);
      this.#running.set(host, shipment);
      void shipment.run().finally(() => {
        this.#running.delete(host);
        this.#next();
      });
    }
  }

  #ask(nodeId: number, request: Omit<ShipRequest, "requestId">): Promise<ShipReply | undefined> {
    const requestId = this.#nextRequestId;
    this.#nextRequestId = (requestId % 0xffff_ffff) + 1;
    return new Promise((resolve) => {
      const answer = (reply: ShipReply | undefined): void => {
        this.#questions.delete(requestId);
        timer.cancel();
        resolve(reply);
      };
      const timer = this.#options.clock.schedule(SHIP_ANSWER_MS, () => answer(undefined));
      this.#questions.set(requestId, { nodeId, answer });
      const isSent = this.#options.outbox.shipRequest(nodeId, { ...request, requestId });
      if (!isSent) answer(undefined);
    });
  }
}
