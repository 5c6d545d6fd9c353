/**
 * What a client needs from the process it runs in, and the bounds it keeps.
 *
 * Time, chance and hashing are injected, so that tests run the whole client under a clock of their
 * own; `nodePorts()` gives what a Node process has.
 */
import type { Clock, Logger, Metrics, Random } from "@millrace/base";
import { requireWithin } from "@millrace/base";
import type { Allocate, CallCredentials, Crc32, SigningHashes } from "@millrace/model";

import type { Channels } from "./link/channels.ts";

/** Every queue, wait and retry of the client has its bound here. */
export interface ClientLimits {
  /** Appends of one shard that are sent and not answered; the shard's dedup window is as long. 1..5. @default 5 */
  readonly batchesInFlightMax: number;
  /** Records that wait for one shard are joined up to this size; a single larger put travels alone. @default 1 MiB */
  readonly batchBytesMax: number;
  /** Bytes of one shard's puts, waiting and sent; beyond, puts are refused with `overloaded`. @default 64 MiB */
  readonly laneBytesMax: number;
  /** Puts of one shard, waiting and sent. @default 10,000 */
  readonly lanePutsMax: number;
  /** Requests of one data stream that are not answered. @default 1,024 */
  readonly streamRequestsMax: number;
  /** Bytes of those requests. A single larger request passes when nothing else is unanswered. @default 64 MiB */
  readonly streamBytesMax: number;
  /** A stream is signed again, by opening a new one, at this age; the far end allows 15 minutes. @default 12 min */
  readonly resignAfterMs: number;
  /** An attempt without an answer for so long is tried again elsewhere, with the same sequence. @default 2,000 */
  readonly attemptTimeoutMs: number;
  /** First wait between attempts; doubles up to `backoffMsMax`. @default 20 */
  readonly backoffMsMin: number;
  /** @default 500 */
  readonly backoffMsMax: number;
  /** Calls to the coordinator for barriers that are not answered; later callers wait for a place. @default 8 */
  readonly barriersInFlightMax: number;
  /** Barrier callers that wait. @default 100,000 */
  readonly barrierWaitersMax: number;
  /** How long one connection attempt may take; below `attemptTimeoutMs`, so that "never sent" stays certain. @default 1,000 */
  readonly connectTimeoutMs: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  batchesInFlightMax: 5,
  batchBytesMax: 1024 * 1024,
  laneBytesMax: 64 * 1024 * 1024,
  lanePutsMax: 10_000,
  streamRequestsMax: 1024,
  streamBytesMax: 64 * 1024 * 1024,
  resignAfterMs: 12 * 60_000,
  attemptTimeoutMs: 2000,
  backoffMsMin: 20,
  backoffMsMax: 500,
  barriersInFlightMax: 8,
  barrierWaitersMax: 100_000,
  connectTimeoutMs: 1000,
};

/** Functions and ports that differ between runtimes; `nodePorts()` makes them for Node. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly hashes: SigningHashes;
  readonly crc32: Crc32;
  /** A buffer of its own, contents arbitrary. */
  readonly allocate: Allocate;
}

export interface ClientOptions extends ClientPorts {
  /** `host:port` of the `rpc` port of coordinator nodes; at least one. */
  readonly endpoints: readonly string[];
  readonly credentials: CallCredentials;
  /** `internal` for processes with the cluster secret, `routes` for everybody else. */
  readonly scope: "internal" | "routes";
  /** @default drops everything */
  readonly logger?: Logger;
  /** @default counts nothing */
  readonly metrics?: Metrics;
  /** Test option: the tail lags by so many milliseconds. @default 0 */
  readonly tailDelayMs?: number;
  readonly limits?: Partial<ClientLimits>;
  /** How other processes are reached. @default sockets, by @millrace/rpc */
  readonly channels?: Channels;
}

/** @throws StreamError `invalid-argument` for a bound outside what the far end or memory can take. */
export function clientLimits(given: Partial<ClientLimits> = {}): ClientLimits {
  const limits = { ...CLIENT_LIMITS, ...given };
  requireWithin("limits.batchesInFlightMax", limits.batchesInFlightMax, 1, 5);
  requireWithin("limits.batchBytesMax", limits.batchBytesMax, 1024, 10 * 1024 * 1024);
  requireWithin("limits.streamRequestsMax", limits.streamRequestsMax, 1, 1_000_000);
  requireWithin("limits.resignAfterMs", limits.resignAfterMs, 1, 15 * 60_000);
  requireWithin("limits.attemptTimeoutMs", limits.attemptTimeoutMs, 1, 60_000);
  requireWithin("limits.backoffMsMin", limits.backoffMsMin, 1, limits.backoffMsMax);
  return limits;
}
