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
import { REPAIR_AGAIN_MS } from "./ship-bounds.ts";
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
    this.#begin(host);
  }

  forget(host: RaftHost): void {
    this.#active.delete(host);
  }

  #begin(host: RaftHost): void {
    if (!this.#active.has(host)) return;
    const range = host.log.damagedRanges()[0];
    if (host.isStopped || range === undefined) {
      this.#active.delete(host);
      host.repair = undefined;
      return;
    }
    const afterIndex = range.firstIndex - 1;
    const afterTerm = host.log.term(afterIndex);
    if (typeof afterTerm !== "number" || !this.#options.mayBegin(host)) {
      this.#later(host);
      return;
    }
    host.repair ??= "running";
    this.#options.shipments.start({
      host,
      after: { afterIndex, afterTerm },
      endIndex: range.lastIndex + 1,
      sources: () => this.#options.sourcesOf(host),
      done: (log) => void this.#replace(host, range, log),
      failed: (error) => this.#failed(host, range, error),
    });
  }

  async #replace(host: RaftHost, range: IndexRange, log: LogImport | undefined): Promise<void> {
    const { storage, counters, logger } = this.#options;
    const { groupId } = host;
    try {
      if (log !== undefined) await storage.repair(groupId, range, log);
      counters.extentsRepaired += 1;
      logger.info("damaged entries were replaced by those of another replica", {
        groupId,
        ...range,
      });
    } catch (cause) {
      void log?.abort().catch(() => {});
      this.#failed(host, range, asStreamError(cause));
      return;
    }
    host.retryReads();
    this.#begin(host);
  }

  #failed(host: RaftHost, range: IndexRange, error: StreamError): void {
    host.repair = "failed";
    this.#options.logger.error("damaged entries could not be fetched from another replica", {
      groupId: host.groupId,
      ...range,
      error: error.message,
      retryInMs: REPAIR_AGAIN_MS,
    });
    this.#later(host);
  }

  #later(host: RaftHost): void {
    this.#options.clock.schedule(REPAIR_AGAIN_MS, () => this.#begin(host));
  }
}
