/**
 * Feeds the client's copy of metadata from the coordinator's tail.
 *
 * A record that this version cannot read stops the copy where it is, rather than leave a hole in it:
 * the tail is begun again with a snapshot, later, until a person has upgraded one side.
 */
import type { Clock, Logger, StreamError, Timer } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { MetadataView } from "@millrace/model";
import type { CallMetadata } from "@millrace/rpc";
import { MetadataTail } from "@millrace/rpc";

import type { Channels } from "../link/channels.ts";

export interface MetadataFollowerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly view: MetadataView;
  readonly endpoints: readonly string[];
  readonly scope: "internal" | "routes";
  readonly sign: (path: string, address: string) => CallMetadata;
  readonly delayMs: number;
  readonly channels: Pick<Channels, "control">;
}

const RESTART_MS = 2000;

export class MetadataFollower {
  readonly #deps: MetadataFollowerDeps;
  #tail: MetadataTail | undefined;
  #restart: Timer | undefined;
  #closed = false;
  #lastError: StreamError | undefined;
  readonly #refusedListeners = new Set<(error: StreamError) => void>();

  constructor(deps: MetadataFollowerDeps) {
    this.#deps = deps;
  }

  /** Why the copy may be stale; `undefined` while a coordinator is followed. */
  get lastError(): StreamError | undefined {
    return this.#lastError;
  }

  /** Rejects when a coordinator refuses the caller for what it is, until `stop`. Never resolves. */
  refused(): { readonly promise: Promise<never>; readonly stop: () => void } {
    let stop = (): void => {};
    const promise = new Promise<never>((_, reject) => {
      const listener = (error: StreamError): void => reject(error);
      this.#refusedListeners.add(listener);
      stop = () => this.#refusedListeners.delete(listener);
    });
    return { promise, stop };
  }

  start(): void {
    const { clock, logger, view, scope, sign, delayMs, channels } = this.#deps;
    const tail = new MetadataTail({
      addresses: () => this.#addresses(),
      scope,
      onSnapshot: (index, records) => this.#apply(() => view.reset(index, records)),
      onDelta: (index, changes) => this.#apply(() => view.apply(index, changes)),
      onCaughtUp: (index) => this.#caughtUp(index),
      onLost: (error) => this.#lost(error),
      metadata: (path) => sign(path, tail.address ?? ""),
      channel: (options) => channels.control(options),
      clock,
      logger,
      delayMs,
    });
    this.#tail = tail;
    tail.start();
  }

  close(): void {
    this.#closed = true;
    this.#restart?.cancel();
    this.#tail?.close();
  }

  /** Endpoints first, then coordinators that metadata has named since. */
  #addresses(): readonly string[] {
    const { endpoints, view } = this.#deps;
    const known = view
      .list("node")
      .filter((node) => node.roles.includes("coordinator"))
      .map((node) => node.addresses.rpc);
    return [...new Set([...endpoints, ...known])];
  }

  #lost(error: StreamError): void {
    this.#lastError = error;
    if (error.code !== "unauthenticated" && error.code !== "permission-denied") return;
    for (const listener of this.#refusedListeners) listener(error);
  }

  #caughtUp(index: number): void {
    this.#lastError = undefined;
    // Before the first snapshot a heartbeat says nothing about what this copy holds.
    if (this.#deps.view.ready) this.#deps.view.apply(index, []);
  }

  #apply(run: () => void): void {
    try {
      run();
      this.#lastError = undefined;
    } catch (error) {
      if (this.#closed) return;
      this.#lastError = asStreamError(error);
      this.#deps.logger.error("metadata cannot be applied, beginning again with a snapshot", {
        error: this.#lastError.message,
      });
      this.#tail?.close();
      this.#restart = this.#deps.clock.schedule(RESTART_MS, () => this.start());
    }
  }
}
