/**
 * A broker's reports to the coordinator: batched per turn, repeated with backoff until one call was
 * answered, and again later while metadata still says otherwise.
 *
 * Reports state facts and are idempotent, so the newest about a group replaces an older one that has
 * not left yet. That a replica is gone is a fact of its own: its successor may be here and have something
 * to say, too. So there are two places per group, which bounds the queue.
 */
import type { Clock, Logger, Random } from "@millrace/base";

import {
  REPORT_AGAIN_MS,
  REPORT_BACKOFF_MS_MAX,
  REPORT_BACKOFF_MS_MIN,
  REPORTS_PER_CALL_MAX,
} from "./bounds.ts";
import type { ReplicaReport } from "./ports.ts";

/** Sends one call; resolves when the coordinator has committed it, rejects when that is not known. */
export type SendReports = (reports: readonly ReplicaReport[]) => Promise<void>;

interface Told {
  readonly report: ReplicaReport;
  readonly atMs: number;
}

export class ReplicaReports {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #send: SendReports;
  readonly #waiting = new Map<string, ReplicaReport>();
  /** Answered reports, so that an unchanged fact is not told with every metadata change. */
  readonly #told = new Map<string, Told>();
  #sending = false;
  #stopped = false;
  #backoffMs = REPORT_BACKOFF_MS_MIN;

  constructor(clock: Clock, random: Random, logger: Logger, send: SendReports) {
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
    this.#send = send;
  }

  /** Queues a report unless the same was answered less than REPORT_AGAIN_MS ago. */
  add(report: ReplicaReport): void {
    if (this.#stopped) return;
    const key = keyOf(report);
    const told = this.#told.get(key);
    const fresh = told !== undefined && this.#clock.monotonicMs() - told.atMs < REPORT_AGAIN_MS;
    if (fresh && same(told.report, report)) return;
    this.#waiting.set(key, report);
    if (this.#sending) return;
    this.#sending = true;
    this.#clock.soon(() => void this.#flush());
  }

  /** Metadata agrees with what was reported of the group's replica here, or the group is gone. */
  settled(groupId: number): void {
    this.#forget(keyOf({ groupId, removed: false }));
  }

  /** Nobody waits any more for word of a replica of the group that has gone. */
  settledRemoved(groupId: number): void {
    this.#forget(keyOf({ groupId, removed: true }));
  }

  #forget(key: string): void {
    this.#waiting.delete(key);
    this.#told.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  async #flush(): Promise<void> {
    const reports = [...this.#waiting.values()].slice(0, REPORTS_PER_CALL_MAX);
    if (reports.length === 0) {
      this.#sending = false;
      return;
    }
    try {
      await this.#send(reports);
      this.#backoffMs = REPORT_BACKOFF_MS_MIN;
      this.#answered(reports);
      this.#clock.soon(() => void this.#flush());
    } catch (error) {
      // Up to half as much again, so that brokers that lost the coordinator together do not return together.
      const retryInMs = this.#backoffMs + this.#random.uniform(this.#backoffMs / 2);
      this.#logger.warn("Replica reports were not answered and will be repeated", {
        count: reports.length,
        retryInMs,
        error: String(error),
      });
      this.#clock.schedule(retryInMs, () => void this.#flush());
      this.#backoffMs = Math.min(this.#backoffMs * 2, REPORT_BACKOFF_MS_MAX);
    }
  }

  #answered(reports: readonly ReplicaReport[]): void {
    const atMs = this.#clock.monotonicMs();
    for (const report of reports) {
      const key = keyOf(report);
      if (this.#waiting.get(key) === report) this.#waiting.delete(key);
      this.#told.set(key, { report, atMs });
    }
  }
}

function keyOf({ groupId, removed }: Pick<ReplicaReport, "groupId" | "removed">): string {
  return removed ? `removed/${groupId}` : `${groupId}`;
}

function same(a: ReplicaReport, b: ReplicaReport): boolean {
  return (
    a.replicaId === b.replicaId &&
    a.state === b.state &&
    a.leading === b.leading &&
    a.removed === b.removed &&
    a.confIndex === b.confIndex &&
    a.sealedEpoch === b.sealedEpoch
  );
}
