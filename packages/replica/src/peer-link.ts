/**
 * The production links between nodes: one connection per peer and class, over the hot codec.
 *
 * Each node dials every peer and only sends on what it dialled; what the peer has to say comes
 * over the streams that the peer dialled. So two nodes never argue about whose connection counts.
 * Connections of their own, not streams of one, keep a snapshot's bytes from delaying a vote.
 *
 *   K1  at most QUEUE_BYTES_MAX bytes wait for one peer and class; a frame above that is dropped
 *   K2  a stream is used only after the peer has said that it is the node we meant
 *   K3  a lost connection is dialled again at once: a refusal then tells that the process is gone
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { asStreamError, safeInteger, StreamError } from "@millrace/base";
import { HOT_PATHS } from "@millrace/proto";
import {
  decodeExchangeRequest,
  decodeExchangeResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
  HotChannel,
  systemCodeOf,
  type CallInfo,
  type CallMetadata,
  type ChannelTls,
  type HotLimits,
  type HotStream,
} from "@millrace/rpc";

import { FRAME_BYTES_MAX, TRAFFIC_CLASSES } from "./frame.ts";
import type { LinkState, PeerTransport, TrafficClass } from "./types.ts";

export const EXCHANGE_PATH = HOT_PATHS.exchange;

/** Bytes that may wait for one peer in one class (K1). */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
/** Wait before a stream is opened again on a connection that works. */
const REOPEN_MS = 200;

export interface HotPeerTransportOptions {
  readonly nodeId: number;
  /** Hexadecimal, from storage's identity. */
  readonly incarnation: string;
  readonly bootEpoch: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Signs a new stream for the cluster. @default nothing */
  readonly metadata?: (path: string) => CallMetadata;
  readonly tls?: ChannelTls;
  readonly limits?: Partial<HotLimits>;
}

type Receive = (fromNodeId: number, trafficClass: TrafficClass, frame: Uint8Array) => void;
type LinkChanged = (nodeId: number, state: LinkState) => void;

export class HotPeerTransport implements PeerTransport {
  readonly #options: HotPeerTransportOptions;
  readonly #links = new Map<string, OutgoingLink>();
  /** The stream that a peer dialled last, by peer and class. */
  readonly #incoming = new Map<string, HotStream>();
  #receive: Receive = () => {};
  #linkChanged: LinkChanged = () => {};
  #isClosed = false;

  constructor(options: HotPeerTransportOptions) {
    this.#options = options;
  }

  send(nodeId: number, trafficClass: TrafficClass, parts: readonly Uint8Array[]): boolean {
    return this.#links.get(keyOf(nodeId, trafficClass))?.send(parts) ?? false;
  }

  onFrame(receive: Receive): void {
    this.#receive = receive;
  }

  onLink(change: LinkChanged): void {
    this.#linkChanged = change;
  }

