/**
 * Follows the cluster's metadata: one snapshot, then deltas, from whichever coordinator answers.
 *
 * Every process decides by what its tail applied, so two things may never happen here. The index must
 * not go back (a node that switched to a coordinator that lags would forget a seal it has seen), so
 * older events are dropped and a snapshot below the own index moves on to another coordinator. And
 * silence must not look like peace: three missed heartbeats end the connection.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { safeInteger, StreamError } from "@millrace/base";
import type { Change, Delta, SnapshotPart, TailRequestInput, TailResponse } from "@millrace/proto";
import { MetadataService } from "@millrace/proto";

import type { ControlChannelOptions, OpenCall } from "./control/control-channel.ts";
import { ControlChannel } from "./control/control-channel.ts";

/** One key's new record as JSON text, or `undefined` when the key is gone. */
export interface TailChange {
  readonly key: string;
  readonly json: string | undefined;
}

type TailChannel = Pick<ControlChannel, "serverStream" | "close">;

export interface MetadataTailOptions {
  /** `host:port` of coordinators, asked for before each attempt; tried in turn. */
  readonly addresses: () => readonly string[];
  /** `internal` carries sealed keys and needs the cluster secret; `routes` is what an SDK may see. */
  readonly scope: "internal" | "routes";
  /** Cluster that must answer. @default "" (any) */
  readonly clusterId?: string;
  /** Index that the caller has applied already, from a file of its own. @default 0: begin with a snapshot */
  readonly fromIndex?: number;
  /** All records at `index`: replaces everything that was applied before. */
  readonly onSnapshot: (index: number, records: readonly TailChange[]) => void;
  readonly onDelta: (index: number, changes: readonly TailChange[]) => void;
  /** The coordinator has nothing newer: all up to `index` is applied. Called at each heartbeat. */
  readonly onCaughtUp: (index: number) => void;
  /** The connection is lost; what was applied grows stale until the next `onCaughtUp`. */
  readonly onLost?: (error: StreamError) => void;
  readonly metadata?: NonNullable<ControlChannelOptions["metadata"]>;
  readonly tls?: NonNullable<ControlChannelOptions["tls"]>;
  /** Makes the connection to one coordinator. @default a `ControlChannel` */
  readonly channel?: (options: ControlChannelOptions) => TailChannel;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds by which every event is held back, in order; for tests of stale metadata. @default 0 */
  readonly delayMs?: number;
}

/** The coordinator sends one at least this often, milliseconds. */
export const TAIL_HEARTBEAT_MS = 1000;
const SILENCE_MS_MAX = 3 * TAIL_HEARTBEAT_MS;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2000;
/** Sum of keys and values of one snapshot, bytes: some million shards. */
const SNAPSHOT_BYTES_MAX = 512 * 1024 * 1024;

interface Connection {
  readonly channel: TailChannel;
  readonly address: string;
  call: OpenCall | undefined;
  silence: Timer | undefined;
  /** Since when this coordinator reports an index below ours; undefined while it does not. */
  behindSinceMs: number | undefined;
  /** Since when this coordinator lives without giving the first snapshot; undefined while it does not. */
  emptySinceMs: number | undefined;
  snapshot: { readonly index: number; readonly records: TailChange[]; bytes: number } | undefined;
}

export class MetadataTail {
  readonly #options: MetadataTailOptions;
  #index: number;
  /** A snapshot was applied, here or by the caller before: only then do deltas and heartbeats mean anything. */
  #primed: boolean;
  #turn = 0;
  #backoffMs = BACKOFF_MS_MIN;
  #connection: Connection | undefined;
  #next: Timer | undefined;
  #closed = false;

  constructor(options: MetadataTailOptions) {
    this.#options = options;
    this.#index = safeInteger("fromIndex", options.fromIndex ?? 0);
    this.#primed = this.#index > 0;
  }

  /** Everything up to this index of the metadata log was applied. Never goes back. */
  get index(): number {
    return this.#index;
  }

  /** Address of the coordinator that is followed now. */
  get address(): string | undefined {
    return this.#connection?.address;
  }

  start(): void {
    if (!this.#closed && this.#connection === undefined) this.#connect();
  }

  /** No callback runs afterwards. */
  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.#drop();
  }

  #connect(): void {
    this.#next?.cancel();
    const addresses = this.#options.addresses();
    const address = addresses[this.#turn % Math.max(1, addresses.length)];
    if (address === undefined) {
      this.#retryLater(new StreamError("unavailable", "no coordinator address is known"));
      return;
    }
    const { metadata, tls, channel: make = newControlChannel } = this.#options;
    const channel = make({
      address,
      ...(metadata === undefined ? {} : { metadata }),
      ...(tls === undefined ? {} : { tls }),
    });
    const connection: Connection = {
      channel,
      address,
      call: undefined,
      silence: undefined,
      behindSinceMs: undefined,
      emptySinceMs: undefined,
      snapshot: undefined,
    };
    this.#connection = connection;
    this.#listen(connection);
    connection.call = channel.serverStream<TailRequestInput, TailResponse>(
      MetadataService.Tail,
      this.#request(),
      {
        onMessage: (event) => this.#receive(connection, event),
        onEnd: (error) => this.#fail(connection, error ?? ended(address)),
      },
    );
  }

