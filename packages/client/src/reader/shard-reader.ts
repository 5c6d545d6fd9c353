/**
 * Pages of one shard from whoever leads it.
 *
 * Reading changes nothing, so every failure that another node or a moment can mend is tried again
 * until the deadline.
 *
 *   Q1  a page whose term is lower than one that this client has seen serve the shard is refused and
 *       asked for again: it comes from a deposed leader, and its end may lie in the past (S5)
 */
import type { Clock, Random } from "@millrace/base";
import { asStreamError, requireWithin, sleep, StreamError } from "@millrace/base";
import type { MetadataView, Shard } from "@millrace/model";
import { READ_BYTES_MAX, READ_RECORDS_MAX } from "@millrace/model";

import type { ClientLimits } from "../options.ts";
import { Backoff } from "../routing/backoff.ts";
import type { LeaderCache, Target } from "../routing/leader-cache.ts";
import type { FetchPage, FetchQuery, LocatedOffset, ShardPosition } from "../types.ts";
import type { ReadPort } from "./read-port.ts";

const WAIT_MS_MAX = 30_000;

export interface ShardReaderDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly view: Pick<MetadataView, "ready" | "shardOfGroup">;
  readonly leaders: LeaderCache;
  readonly port: ReadPort;
  readonly limits: ClientLimits;
}

export class ShardReader {
  readonly #deps: ShardReaderDeps;

  constructor(deps: ShardReaderDeps) {
    this.#deps = deps;
  }

  /**
   * One page from `query.offset` on, empty when nothing came within `query.waitMs`.
   *
   * @param deadlineMs Milliseconds from now, `waitMs` included.
   * @throws StreamError `invalid-argument`, `throttled` (with `limited`), `not-found` (the shard is
   *   gone), `unavailable` (no leader in time), `unauthenticated`, `permission-denied`, `corrupt`.
   */
  async fetch(shard: Shard, query: FetchQuery, deadlineMs: number): Promise<FetchPage> {
    requireWithin("offset", query.offset, 0, Number.MAX_SAFE_INTEGER);
    requireWithin("maxBytes", query.maxBytes, 1, READ_BYTES_MAX);
    requireWithin("maxRecords", query.maxRecords, 1, READ_RECORDS_MAX);
    requireWithin("waitMs", query.waitMs ?? 0, 0, WAIT_MS_MAX);
    const { port, limits, leaders } = this.#deps;
    return this.#retried(shard, deadlineMs, async (target, leftMs) => {
      const waitMs = Math.max(0, Math.min(query.waitMs ?? 0, Math.floor(leftMs) - 1));
      const timeoutMs = Math.min(leftMs, waitMs + limits.attemptTimeoutMs);
      const page = await port.fetch(target, shard.groupId, { ...query, waitMs }, timeoutMs);
      if (leaders.served(shard.groupId, target.nodeId, page.term)) return page;
      leaders.failed(shard.groupId, target.nodeId);
      throw new StreamError(
        "unavailable",
        `node ${target.nodeId} answered in term ${page.term}, but a later term has served`,
      ); // Q1
    });
  }

  /**
   * The offset of a position in the shard, decided by its leader.
   *
   * @param timestampMs Epoch milliseconds, with `AT_TIMESTAMP` alone.
   * @param limited Counts against the shard's limit of iterator calls.
   * @param deadlineMs Milliseconds from now.
   * @throws StreamError as `fetch`.
   */
  async locate(
    shard: Shard,
    position: ShardPosition,
    timestampMs: number | undefined,
    limited: boolean,
    deadlineMs: number,
  ): Promise<LocatedOffset> {
    if (position === "AT_TIMESTAMP" && timestampMs === undefined) {
      throw new StreamError(
        "invalid-argument",
        "timestampMs is missing, but AT_TIMESTAMP needs it",
      );
    }
    const { port, limits } = this.#deps;
    return this.#retried(shard, deadlineMs, (target, leftMs) => {
      const timeoutMs = Math.min(leftMs, limits.attemptTimeoutMs);
      return port.locate(target, shard.groupId, position, timestampMs, limited, timeoutMs);
    });
  }

  async #retried<Answer>(
    shard: Shard,
    deadlineMs: number,
    attempt: (target: Target, leftMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, random, leaders, limits } = this.#deps;
    const backoff = new Backoff(limits, random);
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    let last = new StreamError("unavailable", "no replica has a known address");
    for (;;) {
      const leftMs = endsAtMs - clock.monotonicMs();
      if (leftMs <= 0) throw outOfTime(shard, deadlineMs, last);
      const target = leaders.target(shard);
      let delayMs: number;
      if (target === undefined) {
        delayMs = backoff.wait();
      } else {
        try {
          return await attempt(target, leftMs);
        } catch (error) {
          last = asStreamError(error);
          delayMs = this.#delay(shard, target, last, backoff);
        }
      }
      if (delayMs > 0) await sleep(clock, Math.min(delayMs, endsAtMs - clock.monotonicMs()));
    }
  }

  /** Milliseconds until the next attempt. @throws StreamError what no further attempt can mend. */
  #delay(shard: Shard, target: Target, error: StreamError, backoff: Backoff): number {
    const { leaders } = this.#deps;
    const places = shard.replicas.length + 1;
    this.#requireThere(shard, error);
    switch (error.code) {
      case "not-leader":
        leaders.redirected(shard.groupId, target, error.hint);
        return backoff.move(places);
      case "not-found": // a broker can be behind metadata
        leaders.failed(shard.groupId, target.nodeId);
        return backoff.wait();
      case "unavailable":
      case "indeterminate":
      case "deadline":
      case "cancelled":
      case "stale-epoch":
        leaders.failed(shard.groupId, target.nodeId);
        return backoff.move(places);
      case "overloaded":
        return backoff.wait(error.hint.retryAfterMs);
      default:
        throw error;
    }
  }

  /**
   * Metadata that knows the shard no more is the last word: brokers say only that they do not know it
   * yet, and a reader that believed them would wait for ever.
   *
   * @throws StreamError `not-found`.
   */
  #requireThere({ groupId, shardIndex, streamName }: Shard, cause: StreamError): void {
    const { view } = this.#deps;
    if (!view.ready || view.shardOfGroup(groupId) !== undefined) return;
    const message =
      `shard ${shardIndex} of ${streamName} is gone: its records have expired, ` +
      "or the stream was deleted";
    throw new StreamError("not-found", message, { cause });
  }
}

function outOfTime(shard: Shard, deadlineMs: number, last: StreamError): StreamError {
  const code = last.code === "overloaded" ? "overloaded" : "unavailable";
  return new StreamError(
    code,
    `shard ${shard.shardIndex} of ${shard.streamName} gave no answer within ${deadlineMs} ms: ` +
      last.message,
    { cause: last },
  );
}