  connect(nodeId: number, address: string): void {
    if (this.#isClosed) return;
    this.disconnect(nodeId);
    for (const trafficClass of TRAFFIC_CLASSES) {
      const changed: LinkChanged = (id, state) => {
        if (trafficClass === "control") this.#linkChanged(id, state);
      };
      const link = new OutgoingLink(nodeId, address, trafficClass, this.#options, changed);
      this.#links.set(keyOf(nodeId, trafficClass), link);
    }
  }

  disconnect(nodeId: number): void {
    for (const trafficClass of TRAFFIC_CLASSES) {
      const key = keyOf(nodeId, trafficClass);
      this.#links.get(key)?.close();
      this.#links.delete(key);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    const leaving = new StreamError("unavailable", "this node is shutting down");
    for (const stream of this.#incoming.values()) stream.end(leaving);
    this.#incoming.clear();
  }

  /**
   * Takes a stream that a peer has dialled: the handler of {@link EXCHANGE_PATH} in the process's hot
   * server, which has authenticated the caller as a node of the cluster.
   */
  acceptPeerStream(stream: HotStream, call: CallInfo): void {
    try {
      this.#accept(stream, call);
    } catch (error) {
      stream.end(asStreamError(error));
    }
  }

  #accept(stream: HotStream, call: CallInfo): void {
    if (this.#isClosed) throw new StreamError("unavailable", "this node is shutting down");
    const nodeId = safeInteger(
      "millrace-node-id",
      Number(call.headers["millrace-node-id"]),
      1,
      65_535,
    );
    const trafficClass = classOf(call.headers["millrace-class"]);
    const key = keyOf(nodeId, trafficClass);
    const older = this.#incoming.get(key);
    this.#incoming.set(key, stream);
    older?.end(new StreamError("cancelled", "the peer has dialled again"));
    stream.onMessage((message) => {
      // What a replaced stream still brings could be older than what the new one brought.
      if (this.#incoming.get(key) !== stream) return;
      this.#receive(nodeId, trafficClass, ownBytes(decodeExchangeRequest(message), trafficClass));
    });
    stream.onEnd(() => {
      if (this.#incoming.get(key) === stream) this.#incoming.delete(key);
    });
    stream.onHalfClose(() => stream.end());
    const { bootEpoch, incarnation, nodeId: ownId } = this.#options;
    stream.send(encodeExchangeResponse({ nodeId: ownId, incarnation, bootEpoch }));
  }
}

/** One dialled connection with its stream, kept up until it is closed. */
class OutgoingLink {
  readonly #nodeId: number;
  readonly #trafficClass: TrafficClass;
  readonly #options: HotPeerTransportOptions;
  readonly #changed: LinkChanged;
  readonly #channel: HotChannel;
  #stream: HotStream | undefined;
  #isConfirmed = false;
  #reopen: Timer | undefined;
  #wasReady = false;
  #isClosed = false;

  constructor(
    nodeId: number,
    address: string,
    trafficClass: TrafficClass,
    options: HotPeerTransportOptions,
    changed: LinkChanged,
  ) {
    this.#nodeId = nodeId;
    this.#trafficClass = trafficClass;
    this.#options = options;
    this.#changed = changed;
    const { clock, logger, metadata, tls, limits } = options;
    this.#channel = new HotChannel({
      address,
      clock,
      logger,
      limits: { ...limits, queuedBytesMax: QUEUE_BYTES_MAX + FRAME_BYTES_MAX },
      ...(metadata === undefined ? {} : { metadata }),
      ...(tls === undefined ? {} : { tls }),
    });
    this.#channel.onState((state, error) => {
      if (state === "ready") this.#ready();
      else if (state === "down") this.#down(error);
    });
    this.#channel.connect();
  }

  send(parts: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (stream === undefined || !this.#isConfirmed || stream.ended) return false;
    if (stream.queuedBytes > QUEUE_BYTES_MAX) return false;
    try {
      stream.send(encodeExchangeRequest(parts));
      return true;
    } catch (error) {
      if (error instanceof StreamError && error.code === "overloaded") return false;
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#reopen?.cancel();
    this.#channel.close();
  }

  #ready(): void {
    this.#wasReady = true;
    this.#open();
  }

  #down(error: StreamError | undefined): void {
    this.#stream = undefined;
    this.#isConfirmed = false;
    const isRefused = systemCodeOf(error) === "ECONNREFUSED";
    this.#changed(this.#nodeId, isRefused ? "refused" : "down");
    if (!this.#wasReady) return;
    this.#wasReady = false;
    this.#options.clock.soon(() => {
      if (!this.#isClosed) this.#channel.connect(); // K3
    });
  }

  #open(): void {
    if (this.#isClosed) return;
    const { nodeId, incarnation } = this.#options;
    const stream = this.#channel.open(EXCHANGE_PATH, {
      "millrace-class": this.#trafficClass,
      "millrace-node-id": String(nodeId),
      "millrace-incarnation": incarnation,
    });
    this.#stream = stream;
    this.#isConfirmed = false;
    stream.onMessage((message) => this.#answered(stream, message));
    stream.onEnd((error) => this.#ended(stream, error));
  }

  #answered(stream: HotStream, message: Buffer): void {
    if (this.#stream !== stream) return;
    const { nodeId } = decodeExchangeResponse(message);
    if (nodeId !== this.#nodeId) {
      const meant = this.#nodeId;
      this.#options.logger.error("another node answers at a peer's address", { nodeId, meant });
      stream.cancel(new StreamError("wrong-state", `node ${nodeId} answered, not ${meant}`));
      return;
    }
    this.#isConfirmed = true; // K2
    this.#changed(this.#nodeId, "up");
  }

  #ended(stream: HotStream, error: StreamError | undefined): void {
    if (this.#stream !== stream || this.#isClosed) return;
    this.#stream = undefined;
    this.#isConfirmed = false;
    this.#options.logger.debug("a peer stream has ended", {
      peer: this.#nodeId,
      trafficClass: this.#trafficClass,
      error: error?.message,
    });
    this.#reopen?.cancel();
    this.#reopen = this.#options.clock.schedule(REOPEN_MS, () => {
      if (this.#stream === undefined && this.#channel.state === "ready") this.#open();
    });
  }
}

function keyOf(nodeId: number, trafficClass: TrafficClass): string {
  return `${nodeId}/${trafficClass}`;
}

function classOf(header: string | undefined): TrafficClass {
  const found = TRAFFIC_CLASSES.find((one) => one === header);
  if (found !== undefined) return found;
  throw new StreamError(
    "invalid-argument",
    `millrace-class is ${header ?? "missing"}, but must be ${TRAFFIC_CLASSES.join(", ")}`,
  );
}

/**
 * Entries stay in memory as views of their frame; a small frame inside a large network buffer
 * would keep all of that buffer, so it gets bytes of its own.
 */
function ownBytes(frame: Buffer, trafficClass: TrafficClass): Uint8Array {
  const isMostlyOthers = frame.buffer.byteLength > 2 * frame.byteLength;
  return trafficClass !== "control" && isMostlyOthers ? Uint8Array.from(frame) : frame;
}
