/**
 * Reads of old entries from disk for followers that are far behind, a few at a time.
 *
 * A read that fails is tried again after a while: a hole is never skipped. One that fails because the
 * file is damaged has it repaired meanwhile.
 */
import { asStreamError, type Clock } from "@millrace/base";

import type { LaneCounters } from "./lane-stats.ts";
import type { FetchRequest } from "./raft-log-storage.ts";
import type { RaftHost } from "./raft-host.ts";

const RETRY_MS = 1_000;

interface Wanted {
  readonly host: RaftHost;
  readonly request: Parameters<FetchRequest>;
}

export interface FetchesOptions {
  readonly clock: Clock;
  /** Reads that may run at once. */
  readonly concurrent: number;
  readonly counters: LaneCounters;
  readonly damaged: (host: RaftHost) => void;
}

export class Fetches {
  readonly #options: FetchesOptions;
  /** By group and first index, so that a question asked again is not read twice. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #running = new Set<string>();

  constructor(options: FetchesOptions) {
    this.#options = options;
  }

  add(host: RaftHost, request: Parameters<FetchRequest>): void {
    const key = `${host.groupId}/${request[0]}`;
    if (this.#running.has(key) || this.#wanted.has(key)) return;
    this.#wanted.set(key, { host, request });
    this.#start();
  }

  #start(): void {
    for (const [key, wanted] of this.#wanted) {
      if (this.#running.size >= this.#options.concurrent) return;
      this.#wanted.delete(key);
      if (wanted.host.isStopped) continue;
      this.#running.add(key);
      this.#options.counters.fetches += 1;
      void this.#run(key, wanted);
    }
  }

  async #run(key: string, { host, request }: Wanted): Promise<void> {
    try {
      const entries = await host.log.fetchEntries(...request);
      this.#running.delete(key);
      host.fetched(entries);
    } catch (cause) {
      this.#running.delete(key);
      if (asStreamError(cause).code === "corrupt") this.#options.damaged(host);
      this.#options.clock.schedule(RETRY_MS, () => host.retryReads());
    }
    this.#start();
  }
}
