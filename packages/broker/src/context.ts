import type { Clock, Logger } from "@millrace/base";
import type { Crc32, MetadataView } from "@millrace/model";

import type { BrokerMetrics } from "./broker-metrics.ts";
import type { DiskReads } from "./disk-reads.ts";
import type { TurnQueue } from "./turn-queue.ts";

/** What all shards of one broker share. */
export interface BrokerContext {
  readonly nodeId: number;
  readonly view: MetadataView;
  readonly clock: Clock;
  readonly crc32: Crc32;
  readonly logger: Logger;
  readonly metrics: BrokerMetrics;
  readonly turn: TurnQueue;
  readonly disk: DiskReads;
  /** The volume is nearly full: puts are refused, reads go on. */
  readonly diskFull: () => boolean;
}
