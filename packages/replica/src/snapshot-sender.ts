/**
 * Sends states to followers that are behind the log.
 *
 * A state can be hundreds of megabytes; it goes out in pieces on its own class, as fast as the
 * peer's queue drains, and at most `snapshotsMax` at a time. Raft waits for the follower's word; if
 * that does not come in time the transfer counts as failed and Raft probes the follower again.
 */
import type { Logger } from "@millrace/base";
import type { Message } from "@millrace/raft-ts";

import type { LaneConfig } from "./config.ts";
import type { LaneCounters } from "./lane-stats.ts";
import type { Outbox } from "./outbox.ts";
import type { RaftHost } from "./raft-host.ts";

interface Transfer {
  readonly host: RaftHost;
  readonly nodeId: number;
  readonly message: Message;
  readonly data: Uint8Array;
  /** 0 when it fits into one frame. */
  readonly transferId: number;
  offset: number;
  /** All is sent; Raft's answer is awaited. */
  isSent: boolean;
  deadlineMs: number;
}

export interface SnapshotSenderOptions {
  readonly outbox: Outbox;
  readonly config: LaneConfig;
  readonly counters: LaneCounters;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
}

export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  #transfers: Transfer[] = [];
  #nextTransferId = 1;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#transfers.length === 0;
  }

  /** Takes a MsgSnap; an earlier one to the same replica is given up. */
  begin(host: RaftHost, nodeId: number, message: Message): void {
    const { config, logger } = this.#options;
    const data = message.snapshot?.data ?? new Uint8Array(0);
    if (data.length > config.snapshotBytesMax) {
      const bound = { groupId: host.groupId, bytes: data.length, max: config.snapshotBytesMax };
      logger.error("a state is too large to be sent to a follower", bound);
    }
    this.#transfers = this.#transfers.filter(
      (one) => one.host !== host || one.message.to !== message.to,
    );
    const transferId = data.length > config.snapshotPartBytes ? this.#nextTransferId++ : 0;
    const deadlineMs = this.#options.monotonicMs() + config.snapshotTimeoutMs;
    const fresh = { host, nodeId, message, data, transferId, offset: 0, isSent: false, deadlineMs };
    this.#transfers.push(fresh);
  }

  /** Sends as much as the queues take. Call it every turn and tick while not idle. */
  pump(): void {
    const { config, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    let active = 0;
    const late: Transfer[] = [];
    for (const transfer of this.#transfers) {
      if (!transfer.isSent && active < config.snapshotsMax) {
        active += 1;
        if (transfer.data.length <= config.snapshotBytesMax) this.#send(transfer, nowMs);
      }
      if (nowMs >= transfer.deadlineMs) late.push(transfer);
    }
    if (late.length === 0) return;
    this.#transfers = this.#transfers.filter((one) => !late.includes(one));
    for (const { host, message } of late) {
      // Without effect when the follower has acknowledged it meanwhile.
      host.act((node) => node.reportSnapshot(message.to, false));
    }
  }

  /** The follower says that the log of its snapshot is still coming: its answer will take that long. */
  refresh(host: RaftHost, to: number): void {
    const { config, monotonicMs } = this.#options;
    const transfer = this.#transfers.find((one) => one.host === host && one.message.to === to);
    if (transfer?.isSent === true) transfer.deadlineMs = monotonicMs() + config.snapshotTimeoutMs;
  }

  forget(host: RaftHost): void {
    this.#transfers = this.#transfers.filter((one) => one.host !== host);
  }

  #send(transfer: Transfer, nowMs: number): void {
    const { outbox, config, counters } = this.#options;
    const { host, nodeId, data, transferId, message } = transfer;
    const inParts = transferId === 0 ? 0 : data.length;
    while (transfer.offset < inParts) {
      const end = Math.min(transfer.offset + config.snapshotPartBytes, data.length);
      const part = {
        groupId: host.groupId,
        to: message.to,
        from: message.from,
        transferId,
        offset: transfer.offset,
        totalBytes: data.length,
        data: data.subarray(transfer.offset, end),
      };
      if (!outbox.snapshotPart(nodeId, part)) return;
      transfer.offset = end;
      transfer.deadlineMs = nowMs + config.snapshotTimeoutMs;
    }
    if (!outbox.snapshotMessage(nodeId, host.groupId, message, transferId)) return;
    transfer.isSent = true;
    transfer.deadlineMs = nowMs + config.snapshotTimeoutMs;
    counters.snapshotsSent += 1;
  }
}
