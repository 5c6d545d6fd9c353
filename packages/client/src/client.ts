/**
 * A client of one cluster: its own copy of metadata, and the ways to its shards.
 *
 * Gateway, delivery and command line all go through here, so that there is one place that knows how to
 * find a leader, when a retry is safe, and what an outcome means.
 */
import { NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { MetadataView, signCall } from "@millrace/model";
import { MetadataService, NodeService } from "@millrace/proto";

import { AdminClient } from "./admin/admin-client.ts";
import { RPC_CHANNELS } from "./link/channels.ts";
import { ControlLinks } from "./link/control-links.ts";
import { CoordinatorCalls } from "./link/coordinator-calls.ts";
import { DataLinks } from "./link/data-links.ts";
import { Barrier } from "./metadata/barrier.ts";
import { MetadataFollower } from "./metadata/metadata-follower.ts";
import { ViewWaiter } from "./metadata/view-waiter.ts";
import type { ClientOptions, ClientPorts } from "./options.ts";
import { clientLimits } from "./options.ts";
import { ShardProducer } from "./producer/shard-producer.ts";
import type { ReadPort } from "./reader/read-port.ts";
import { ShardReader } from "./reader/shard-reader.ts";
import { LeaderCache } from "./routing/leader-cache.ts";

const READY_DEADLINE_MS = 10_000;
const BARRIER_DEADLINE_MS = 5000;

export class MillraceClient {
  /** This process's copy of cluster metadata. Says nothing before `ready`. */
  readonly view = new MetadataView();
  readonly admin: AdminClient;
  readonly producer: ShardProducer;
  readonly reader: ShardReader;
  /** What the client was made with; the classes on top of it share it. */
  readonly ports: ClientPorts;
  readonly #follower: MetadataFollower;
  readonly #waiter: ViewWaiter;
  readonly #barrier: Barrier;
  readonly #control: ControlLinks;
  readonly #calls: CoordinatorCalls;
  readonly #data: DataLinks;
  #closed = false;

  /** Starts to follow metadata at once; connections to brokers are made when first needed. */
  constructor(options: ClientOptions) {
    const { endpoints, clock, hashes, credentials } = options;
    if (endpoints.length === 0) {
      throw new StreamError("invalid-argument", "endpoints is empty, but must name a coordinator");
    }
    const limits = clientLimits(options.limits);
    const sign = (path: string, address: string) =>
      signCall(hashes, credentials, path, address, clock.nowMs());
    const { view } = this;
    const { logger = SILENT_LOGGER, metrics = NO_METRICS, channels = RPC_CHANNELS } = options;
    const shared = { ...options, logger, metrics, channels, limits, view, sign };
    this.ports = options;
    const leaders = new LeaderCache(view);
    const control = new ControlLinks(sign, channels);
    const data = new DataLinks(shared);
    const waiter = new ViewWaiter(view, clock);
    const calls = new CoordinatorCalls({ ...shared, unary: control });
    this.#control = control;
    this.#calls = calls;
    this.#data = data;
    this.#waiter = waiter;
    this.#follower = new MetadataFollower({ ...shared, delayMs: options.tailDelayMs ?? 0 });
    this.#barrier = new Barrier({ clock, limits, waiter, readIndex: barrierIndex(calls) });
    this.admin = new AdminClient({ clock, calls, unary: control, waiter });
    this.producer = new ShardProducer({ ...shared, leaders, port: data });
    this.reader = new ShardReader({ ...shared, leaders, port: readPort(data, control) });
    this.#follower.start();
  }

  /**
   * Resolves with the first complete snapshot of metadata.
   *
   * @param deadlineMs Milliseconds from now.
   * @throws StreamError `unavailable` when none came in time, with the last failure as its cause;
   *   `unauthenticated` or `permission-denied` at once, because waiting does not help.
   */
  async ready(deadlineMs = READY_DEADLINE_MS): Promise<void> {
    this.#requireOpen();
    const { promise: refused, stop } = this.#follower.refused();
    try {
      await Promise.race([this.#waiter.reach(1, deadlineMs), refused]);
    } catch (error) {
      const last = this.#follower.lastError;
      if (last !== undefined && last === error) throw last;
      throw new StreamError(
        "unavailable",
        `no metadata within ${deadlineMs} ms: ${last?.message ?? "no coordinator answered"}`,
        { cause: last ?? error },
      );
    } finally {
      stop();
    }
  }

  /**
   * Resolves when `view` holds everything that was committed before this call (S12).
   *
   * @param deadlineMs Milliseconds from now.
   * @throws StreamError `unavailable` when that cannot be known in time: never conclude from it that
   *   something does not exist.
   */
  async barrier(deadlineMs = BARRIER_DEADLINE_MS): Promise<void> {
    this.#requireOpen();
    await this.#barrier.wait(deadlineMs);
  }

  /** Ends everything under way: puts that were not sent with `unavailable`, those that were with `indeterminate`. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#follower.close();
      this.#calls.close();
      this.producer.close();
      this.#barrier.close(closedError());
      this.#data.close();
      this.#control.close();
      this.#waiter.close();
    }
    return Promise.resolve();
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): StreamError {
  return new StreamError("unavailable", "the client is closed");
}

function barrierIndex(calls: CoordinatorCalls): (timeoutMs: number) => Promise<number> {
  return async (timeoutMs) => {
    const rules = { deadlineMs: timeoutMs, repeatable: true };
    const { index } = await calls.call(MetadataService.Barrier, {}, rules);
    return index;
  };
}

function readPort(data: DataLinks, control: ControlLinks): ReadPort {
  return {
    fetch: (target, groupId, query, timeoutMs) => data.fetch(target, groupId, query, timeoutMs),
    locate: (target, groupId, position, timestampMs, limited, timeoutMs) => {
      const request = { groupId, position, timestampMs: timestampMs ?? 0, limited };
      return control.call(target.rpc, NodeService.Locate, request, timeoutMs);
    },
  };
}
