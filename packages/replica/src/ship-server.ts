/**
 * Serves pieces of the log to replicas that lack it.
 *
 * Any replica can serve, so that a new one costs the leader nothing. A shipment must not crowd out the
 * commits of everybody else: few are served at once, the bytes of a second are bounded, and a
 * puller has one piece on its way at a time, so nothing queues up here.
 *
 *   V1  only entries that are applied here are sent: they are committed, and equal everywhere (S2)
 *   V2  at most SHIPMENTS_SERVED_MAX shipments; the next is told `busy`
 *
 * Source: reference G.11.
 */
import { asStreamError, sleep, type Clock } from "@millrace/base";

import type { LaneConfig } from "./config.ts";
import type { ShipReply, ShipRequest } from "./frame.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { Outbox } from "./outbox.ts";
import type { RaftHost } from "./raft-host.ts";
import { SHIPMENTS_SERVED_MAX, SHIP_CHUNK_BYTES_MAX } from "./ship-bounds.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Silence after which a puller loses its place. */
const IDLE_MS = 5_000;
/** Between two attempts to send a piece that the transport had no room for. */
const RESEND_MS = 20;
/** The puller asks again, perhaps elsewhere, after about as long. */
const RESENDS_MAX = 100;

interface Served {
  /** The newest question; an older one that is still being answered is answered for nothing. */
  request: ShipRequest;
  isRunning: boolean;
  touchedMs: number;
}

export interface ShipServerOptions {
  readonly clock: Clock;
  readonly config: LaneConfig;
  readonly counters: LaneCounters;
  readonly outbox: Outbox;
}

type Answer = Omit<ShipReply, "groupId" | "to" | "from" | "requestId">;

const NO_FRAMES = new Uint8Array(0);

export class ShipServer {
  readonly #options: ShipServerOptions;
  readonly #bucket: TokenBucket;
  readonly #served = new Map<string, Served>();

  constructor(options: ShipServerOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.config.shipBytesPerSecond, this.#nowMs());
  }

  /** Shipments that are being served. */
  get running(): number {
    return this.#served.size;
  }

  setRate(bytesPerSecond: number): void {
    this.#bucket.setRate(bytesPerSecond, this.#nowMs());
  }

  /** A question of the replica `request.from` on `nodeId` for entries of `host`. */
  asked(host: RaftHost, nodeId: number, request: ShipRequest): void {
    const key = `${request.groupId}/${request.from}`;
    const served = this.#served.get(key) ?? this.#admit(key, request);
    if (served === undefined) {
      this.#send(nodeId, request, without(host, "busy"));
      return;
    }
    served.request = request;
    served.touchedMs = this.#nowMs();
    if (!served.isRunning) void this.#serve(host, nodeId, key, served);
  }

  /** Frees the places of those who ask no more. */
  check(nowMs: number): void {
    for (const [key, { isRunning, touchedMs }] of this.#served) {
      if (!isRunning && nowMs - touchedMs > IDLE_MS) this.#served.delete(key);
    }
  }

  #admit(key: string, request: ShipRequest): Served | undefined {
    this.check(this.#nowMs());
    if (this.#served.size >= SHIPMENTS_SERVED_MAX) return undefined; // V2
    const served = { request, isRunning: false, touchedMs: this.#nowMs() };
    this.#served.set(key, served);
    return served;
  }

  async #serve(host: RaftHost, nodeId: number, key: string, served: Served): Promise<void> {
    served.isRunning = true;
    let answered: ShipRequest | undefined;
    while (answered !== served.request && !host.isStopped) {
      // eslint-disable-next-line no-await-in-loop -- one piece at a time is the bound
      await this.#untilMaySend();
      answered = served.request;
      // eslint-disable-next-line no-await-in-loop -- as above
      const answer = await this.#answer(host, answered);
      // eslint-disable-next-line no-await-in-loop -- as above
      if (answered === served.request) await this.#deliver(nodeId, answered, answer);
      const isLast = answer.answer !== "chunk" || answer.lastIndex + 1 >= answered.endIndex;
      if (isLast && answered === served.request) this.#served.delete(key);
    }
    served.isRunning = false;
    if (host.isStopped) this.#served.delete(key);
  }

  async #answer(host: RaftHost, request: ShipRequest): Promise<Answer> {
    const { log, appliedIndex } = host;
    const first = log.firstIndex();
    if (first >= request.endIndex) return without(host, "nothing");
    const lo = request.firstIndex === 0 ? first : request.firstIndex;
    if (lo < first) return without(host, "compacted");
    const hi = Math.min(request.endIndex, appliedIndex + 1); // V1
    if (lo >= hi) return without(host, "behind");
    const maxBytes = Math.min(Math.max(1, request.maxBytes), SHIP_CHUNK_BYTES_MAX);
    const position = without(host, "chunk"); // a trim while the entries are read changes it
    try {
      return { ...position, ...(await log.exportEntries(lo, hi, maxBytes)) };
    } catch (cause) {
      const isDamage = asStreamError(cause).code === "corrupt";
      return without(host, isDamage ? "damaged" : "behind");
    }
  }

  async #deliver(nodeId: number, request: ShipRequest, answer: Answer): Promise<void> {
    const bytes = answer.frames.length;
    for (let i = 0; i < RESENDS_MAX; i += 1) {
      if (this.#send(nodeId, request, answer)) {
        this.#bucket.spend(bytes, this.#nowMs());
        this.#options.counters.shipBytesSent += bytes;
        return;
      }
      // eslint-disable-next-line no-await-in-loop -- waits for room in the transport
      await sleep(this.#options.clock, RESEND_MS);
    }
  }

  #send(nodeId: number, { groupId, to, from, requestId }: ShipRequest, answer: Answer): boolean {
    const address = { groupId, to: from, from: to, requestId };
    return this.#options.outbox.shipReply(nodeId, { ...address, ...answer });
  }

  async #untilMaySend(): Promise<void> {
    const waitMs = this.#bucket.waitMs(this.#nowMs());
    if (waitMs > 0) await sleep(this.#options.clock, waitMs);
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

function without({ log }: RaftHost, answer: ShipReply["answer"]): Answer {
  const afterIndex = log.firstIndex() - 1;
  const afterTerm = log.term(afterIndex);
  return {
    answer,
    afterIndex,
    afterTerm: typeof afterTerm === "number" ? afterTerm : 0,
    firstIndex: 0,
    lastIndex: 0,
    frames: NO_FRAMES,
  };
}