  #request(): TailRequestInput {
    const { scope, clusterId = "" } = this.#options;
    return {
      scope: scope === "internal" ? "TAIL_SCOPE_INTERNAL" : "TAIL_SCOPE_ROUTES",
      fromIndex: this.#index,
      clusterId,
    };
  }

  #listen(connection: Connection): void {
    connection.silence?.cancel();
    connection.silence = this.#options.clock.schedule(SILENCE_MS_MAX, () => {
      this.#fail(
        connection,
        new StreamError("unavailable", `${connection.address} was silent for ${SILENCE_MS_MAX} ms`),
      );
    });
  }

  #receive(connection: Connection, event: TailResponse): void {
    if (connection !== this.#connection) return;
    this.#listen(connection);
    const { delayMs = 0, clock } = this.#options;
    if (delayMs === 0) this.#apply(connection, event);
    else clock.schedule(delayMs, () => this.#apply(connection, event));
  }

  #apply(connection: Connection, event: TailResponse): void {
    if (connection !== this.#connection) return;
    try {
      if (event.snapshot) this.#applySnapshotPart(connection, event.snapshot);
      else if (event.delta) this.#applyDelta(connection, event.delta);
      else if (event.heartbeat) this.#applyHeartbeat(connection, event.heartbeat.index);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#fail(connection, error);
      return;
    }
    this.#backoffMs = BACKOFF_MS_MIN;
  }

  #applySnapshotPart(connection: Connection, part: SnapshotPart): void {
    const index = safeInteger("snapshot index", part.index);
    if (index < this.#index) throw behind(connection.address, index, this.#index);
    let snapshot = connection.snapshot;
    if (snapshot?.index !== index) snapshot = { index, records: [], bytes: 0 };
    connection.snapshot = snapshot;
    for (const change of part.changes) {
      snapshot.records.push(toChange(change));
      snapshot.bytes += change.key.length + change.value.length;
    }
    if (snapshot.bytes > SNAPSHOT_BYTES_MAX) {
      throw new StreamError(
        "limit-exceeded",
        `snapshot at ${index} has ${snapshot.bytes} bytes, at most ${SNAPSHOT_BYTES_MAX} are taken`,
      );
    }
    if (!part.last) return;
    connection.snapshot = undefined;
    this.#index = index;
    this.#primed = true;
    this.#options.onSnapshot(index, snapshot.records);
  }

  #applyDelta(connection: Connection, delta: Delta): void {
    if (!this.#primed || connection.snapshot !== undefined) {
      throw new StreamError("internal", `${connection.address} sent a delta before its snapshot`);
    }
    const index = safeInteger("delta index", delta.index);
    if (index <= this.#index) return; // a coordinator that lags repeats what was applied
    this.#index = index;
    this.#options.onDelta(index, delta.changes.map(toChange));
  }

  #applyHeartbeat(connection: Connection, given: number): void {
    if (!this.#primed || connection.snapshot !== undefined) {
      this.#requireMetadata(connection); // otherwise only a sign of life so far
      return;
    }
    const index = safeInteger("heartbeat index", given);
    if (index >= this.#index) {
      connection.behindSinceMs = undefined;
      this.#index = index;
      this.#options.onCaughtUp(index);
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    connection.behindSinceMs ??= nowMs;
    if (nowMs - connection.behindSinceMs > SILENCE_MS_MAX) {
      throw behind(connection.address, index, this.#index);
    }
  }

  /**
   * A coordinator whose disk was replaced lives, but holds no metadata, perhaps for ever: as long as
   * another one could, the tail must not wait here.
   */
  #requireMetadata(connection: Connection): void {
    const nowMs = this.#options.clock.monotonicMs();
    connection.emptySinceMs ??= nowMs;
    const { address, snapshot, emptySinceMs } = connection;
    if (snapshot !== undefined || nowMs - emptySinceMs < SILENCE_MS_MAX) return;
    if (this.#options.addresses().length < 2) return;
    throw new StreamError(
      "unavailable",
      `${address} has given no metadata for ${SILENCE_MS_MAX} ms`,
    );
  }

  #fail(connection: Connection, error: StreamError): void {
    if (connection !== this.#connection) return;
    this.#drop();
    this.#retryLater(error);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.silence?.cancel();
    connection?.call?.cancel();
    connection?.channel.close();
  }

  #retryLater(error: StreamError): void {
    if (this.#closed) return;
    const { clock, logger, onLost } = this.#options;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, waitMs * 2);
    this.#turn += 1;
    this.#next = clock.schedule(waitMs, () => this.#connect());
    logger.info("metadata tail lost its coordinator", { error: error.message, retryInMs: waitMs });
    onLost?.(error);
  }
}

function newControlChannel(options: ControlChannelOptions): TailChannel {
  return new ControlChannel(options);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function toChange({ key, value, deleted }: Change): TailChange {
  if (deleted) return { key, json: undefined };
  try {
    return { key, json: decoder.decode(value) };
  } catch (error) {
    throw new StreamError("corrupt", `metadata record ${key} is not UTF-8`, { cause: error });
  }
}

function ended(address: string): StreamError {
  return new StreamError("unavailable", `${address} ended the metadata tail`);
}

function behind(address: string, theirs: number, ours: number): StreamError {
  return new StreamError("unavailable", `${address} is at index ${theirs}, below our ${ours}`);
}
