/**
 * One log on its way in, piece by piece, from whichever replica has it.
 *
 * Sources come and go while gigabytes move: a source that refuses, is silent or sends bad bytes is
 * left for the next, and the import goes on where it was. So nothing here depends on a leader, a
 * connection or a single source.
 *
 *   P1  one question is on its way at a time, so at most one piece is in memory
 *   P2  a piece is written only where it follows the last one; its checksums are those of the sender's disk
 *   P3  `failuresMax` failures in a row end the shipment; a source that is busy is no failure
 *
 * Source: reference G.11.
 */
import { asStreamError, sleep, StreamError, type Clock } from "@millrace/base";
import type { ImportStart, LogChunk, LogImport } from "@millrace/storage";

import type { ShipReply, ShipRequest } from "./frame.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { RaftHost } from "./raft-host.ts";
import { SHIP_BACKOFF_MS_MAX, SHIP_BACKOFF_MS_MIN, SHIP_CHUNK_BYTES_MAX } from "./ship-bounds.ts";
import type { GroupMember } from "./types.ts";

/** What is wanted. */
export interface ShipmentInit {
  readonly host: RaftHost;
  /** Where the log shall begin; undefined for where that of the sources begins. */
  readonly after: ImportStart | undefined;
  /** The first entry that is not wanted. */
  readonly endIndex: number;
  /** Failures in a row after which it is given up (P3). */
  readonly failuresMax: number;
  /** Those who may have it, by preference. */
  sources(): readonly GroupMember[];
  /** All is here and durable; undefined when the sources have nothing below `endIndex`. */
  done(log: LogImport | undefined): void;
  failed(error: StreamError): void;
  /** Given up from outside. */
  cancelled?(): void;
}

/** What a shipment needs of the lane. */
export interface ShipmentPorts {
  readonly clock: Clock;
  readonly counters: LaneCounters;
  /** Resolves with the answer; undefined when none came in time or the source is out of reach. */
  ask(nodeId: number, request: Omit<ShipRequest, "requestId">): Promise<ShipReply | undefined>;
  openImport(groupId: number, from: ImportStart): Promise<LogImport>;
}

export class Shipment {
  readonly host: RaftHost;
  readonly #init: ShipmentInit;
  readonly #ports: ShipmentPorts;
  #endIndex: number;
  #log: LogImport | undefined;
  #isOver = false;
  #isFinishing = false;
  #isLeft = false;
  #source: number | undefined;
  #failures = 0;
  #refusals = 0;

  constructor(init: ShipmentInit, ports: ShipmentPorts) {
    this.host = init.host;
    this.#init = init;
    this.#ports = ports;
    this.#endIndex = init.endIndex;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get endIndex(): number {
    return this.#endIndex;
  }

  /** The next entry that is wanted; 0 before the first source has answered. */
  get nextIndex(): number {
    return this.#log?.nextIndex ?? 0;
  }

  /** A later snapshot has come: what is there already counts for it too. False when it is too late for that. */
  extend(endIndex: number): boolean {
    if (this.#isOver || this.#isFinishing) return false;
    this.#endIndex = Math.max(this.#endIndex, endIndex);
    return true;
  }

  /** Gives up what is not over yet, and what came of it. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#init.cancelled?.();
  }

  /** The process ends: what is on disk is for the next one. */
  leave(): void {
    this.#isOver = true;
    this.#isLeft = true;
  }

  async run(): Promise<void> {
    try {
      while (!this.#isOver) {
        // eslint-disable-next-line no-await-in-loop -- P1
        if (await this.#step()) break;
      }
    } catch (cause) {
      this.#fail(asStreamError(cause));
    }
    if (!this.#isLeft) await this.#log?.abort().catch(() => {});
  }

  /** One question and its answer. True when the shipment is over. */
  async #step(): Promise<boolean> {
    const { endIndex } = this;
    const log = this.#log;
    if (log !== undefined && log.nextIndex >= endIndex) return this.#finish(log);
    const source = this.#chooseSource();
    const reply = source === undefined ? undefined : await this.#ask(source);
    if (this.#isOver) return true;
    if (reply === undefined) return this.#refused("no answer", true);
    if (reply.answer === "nothing") return this.#nothing(reply);
    if (reply.answer === "compacted") return this.#startLater(reply);
    if (reply.answer !== "chunk") return this.#refused(reply.answer, reply.answer !== "busy");
    return this.#take(reply);
  }

  #ask({ replicaId, nodeId }: GroupMember): Promise<ShipReply | undefined> {
    const { host, after } = this.#init;
    const firstIndex = this.#log?.nextIndex ?? (after === undefined ? 0 : after.afterIndex + 1);
    return this.#ports.ask(nodeId, {
      groupId: host.groupId,
      to: replicaId,
      from: host.replicaId,
      ask: "entries",
      firstIndex,
      endIndex: this.#endIndex,
      maxBytes: SHIP_CHUNK_BYTES_MAX,
    });
  }

