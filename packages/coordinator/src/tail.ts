/** One reader's way through the metadata log. */
import type { Clock } from "@millrace/base";
import { asStreamError, StreamError } from "@millrace/base";
import type { MetadataChange } from "@millrace/model";
import type { Change, TailResponse } from "@millrace/proto";

import { routesChange } from "./routes-scope.ts";
import type { SharedSnapshot } from "./shared-snapshot.ts";
import type { Delta } from "./state/delta-ring.ts";
import type { MetadataState } from "./state/metadata-state.ts";

/** Bytes of records in one message, below every default message limit of gRPC. */
export const PART_BYTES_MAX = 1024 * 1024;
/** A delta above this goes as a snapshot in parts: one message could not carry it. */
const DELTA_BYTES_MAX = 2 * PART_BYTES_MAX;

/** The far end of a tail, as the server stream of an RPC offers it. */
export interface TailSink {
  /** False when the reader should be let drain first; the message is taken all the same. */
  send(response: TailResponse): boolean;
  /** Calls `resume` each time that there is room again. */
  onDrain(resume: () => void): void;
  /** Ends the stream with an error. */
  end(error: StreamError): void;
}

export interface TailOptions {
  readonly state: MetadataState;
  readonly snapshots: SharedSnapshot;
  readonly clock: Clock;
  readonly sink: TailSink;
  /** 0 asks for a snapshot. */
  readonly fromIndex: number;
  /** Empty accepts any. */
  readonly clusterId: string;
  /** Whether to leave out what only the cluster's own processes may see. */
  readonly routes: boolean;
  /** With `routes`: the only account to show, or all. */
  readonly account: string | undefined;
  readonly onEnd: () => void;
}

interface SnapshotInProgress {
  readonly index: number;
  readonly changes: readonly MetadataChange[];
  next: number;
}

export class Tail {
  readonly #options: TailOptions;
  #index: number;
  #snapshotNeeded: boolean;
  #snapshot: SnapshotInProgress | undefined;
  #blockedAtMs: number | undefined;
  #stopped = false;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#index = options.fromIndex;
    this.#snapshotNeeded = options.fromIndex === 0;
    options.sink.onDrain(() => {
      this.#blockedAtMs = undefined;
      this.pump();
    });
  }

  /** Sends all that there is, until the reader has to drain. */
  pump(): void {
    if (!this.#mayStart()) return;
    while (!this.#stopped && this.#blockedAtMs === undefined && this.#sendNext());
  }

  /**
   * Tells a reader with nothing to read that the link works, and what it has seen: readers take a
   * heartbeat's index for applied, so it is never above what was sent.
   */
  beat(): void {
    this.pump();
    if (this.#stopped || this.#blockedAtMs !== undefined) return;
    const index = Math.min(this.#index, this.#options.state.view.index);
    this.#send({ heartbeat: { index }, event: "heartbeat" });
  }

  /** Milliseconds for which the reader has taken nothing although there was something. */
  stalledForMs(): number {
    if (this.#blockedAtMs === undefined) return 0;
    return this.#options.clock.monotonicMs() - this.#blockedAtMs;
  }

  stop(): void {
    this.#stopped = true;
  }

  end(error: StreamError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.sink.end(error);
    this.#options.onEnd();
  }

  /** Before the cluster is formed there is nothing that could be called a complete snapshot. */
  #mayStart(): boolean {
    if (this.#stopped) return false;
    const { clusterId, state } = this.#options;
    const cluster = state.view.cluster();
    if (cluster === undefined) return false;
    if (clusterId === "" || clusterId === cluster.clusterId) return true;
    this.end(
      new StreamError(
        "invalid-argument",
        `clusterId is ${clusterId}, but this is cluster ${cluster.clusterId}`,
      ),
    );
    return false;
  }

  /** Whether something was sent. */
  #sendNext(): boolean {
    const { state } = this.#options;
    if (this.#snapshot !== undefined) return this.#sendPart(this.#snapshot);
    if (this.#snapshotNeeded || !state.ring.covers(this.#index)) return this.#startSnapshot();
    const first = state.ring.after(this.#index);
    if (first !== undefined && first.bytes > DELTA_BYTES_MAX) return this.#startSnapshot();
    if (first !== undefined) return this.#sendDeltas(first);
    if (state.view.index <= this.#index) return false;
    return this.#sendDelta(state.view.index, []); // a barrier may wait for an entry that changed nothing
  }

  #startSnapshot(): boolean {
    this.#snapshotNeeded = false;
    this.#snapshot = { ...this.#options.snapshots.take(), next: 0 };
    return this.#sendPart(this.#snapshot);
  }

  #sendPart(snapshot: SnapshotInProgress): boolean {
    const { index, changes } = snapshot;
    const part: Change[] = [];
    for (let bytes = 0; snapshot.next < changes.length && bytes < PART_BYTES_MAX; snapshot.next++) {
      const change = this.#visible(changes[snapshot.next] as MetadataChange);
      if (change === undefined) continue;
      const size = sizeOf(change);
      if (bytes + size > PART_BYTES_MAX && part.length > 0) break;
      bytes += size;
      part.push(toWire(change));
    }
    const last = snapshot.next === changes.length;
    if (last) {
      this.#snapshot = undefined;
      this.#index = index;
    }
    this.#send({ snapshot: { index, changes: part, last }, event: "snapshot" });
    return true;
  }

  #sendDeltas(first: Delta): boolean {
    const { ring, view } = this.#options.state;
    const changes = [...first.changes];
    let bytes = first.bytes;
    let index = first.index;
    let next = ring.after(index);
    while (next !== undefined && bytes + next.bytes <= PART_BYTES_MAX) {
      changes.push(...next.changes);
      bytes += next.bytes;
      index = next.index;
      next = ring.after(index);
    }
    return this.#sendDelta(next === undefined ? view.index : index, changes);
  }

  #sendDelta(index: number, changes: readonly MetadataChange[]): boolean {
    this.#index = index;
    const visible = changes.flatMap((change) => {
      const seen = this.#visible(change);
      return seen === undefined ? [] : [toWire(seen)];
    });
    this.#send({ delta: { index, changes: visible }, event: "delta" });
    return true;
  }

  #visible(change: MetadataChange): MetadataChange | undefined {
    const { routes, account } = this.#options;
    return routes ? routesChange(change, account) : change;
  }

  #send(response: TailResponse): void {
    try {
      const more = this.#options.sink.send(response);
      if (!more) this.#blockedAtMs = this.#options.clock.monotonicMs();
    } catch (error) {
      this.end(asStreamError(error)); // the stream refuses more: its reader resumes from its index
    }
  }
}

function sizeOf({ key, json }: MetadataChange): number {
  return key.length + (json === undefined ? 0 : Buffer.byteLength(json));
}

function toWire({ key, json }: MetadataChange): Change {
  return { key, value: Buffer.from(json ?? ""), deleted: json === undefined };
}
