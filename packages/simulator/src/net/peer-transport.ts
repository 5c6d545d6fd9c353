/**
 * The links of one node to its peers, as `HotPeerTransport` keeps them in production: one
 * connection per peer and class, dialled again when it is lost; what a peer sends comes over what
 * the peer dialled.
 *
 * With `chaos` frames are also lost, doubled and delayed inside a live connection. TCP never does
 * that, but Raft's safety must not rest on it.
 */
import type { Clock } from "@millrace/base";
import type { LinkState, PeerTransport, TrafficClass } from "@millrace/replica";

import type { FaultEffect } from "../faults/fault.ts";
import type { Owner } from "../kernel/scheduler.ts";
import type { SimRandom } from "../kernel/sim-random.ts";
import type { Connection, ConnectionEvents, SimNetwork } from "./network.ts";

const CLASSES: readonly TrafficClass[] = ["control", "append", "bulk"];
/** As in production: bytes that may wait for one peer and class. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 2000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2000;

/** Shares of frames, 0..1. */
export interface FrameChaos {
  readonly lost: number;
  readonly doubled: number;
  readonly delayed: number;
  readonly effect?: FaultEffect;
}

export const NO_CHAOS: FrameChaos = { lost: 0, doubled: 0, delayed: 0 };

interface Frame {
  readonly nodeId: number;
  readonly trafficClass: TrafficClass;
  readonly bytes: Uint8Array;
}

/** What a peer dials, beside the hot streams, on the address of the `data` port. */
export function peerAddress(dataAddress: string): string {
  return `${dataAddress}/peer`;
}

export interface SimPeerOptions {
  readonly nodeId: number;
  readonly owner: Owner;
  readonly host: string;
  readonly dataAddress: string;
  readonly network: SimNetwork;
  readonly clock: Clock;
  readonly random: SimRandom;
  readonly chaos: () => FrameChaos;
  /** Sees each frame when the node hands it over, whatever becomes of it. */
  readonly sent: (frame: Uint8Array) => void;
  /** Sees each frame when the node is given it. */
  readonly received: (frame: Uint8Array) => void;
}

export class SimPeerTransport implements PeerTransport {
  readonly #options: SimPeerOptions;
  readonly #links = new Map<string, PeerLink>();
  /** What a peer dialled last, by peer and class: an older connection is no longer listened to. */
  readonly #incoming = new Map<string, Connection>();
  #receive: (from: number, trafficClass: TrafficClass, frame: Uint8Array) => void = () => {};
  #changed: (nodeId: number, state: LinkState) => void = () => {};
  #closed = false;

  constructor(options: SimPeerOptions) {
    this.#options = options;
    const { network, owner, host, dataAddress } = options;
    network.listen(owner, host, peerAddress(dataAddress), (connection) => this.#accept(connection));
  }

  send(nodeId: number, trafficClass: TrafficClass, parts: readonly Uint8Array[]): boolean {
    const link = this.#links.get(`${nodeId}/${trafficClass}`);
    if (link === undefined) return false;
    const { random, clock, sent } = this.#options;
    const bytes = Buffer.concat(parts);
    sent(bytes);
    const { lost, doubled, delayed, effect } = this.#options.chaos();
    const strikes = (share: number): boolean => {
      if (share === 0 || !random.chance(share)) return false;
      if (effect !== undefined) effect.happened = true;
      return true;
    };
    if (strikes(lost)) return true;
    if (strikes(delayed)) {
      clock.schedule(random.between(1, 500), () => void link.send(Uint8Array.from(bytes)));
      return true;
    }
    if (strikes(doubled)) link.send(Uint8Array.from(bytes));
    return link.send(bytes);
  }

  onFrame(receive: (from: number, trafficClass: TrafficClass, frame: Uint8Array) => void): void {
    this.#receive = receive;
  }

  onLink(change: (nodeId: number, state: LinkState) => void): void {
    this.#changed = change;
  }

  connect(nodeId: number, address: string): void {
    if (this.#closed) return;
    this.disconnect(nodeId);
    for (const trafficClass of CLASSES) {
      const changed = (state: LinkState): void => {
        if (trafficClass === "control") this.#changed(nodeId, state);
      };
      const link = new PeerLink(this.#options, trafficClass, peerAddress(address), changed);
      this.#links.set(`${nodeId}/${trafficClass}`, link);
    }
  }

  disconnect(nodeId: number): void {
    for (const trafficClass of CLASSES) {
      this.#links.get(`${nodeId}/${trafficClass}`)?.close();
      this.#links.delete(`${nodeId}/${trafficClass}`);
    }
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #accept(connection: Connection): ConnectionEvents {
    return {
      message: (message) => {
        const { nodeId, trafficClass, bytes } = message as Frame;
        if (this.#closed) return;
        const key = `${nodeId}/${trafficClass}`;
        // The first message of a connection has no bytes: it says who dialled.
        if (bytes.length === 0) this.#incoming.set(key, connection);
        else if (this.#incoming.get(key) === connection) {
          this.#options.received(bytes);
          this.#receive(nodeId, trafficClass, bytes);
        }
      },
      lost: () => {},
    };
  }
}

class PeerLink {
  readonly #options: SimPeerOptions;
  readonly #trafficClass: TrafficClass;
  readonly #address: string;
  readonly #changed: (state: LinkState) => void;
  #connection: Connection | undefined;
  #backoffMs = BACKOFF_MS_MIN;
  #closed = false;

  constructor(
    options: SimPeerOptions,
    trafficClass: TrafficClass,
    address: string,
    changed: (state: LinkState) => void,
  ) {
    this.#options = options;
    this.#trafficClass = trafficClass;
    this.#address = address;
    this.#changed = changed;
    this.#dial();
  }

  send(bytes: Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === undefined || connection.queuedBytes > QUEUE_BYTES_MAX) return false;
    const { nodeId } = this.#options;
    const frame: Frame = { nodeId, trafficClass: this.#trafficClass, bytes };
    connection.send(frame, bytes.length);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  #dial(): void {
    if (this.#closed) return;
    const { network, owner, host } = this.#options;
    const events = (): ConnectionEvents => ({
      message: () => {},
      lost: () => this.#lost(),
    });
    network.dial(owner, host, this.#address, CONNECT_TIMEOUT_MS, events, (dialled) => {
      if (dialled.kind === "connected") this.#connected(dialled.connection);
      else this.#failed(dialled.kind === "refused" ? "refused" : "down");
    });
  }

  #connected(connection: Connection): void {
    if (this.#closed) {
      connection.close();
      return;
    }
    this.#connection = connection;
    this.#backoffMs = BACKOFF_MS_MIN;
    this.send(new Uint8Array(0));
    this.#changed("up");
  }

  #failed(state: LinkState): void {
    if (this.#closed) return;
    this.#changed(state);
    this.#options.clock.schedule(this.#backoffMs, () => this.#dial());
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, 2 * this.#backoffMs);
  }

  #lost(): void {
    this.#connection = undefined;
    if (this.#closed) return;
    this.#changed("down");
    this.#options.clock.soon(() => this.#dial()); // a refusal tells that the process is gone
  }
}