  async #take(reply: ShipReply): Promise<boolean> {
    const bytes = reply.frames.length;
    const log = this.#log ?? (await this.#open(reply));
    if (this.#isOver) return true;
    if (reply.firstIndex !== log.nextIndex) {
      // A resumed import is further than its first question; everything else is a confused source.
      return this.#failures === 0 ? this.#counted() : this.#refused("wrong entries", true);
    }
    try {
      const chunk: LogChunk = reply;
      await log.add(chunk);
    } catch (cause) {
      const error = asStreamError(cause);
      if (error.code !== "corrupt" && error.code !== "invalid-argument") throw error;
      return this.#refused(error.message, true);
    }
    this.#failures = 0;
    this.#refusals = 0;
    this.#ports.counters.shipBytesReceived += bytes;
    return this.#isOver;
  }

  #counted(): boolean {
    this.#failures += 1;
    return false;
  }

  async #open({ firstIndex, afterIndex, afterTerm }: ShipReply): Promise<LogImport> {
    const { host, after } = this.#init;
    const from = after ?? { afterIndex, afterTerm };
    const log = await this.#ports.openImport(host.groupId, from);
    this.#log = log;
    if (log.nextIndex > firstIndex) this.#ports.counters.shipmentsResumed += 1;
    return log;
  }

  /** Retention has dropped what is next: go on with the later beginning, unless that was fixed. */
  async #startLater(reply: ShipReply): Promise<boolean> {
    const { after, host } = this.#init;
    if (after !== undefined) return this.#refused("compacted", true);
    const { afterIndex, afterTerm } = reply;
    await this.#log?.abort();
    this.#log = undefined;
    if (this.#isOver || afterIndex + 1 >= this.#endIndex) return this.#nothing(reply);
    this.#log = await this.#ports.openImport(host.groupId, { afterIndex, afterTerm });
    return this.#counted();
  }

  async #nothing({ answer }: ShipReply): Promise<boolean> {
    if (this.#init.after !== undefined) return this.#refused(answer, true);
    return this.#end(() => this.#init.done(undefined));
  }

  async #finish(log: LogImport): Promise<boolean> {
    const { endIndex } = this;
    if (log.nextIndex > endIndex) {
      // Left by an earlier shipment that went further than this one.
      await log.abort();
      this.#log = undefined;
      return this.#counted();
    }
    this.#isFinishing = true;
    await log.finish();
    if (this.#isOver) return true;
    this.#log = undefined; // it is its taker's from here on
    return this.#end(() => this.#init.done(log));
  }

  #end(tell: () => void): boolean {
    if (!this.#isOver) {
      this.#isOver = true;
      tell();
    }
    return true;
  }

  /** The next source is asked; after a round of them, after a while. */
  async #refused(why: string, isFailure: boolean): Promise<boolean> {
    if (isFailure) this.#failures += 1;
    if (this.#failures >= this.#init.failuresMax) {
      const { host } = this.#init;
      const entries = `entries below ${this.#endIndex} of group ${host.groupId}`;
      throw new StreamError("unavailable", `no replica gives ${entries}: ${why}`);
    }
    this.#refusals += 1;
    const sources = Math.max(1, this.#init.sources().length);
    this.#advanceSource();
    if (this.#refusals % sources !== 0) return false;
    const round = Math.min(this.#refusals / sources - 1, 10);
    const backoffMs = Math.min(SHIP_BACKOFF_MS_MIN * 2 ** round, SHIP_BACKOFF_MS_MAX);
    await sleep(this.#ports.clock, backoffMs);
    return this.#isOver;
  }

  #fail(error: StreamError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ports.counters.shipmentsFailed += 1;
    this.#init.failed(error);
  }

  /** The one that served last, as long as it is among the sources. */
  #chooseSource(): GroupMember | undefined {
    const sources = this.#init.sources();
    const current = sources.find(({ replicaId }) => replicaId === this.#source) ?? sources[0];
    this.#source = current?.replicaId;
    return current;
  }

  #advanceSource(): void {
    const sources = this.#init.sources();
    const at = sources.findIndex(({ replicaId }) => replicaId === this.#source);
    this.#source = sources[(at + 1) % Math.max(1, sources.length)]?.replicaId;
  }
}
