/**
 * Gathers what all groups say in one turn, and sends one frame per peer and class.
 *
 * A frame that the transport will not take is dropped, as a network would drop it; the groups
 * whose appends were in it are told once per interval, so that they probe instead of streaming.
 */
import type { Message } from "@millrace/raft-ts";

import {
  FRAME_BYTES_TARGET,
  type Liveness,
  type ShipReply,
  type ShipRequest,
  type SleepMarker,
  type SnapshotPart,
} from "./frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { RaftHost } from "./raft-host.ts";
import type { PeerTransport, TrafficClass } from "./types.ts";

/** Frames of one peer and class that are being filled. */
class Queue {
  readonly nodeId: number;
  readonly trafficClass: TrafficClass;
  writer: FrameWriter | undefined;
  framesThisTurn = 0;
  /** Whose appends the frame carries, pairwise with `targets`. */
  hosts: RaftHost[] = [];
  targets: number[] = [];

  constructor(nodeId: number, trafficClass: TrafficClass) {
    this.nodeId = nodeId;
    this.trafficClass = trafficClass;
  }
}

/** Appends keep their order among themselves; everything that must not wait for them is apart. */
function classOf(message: Message): TrafficClass {
  if (message.type === "MsgSnap") return "bulk";
  return message.type === "MsgApp" ? "append" : "control";
}

/** About as many bytes as the message adds to a frame. */
function sizeOf(message: Message): number {
  let bytes = 72;
  for (const { data } of message.entries) bytes += 21 + data.length;
  return bytes + (message.snapshot?.data.length ?? 0);
}

export interface OutboxOptions {
  readonly nodeId: number;
  /** 16 bytes. */
  readonly incarnation: Uint8Array;
  readonly transport: PeerTransport;
  readonly counters: LaneCounters;
  /** An append of `host` to replica `to` was dropped. */
  readonly dropped: (host: RaftHost, to: number) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #filled: Queue[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#filled.length === 0;
  }

  message(host: RaftHost, nodeId: number, message: Message): void {
    const queue = this.#queue(nodeId, classOf(message));
    this.#writer(queue, sizeOf(message)).message(host.groupId, message);
    if (message.type === "MsgApp") {
      queue.hosts.push(host);
      queue.targets.push(message.to);
    }
    this.#options.counters.messagesSent += 1;
  }

  sleep(nodeId: number, marker: SleepMarker): void {
    this.#writer(this.#queue(nodeId, "control"), 41).sleep(marker);
    this.#options.counters.messagesSent += 1;
  }

  liveness(nodeId: number, liveness: Liveness): void {
    this.#writer(this.#queue(nodeId, "control"), 42).liveness(liveness);
  }

  /** Sends a piece of a snapshot at once; false when the transport is full. */
  snapshotPart(nodeId: number, part: SnapshotPart): boolean {
    const writer = new FrameWriter("bulk");
    writer.snapshotPart(part);
    return this.#send(nodeId, writer);
  }

  /** Sends a question for a piece of log at once; false when the transport is full. */
  shipRequest(nodeId: number, request: ShipRequest): boolean {
    const writer = new FrameWriter("bulk");
    writer.shipRequest(request);
    return this.#send(nodeId, writer);
  }

  /** Sends a piece of log, or why there is none, at once; false when the transport is full. */
  shipReply(nodeId: number, reply: ShipReply): boolean {
    const writer = new FrameWriter("bulk");
    writer.shipReply(reply);
    return this.#send(nodeId, writer);
  }

  /** Sends the MsgSnap that ends a transfer, or one that is small enough for itself. */
  snapshotMessage(nodeId: number, groupId: number, message: Message, transferId: number): boolean {
    const writer = new FrameWriter("bulk");
    writer.message(groupId, message, transferId);
    this.#options.counters.messagesSent += 1;
    return this.#send(nodeId, writer);
  }

  /** Sends what was gathered. */
  flush(): void {
    for (const queue of this.#filled) {
      this.#close(queue);
      queue.framesThisTurn = 0;
    }
    this.#filled.length = 0;
  }

  /** Forgets a peer and what was meant for it. */
  forget(nodeId: number): void {
    for (const [key, queue] of this.#queues) if (queue.nodeId === nodeId) this.#queues.delete(key);
  }

  #queue(nodeId: number, trafficClass: TrafficClass): Queue {
    const key = `${nodeId}/${trafficClass}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new Queue(nodeId, trafficClass);
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #writer(queue: Queue, bytes: number): FrameWriter {
    const open = queue.writer;
    if (open !== undefined) {
      if (open.bytes + bytes <= FRAME_BYTES_TARGET) return open;
      this.#close(queue);
      this.#options.counters.framesCut += 1;
    } else if (queue.framesThisTurn === 0) {
      this.#filled.push(queue);
    }
    queue.writer = new FrameWriter(queue.trafficClass);
    return queue.writer;
  }

  #close(queue: Queue): void {
    const { writer, hosts, targets } = queue;
    if (writer === undefined) return;
    queue.writer = undefined;
    queue.framesThisTurn += 1;
    const isSent = this.#send(queue.nodeId, writer);
    if (!isSent) hosts.forEach((host, i) => this.#options.dropped(host, targets[i] ?? 0));
    queue.hosts = [];
    queue.targets = [];
  }

  #send(nodeId: number, writer: FrameWriter): boolean {
    const { counters, transport, incarnation } = this.#options;
    const bytes = writer.bytes;
    const parts = writer.finish(this.#options.nodeId, incarnation);
    if (!transport.send(nodeId, writer.trafficClass, parts)) {
      counters.framesDropped += 1;
      return false;
    }
    counters.framesSent += 1;
    counters.bytesSent += bytes;
    return true;
  }
}
