/** Single puts to chosen shards, past the gateway: what a test times or must see the term of. */
import { randomBytes } from "node:crypto";

import { nodePorts } from "@millrace/client";
import type { EncodedRecords } from "@millrace/client";
import {
  CLUSTER_KEY_ID,
  hashKeyBytes,
  PRODUCER_ID_BYTES,
  RecordsBuilder,
  sealBatch,
  signCall,
} from "@millrace/model";
import type { Shard } from "@millrace/model";
import { SILENT_LOGGER } from "@millrace/base";
import { HOT_PATHS } from "@millrace/proto";
import { decodeAppendResponse, encodeAppendRequest, HotChannel } from "@millrace/rpc";
import type { AppendResponseMessage } from "@millrace/rpc";

/** A connection to a sleeping process is kept for so long. */
const SILENT_MS_MAX = 600_000;

/** One record with data `text`, whose hash key is the shard's first. */
export function oneRecord(shard: Shard, text: string): EncodedRecords {
  const builder = new RecordsBuilder((bytes) => Buffer.allocUnsafeSlow(bytes), 256);
  const at = builder.add(
    hashKeyBytes(shard.range.startingHashKey),
    Buffer.from("k"),
    Buffer.byteLength(text),
  );
  Buffer.from(text).copy(builder.buffer, at);
  return { batch: builder.batch(), count: 1 };
}

/**
 * Appends to one node whatever it is, without a retry or another try elsewhere, and what it answers.
 * A request that is sent to a stopped process waits in its socket, and is the first thing it sees.
 */
export class DirectAppends {
  readonly #channel: HotChannel;
  readonly #stream: ReturnType<HotChannel["open"]>;
  readonly #answers: AppendResponseMessage[] = [];
  #sent = 0;

  constructor(address: string, secret: string) {
    const { clock, hashes } = nodePorts();
    const credentials = { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" };
    this.#channel = new HotChannel({
      address,
      clock,
      logger: SILENT_LOGGER,
      limits: { pingIntervalMs: SILENT_MS_MAX, pingTimeoutMs: SILENT_MS_MAX },
      metadata: (path) => signCall(hashes, credentials, path, address, clock.nowMs()),
    });
    this.#channel.connect();
    this.#stream = this.#channel.open(HOT_PATHS.append);
    this.#stream.onMessage((message) => void this.#answers.push(decodeAppendResponse(message)));
    this.#stream.onEnd(() => {});
  }

  get answers(): readonly AppendResponseMessage[] {
    return this.#answers;
  }

  /** The request's number, from 1. Any term is taken. */
  send(shard: Shard, text: string): number {
    const { batch, count } = oneRecord(shard, text);
    const producer = { id: randomBytes(PRODUCER_ID_BYTES), sequence: 1 };
    sealBatch(batch, count, producer, nodePorts().crc32);
    const { groupId, epoch: shardEpoch } = shard;
    const header = { requestId: ++this.#sent, groupId, shardEpoch, expectedTerm: 0 };
    this.#stream.send(encodeAppendRequest(header, [batch]));
    return this.#sent;
  }

  close(): void {
    this.#channel.close();
  }
}
