/**
 * Which nodes are alive, as far as this one can tell.
 *
 * One exchange per pair of nodes replaces a heartbeat per group: groups that sleep rely on it
 * alone. Support for a node ends when its process is known to be gone (nobody listens at its
 * address, or it started again), when it says that its disk stalls, or when it is silent for
 * `supportMs`; the groups that it led then choose another leader.
 *
 * Source: reference C.4 (Ra), C.2 (CockroachDB store liveness).
 */
import type { Liveness } from "./frame.ts";
import type { LinkState } from "./types.ts";

export interface Peer {
  readonly nodeId: number;
  address: string | undefined;
  /** Pinned by the first frame after `set`; another one is refused until the next `set`. */
  incarnation: string | undefined;
  /** The one that `bootEpoch` counts the starts of. */
  lastIncarnation: string | undefined;
  bootEpoch: number;
  /** Monotonic time of the newest frame; undefined before the first. */
  lastHeardMs: number | undefined;
  /** Monotonic time of the newest liveness of this `bootEpoch`. */
  epochHeardMs: number;
  isLive: boolean;
  isWalHealthy: boolean;
  isDraining: boolean;
  echo: { readonly sentMs: number; readonly receivedMs: number } | undefined;
  /** How far its wall clock is ahead of ours; undefined before the first round trip. */
  clockAheadMs: number | undefined;
}

export type LossReason = "refused" | "restarted" | "silent" | "wal-stalled" | "draining";

export interface PeersOptions {
  readonly supportMs: number;
  /** Support for the node has ended. */
  readonly lost: (nodeId: number, reason: LossReason) => void;
  /** The node is here and well, for the first time or again: what it missed must be sent. */
  readonly back: (nodeId: number) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<number, Peer>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  set(nodeId: number, address: string): void {
    const peer = this.#get(nodeId);
    peer.address = address;
    peer.incarnation = undefined;
  }

  get(nodeId: number): Peer | undefined {
    return this.#peers.get(nodeId);
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Alive, with a disk that works: it may lead. */
  isSupported(nodeId: number): boolean {
    const peer = this.#peers.get(nodeId);
    return peer !== undefined && peer.isLive && peer.isWalHealthy;
  }

  isLive(nodeId: number): boolean {
    return this.#peers.get(nodeId)?.isLive === true;
  }

  /** False: the frame is of an incarnation that nobody has confirmed, and must be dropped. */
  admit(nodeId: number, incarnation: string, nowMs: number): boolean {
    const peer = this.#get(nodeId);
    peer.incarnation ??= incarnation;
    if (peer.incarnation !== incarnation) return false;
    if (peer.lastIncarnation !== incarnation) this.#replaced(peer, incarnation);
    peer.lastHeardMs = nowMs;
    return true;
  }

  heard(nodeId: number, liveness: Liveness, nowMs: number, wallMs: number): void {
    const peer = this.#get(nodeId);
    const { supportMs } = this.#options;
    const isEarlier = liveness.bootEpoch < peer.bootEpoch;
    // Left over from before its restart, unless it stays: then the disk is an older copy of itself. Its replicas
    // must be spoken to, or those whose groups sleep never find out what they lost.
    if (isEarlier && nowMs - peer.epochHeardMs <= supportMs) return;
    const hasRestarted = peer.bootEpoch !== 0 && liveness.bootEpoch !== peer.bootEpoch;
    peer.bootEpoch = liveness.bootEpoch;
    peer.epochHeardMs = nowMs;
    peer.isDraining = liveness.draining;
    peer.echo = { sentMs: liveness.sentMs, receivedMs: nowMs };
    this.#noteClock(peer, liveness, nowMs, wallMs);
    if (hasRestarted && peer.isLive) this.#lose(peer, "restarted");
    const wasSupported = peer.isLive && peer.isWalHealthy;
    peer.isLive = true;
    if (!liveness.walHealthy && peer.isWalHealthy) {
      peer.isWalHealthy = false;
      this.#options.lost(nodeId, "wal-stalled");
    }
    peer.isWalHealthy = liveness.walHealthy;
    if (!wasSupported && peer.isWalHealthy) this.#options.back(nodeId);
  }

  link(nodeId: number, state: LinkState): void {
    const peer = this.#peers.get(nodeId);
    if (peer !== undefined && state === "refused" && peer.isLive) this.#lose(peer, "refused");
  }

  /** Ends support for the silent. */
  check(nowMs: number): void {
    for (const peer of this.#peers.values()) {
      const silentMs = nowMs - (peer.lastHeardMs ?? nowMs);
      if (peer.isLive && silentMs > this.#options.supportMs) this.#lose(peer, "silent");
    }
  }

  /** Clock offsets of the live, for the median. */
  clockOffsets(): number[] {
    const offsets: number[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.isLive && peer.clockAheadMs !== undefined) offsets.push(peer.clockAheadMs);
    }
    return offsets;
  }

  /** An empty disk counts its starts from one again: measured by the former count it would never be heard. */
  #replaced(peer: Peer, incarnation: string): void {
    if (peer.isLive) this.#lose(peer, "restarted");
    peer.lastIncarnation = incarnation;
    peer.bootEpoch = 0;
    peer.echo = undefined;
    peer.clockAheadMs = undefined;
  }

  #noteClock(peer: Peer, { echo, wallMs: theirs }: Liveness, nowMs: number, ours: number): void {
    if (echo === undefined) return;
    const roundTripMs = nowMs - echo.sentMs - echo.heldMs;
    // An echo of before our restart makes no sense with the clock of this process.
    if (roundTripMs < 0 || roundTripMs > this.#options.supportMs) return;
    peer.clockAheadMs = theirs + roundTripMs / 2 - ours;
  }

  #lose(peer: Peer, reason: LossReason): void {
    peer.isLive = false;
    this.#options.lost(peer.nodeId, reason);
  }

  #get(nodeId: number): Peer {
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      peer = {
        nodeId,
        address: undefined,
        incarnation: undefined,
        lastIncarnation: undefined,
        bootEpoch: 0,
        lastHeardMs: undefined,
        epochHeardMs: 0,
        isLive: false,
        isWalHealthy: true,
        isDraining: false,
        echo: undefined,
        clockAheadMs: undefined,
      };
      this.#peers.set(nodeId, peer);
    }
    return peer;
  }
}
