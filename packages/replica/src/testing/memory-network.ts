/**
 * Links between lanes of one process, over virtual time: delay, loss, partitions, dead processes.
 *
 * Frames are copied when sent, so a lane that changes bytes after sending is found out.
 */
import type { Clock, Random } from "@millrace/base";

import type { LinkState, PeerTransport, TrafficClass } from "../types.ts";

/** As in production: bytes that may wait for one peer. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** One way, milliseconds: each frame takes a whole number in this range. @default 1..1 */
  readonly delayMs?: readonly [least: number, most: number];
}

type Receive = (fromNodeId: number, trafficClass: TrafficClass, frame: Uint8Array) => void;

class MemoryTransport implements PeerTransport {
  readonly nodeId: number;
  readonly peers = new Set<number>();
  readonly #network: MemoryNetwork;
  receive: Receive = () => {};
  linkChanged: (nodeId: number, state: LinkState) => void = () => {};
  isClosed = false;

  constructor(network: MemoryNetwork, nodeId: number) {
    this.#network = network;
    this.nodeId = nodeId;
  }

  send(nodeId: number, trafficClass: TrafficClass, parts: readonly Uint8Array[]): boolean {
    if (this.isClosed || !this.peers.has(nodeId)) return false;
    return this.#network.carry(this, nodeId, trafficClass, Buffer.concat(parts));
  }

  onFrame(receive: Receive): void {
    this.receive = receive;
  }

  onLink(change: (nodeId: number, state: LinkState) => void): void {
    this.linkChanged = change;
  }

  connect(nodeId: number, _address: string): void {
    this.peers.add(nodeId);
  }

  disconnect(nodeId: number): void {
    this.peers.delete(nodeId);
  }

  close(): void {
    if (!this.isClosed) this.#network.closed(this);
  }
}

export class MemoryNetwork {
  /** Share of frames that are lost, 0..1. */
  loss = 0;
  /** Sees each frame that was delivered; for tests that count or parse them. */
  observe:
    | ((from: number, to: number, trafficClass: TrafficClass, frame: Uint8Array) => void)
    | undefined;
  readonly #options: MemoryNetworkOptions;
  readonly #nodes = new Map<number, MemoryTransport>();
  /** Directed pairs that carry nothing. */
  readonly #cut = new Set<string>();
  readonly #lastArrivalMs = new Map<string, number>();
  readonly #queuedBytes = new Map<string, number>();

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /** The transport of a process that starts at `nodeId`; an earlier one there must be closed. */
  transport(nodeId: number): PeerTransport {
    const transport = new MemoryTransport(this, nodeId);
    this.#nodes.set(nodeId, transport);
    for (const other of this.#nodes.values()) {
      if (other.peers.has(nodeId)) this.#later(() => other.linkChanged(nodeId, "up"));
    }
    return transport;
  }

  /** Nothing passes between the two groups of nodes, in both directions. */
  partition(some: readonly number[], others: readonly number[]): void {
    for (const a of some) {
      for (const b of others) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  /** Nothing passes from `from` to `to`. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** All links carry again, without loss. */
  heal(): void {
    this.#cut.clear();
    this.loss = 0;
  }

  carry(from: MemoryTransport, to: number, trafficClass: TrafficClass, frame: Uint8Array): boolean {
    const { clock, random, delayMs = [1, 1] } = this.#options;
    const link = `${from.nodeId}>${to}`;
    const queued = (this.#queuedBytes.get(link) ?? 0) + frame.length;
    if (queued > QUEUE_BYTES_MAX) return false;
    if (this.#cut.has(link)) return true;
    if (this.loss > 0 && random.uniform(1_000_000) < this.loss * 1_000_000) return true;
    this.#queuedBytes.set(link, queued);
    const [least, most] = delayMs;
    const stream = `${link}/${trafficClass}`;
    const now = clock.monotonicMs();
    const drawn = now + least + random.uniform(most - least + 1);
    const arrival = Math.max(drawn, this.#lastArrivalMs.get(stream) ?? 0); // in order
    this.#lastArrivalMs.set(stream, arrival);
    clock.schedule(arrival - now, () => this.#arrive(link, from, to, trafficClass, frame));
    return true;
  }

  closed(transport: MemoryTransport): void {
    transport.isClosed = true;
    if (this.#nodes.get(transport.nodeId) !== transport) return;
    this.#nodes.delete(transport.nodeId);
    for (const other of this.#nodes.values()) {
      if (!other.peers.has(transport.nodeId)) continue;
      this.#later(() => {
        if (this.#cut.has(`${transport.nodeId}>${other.nodeId}`)) return;
        if (!this.#nodes.has(transport.nodeId)) other.linkChanged(transport.nodeId, "refused");
      });
    }
  }

  #arrive(
    link: string,
    from: MemoryTransport,
    to: number,
    trafficClass: TrafficClass,
    frame: Uint8Array,
  ): void {
    this.#queuedBytes.set(link, (this.#queuedBytes.get(link) ?? 0) - frame.length);
    const receiver = this.#nodes.get(to);
    // A frame of a dead process may still arrive; one over a link that was cut meanwhile may not.
    if (receiver === undefined || receiver.isClosed || this.#cut.has(link)) return;
    this.observe?.(from.nodeId, to, trafficClass, frame);
    receiver.receive(from.nodeId, trafficClass, frame);
  }

  #later(run: () => void): void {
    this.#options.clock.schedule(this.#options.delayMs?.[0] ?? 1, run);
  }
}
