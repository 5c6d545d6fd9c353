/**
 * What the gateway needs of a cluster. `MillraceClient` satisfies it as it is; tests put a cluster
 * in memory behind it. The port belongs to its user, so it names only what is used.
 */
import type { MetadataView, Shard } from "@millrace/model";

export interface GatewayBackend {
  /** This process's copy of cluster metadata. */
  readonly view: MetadataView;
  /**
   * Resolves when `view` holds everything that was committed before the call.
   *
   * @throws StreamError `unavailable` after `deadlineMs` milliseconds.
   */
  barrier(deadlineMs: number): Promise<void>;
  readonly admin: GatewayAdmin;
  readonly producer: GatewayProducer;
  readonly reader: GatewayReader;
}

/** Each resolves when the change is committed and `view` shows it. Deadlines are milliseconds from the call on. */
export interface GatewayAdmin {
  createStream(request: CreateStreamOrder, deadlineMs: number): Promise<unknown>;
  deleteStream(
    request: StreamOrder & { readonly streamId: string },
    deadlineMs: number,
  ): Promise<unknown>;
  updateRetention(
    request: StreamOrder & {
      readonly retentionHours: number;
      readonly direction: "increase" | "decrease";
    },
    deadlineMs: number,
  ): Promise<unknown>;
  updateTags(
    request: StreamOrder & {
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
    },
    deadlineMs: number,
  ): Promise<unknown>;
}

export interface StreamOrder {
  readonly account: string;
  readonly streamName: string;
}

export interface CreateStreamOrder extends StreamOrder {
  readonly shardCount: number;
  readonly streamMode: "PROVISIONED" | "ON_DEMAND";
  readonly tags: Readonly<Record<string, string>>;
  readonly maxRecordSizeKib: number;
}

export interface GatewayProducer {
  /**
   * Stores the records, or a prefix of them, within `deadlineMs` milliseconds.
   *
   * @param records A RecordsBuilder's `batch()`: room for a header, then records. Handed over: the caller does not touch it again.
   * @throws StreamError `unavailable` or `overloaded` when nothing was stored, `indeterminate` or `deadline` when that is not known, `stale-epoch` when the shard takes no more records.
   */
  put(
    shard: Shard,
    records: { readonly batch: Uint8Array; readonly count: number },
    deadlineMs: number,
  ): Promise<GatewayPutOutcome>;
}

export interface GatewayPutOutcome {
  readonly baseOffset: number;
  /** Stored, from the first record on. */
  readonly accepted: number;
  readonly arrivalMs: number;
  /** The rest, refused by the shard's limits. */
  readonly throttled: number;
}

export interface GatewayReader {
  /** @throws StreamError `throttled` when `limited` and the shard's read limits are used up. */
  fetch(
    shard: Shard,
    request: {
      readonly offset: number;
      readonly maxBytes: number;
      readonly maxRecords: number;
      readonly limited: boolean;
    },
    deadlineMs: number,
  ): Promise<GatewayPage>;
  /** Offset of a position, and the shard's bounds at that moment. */
  locate(
    shard: Shard,
    position: "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "NONE",
    timestampMs: number | undefined,
    limited: boolean,
    deadlineMs: number,
  ): Promise<{ readonly offset: number; readonly trimOffset: number; readonly endOffset: number }>;
}

export interface GatewayPage {
  readonly slices: readonly {
    readonly baseOffset: number;
    readonly count: number;
    readonly arrivalMs: number;
    /** Encoded records, `count` of them. */
    readonly records: Uint8Array;
  }[];
  readonly nextOffset: number;
  /** One above the last committed offset. */
  readonly endOffset: number;
  readonly trimOffset: number;
  /** The shard leader's wall clock. */
  readonly nowMs: number;
  /** The shard takes no more records. */
  readonly sealed: boolean;
}
