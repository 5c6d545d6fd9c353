/**
 * Damaged entries of a log are fetched from another replica, while the replica goes on.
 *
 * What is damaged here is committed and lies unharmed elsewhere, so one bad sector costs a read a
 * moment and not the replica its place in the group. Until the entries are back nobody is shown a log
 * without them: readers are told to come again.
 *
 *   E1  only the entries of the damaged range are replaced, by entries of the same terms (S2)
 *   E2  a leader gives its group away first: it could not send these entries to a follower that lacks them
 *
 * Source: reference G.4.6; NATS nats-server#7549 (a damaged block must not become a hole).
 */
import { asStreamError, type Clock, type Logger, type StreamError } from "@millrace/base";
import type { IndexRange, LaneStorage, LogImport } from "@millrace/storage";

import type { LaneCounters } from "./lane-stats.ts";
import type { RaftHost } from "./raft-host.ts";
import { REPAIR_AGAIN_MS, REPAIR_FAILURES_MAX } from "./ship-bounds.ts";
import type { Shipments } from "./shipments.ts";
import type { GroupMember } from "./types.ts";

export interface RepairsOptions {
  readonly clock: Clock;
  readonly counters: LaneCounters;
  readonly logger: Logger;
  readonly shipments: Shipments;
  readonly storage: LaneStorage;
  sourcesOf(host: RaftHost): readonly GroupMember[];
  /** A replica that leads has damaged entries: somebody else should. */
  giveLeadership(host: RaftHost): void;
  /** False while a log is shipped here as a whole. */
  mayBegin(host: RaftHost): boolean;
}

export class Repairs {
  readonly #options: RepairsOptions;
  /** Replicas whose damage is being looked after; a timer or a shipment goes on with each. */
  readonly #active = new Set<RaftHost>();

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Entries of the replica cannot be read. */
  noticed(host: RaftHost): void {
    if (this.#active.has(host) || host.isStopped) return;
    if (host.log.damagedRanges().length === 0) return;
    this.#active.add(host);
    this.#options.giveLeadership(host); // E2
    this.#begin(host, 0);
  }

  forget(host: RaftHost): void {
    this.#active.delete(host);
  }

  /** Fetches the first damaged range from `fromIndex` on: what nobody has must not keep the rest waiting. */
  #begin(host: RaftHost, fromIndex: number): void {
    if (!this.#active.has(host)) return;
    const ranges = host.log.damagedRanges();
    if (host.isStopped || ranges.length === 0) {
      this.#active.delete(host);
      host.repair = undefined;
      return;
    }
    const range = ranges.find(({ firstIndex }) => firstIndex >= fromIndex);
    const afterIndex = (range?.firstIndex ?? 0) - 1;
    const afterTerm = host.log.term(afterIndex);
    const mayBegin = this.#options.mayBegin(host);
    if (range === undefined || typeof afterTerm !== "number" || !mayBegin) {
      this.#later(host);
      return;
    }
    host.repair ??= "running";
    this.#options.shipments.start({
      host,
      after: { afterIndex, afterTerm },
      endIndex: range.lastIndex + 1,
      failuresMax: REPAIR_FAILURES_MAX,
      sources: () => this.#options.sourcesOf(host),
      done: (log) => void this.#replace(host, range, log),
      failed: (error) => this.#failed(host, range, error),
      cancelled: () => this.#later(host),
    });
  }

  async #replace(host: RaftHost, range: IndexRange, log: LogImport | undefined): Promise<void> {
    const { storage, counters, logger } = this.#options;
    const { groupId } = host;
    try {
      if (log !== undefined) await storage.repair(groupId, range, log);
    } catch (cause) {
      this.#failed(host, range, asStreamError(cause));
      return;
    }
    counters.extentsRepaired += 1;
    logger.info("damaged entries were replaced by those of another replica", {
      groupId,
      ...range,
    });
    host.retryReads();
    this.#begin(host, range.lastIndex + 1);
  }

  #failed(host: RaftHost, range: IndexRange, error: StreamError): void {
    host.repair = "failed";
    this.#options.logger.error("damaged entries could not be fetched from another replica", {
      groupId: host.groupId,
      ...range,
      error: error.message,
    });
    this.#begin(host, range.lastIndex + 1);
  }

  /** All damaged ranges were tried: from the first on again. */
  #later(host: RaftHost): void {
    this.#options.clock.schedule(REPAIR_AGAIN_MS, () => this.#begin(host, 0));
  }
}
