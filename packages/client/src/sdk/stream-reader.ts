/**
 * Records of one shard or a whole stream, as an async iterator.
 *
 * Within a shard records come in order of sequence; a child shard begins only when its parents have
 * been read to their end, so the records of one partition key stay in order over a split or merge.
 * Shards are read side by side, each with at most one page that waits for the consumer.
 */
import { asStreamError, sleep, StreamError } from "@millrace/base";
import type { MetadataView, Shard } from "@millrace/model";
import { isUnopenedShard, parseSequenceNumber, parseShardId } from "@millrace/model";

import type { ClientPorts } from "../options.ts";
import type { FetchPage, FetchQuery, LocatedOffset, ShardPosition } from "../types.ts";
import type { StreamRecordRead } from "./decode-records.ts";
import { decodeRecords } from "./decode-records.ts";

export type ReadPosition =
  | { readonly kind: "TRIM_HORIZON" | "LATEST" }
  | { readonly kind: "AT_TIMESTAMP"; readonly timestampMs: number }
  | {
      readonly kind: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER";
      /** Names its shard; that shard and its descendants are read. */
      readonly sequenceNumber: string;
    };

export interface StreamReaderOptions {
  /** Twelve digits. */
  readonly account: string;
  readonly streamName: string;
  readonly position: ReadPosition;
  /** This shard alone. @default all shards of the stream */
  readonly shardId?: string;
  /** Waits for new records at the end; without, the iterator ends where the shards ended when it began. @default true */
  readonly follow?: boolean;
  /** Pages of all shards that are held, bytes; at least 64 KiB per shard. @default 32 MiB */
  readonly bufferBytesMax?: number;
}

/** What the reader needs of a client; `MillraceClient` is one. */
export interface ReadingClient {
  readonly view: MetadataView;
  readonly ports: ClientPorts;
  readonly reader: {
    fetch(shard: Shard, query: FetchQuery, deadlineMs: number): Promise<FetchPage>;
    locate(
      shard: Shard,
      position: ShardPosition,
      timestampMs: number | undefined,
      limited: boolean,
      deadlineMs: number,
    ): Promise<LocatedOffset>;
  };
  barrier(deadlineMs?: number): Promise<void>;
}

interface ReadyPage {
  readonly shard: Shard;
  readonly page: FetchPage;
  readonly from: number;
  readonly taken: () => void;
}

const DEADLINE_MS = 10_000;
const POLL_MS = 5000;
const PAGE_BYTES_MAX = 1024 * 1024;
const PAGE_BYTES_MIN = 32 * 1024;
const PAGE_RECORDS_MAX = 10_000;
const OUTAGE_PAUSE_MS = 500;
/** Least time from one empty page to the next request. */
const EMPTY_PAGE_MS = 50;

export class StreamReader implements AsyncIterable<StreamRecordRead> {
  readonly #client: ReadingClient;
  readonly #options: StreamReaderOptions;
  readonly #follow: boolean;
  readonly #pages: ReadyPage[] = [];
  /** Shards by index: being read, or read to their end. */
  readonly #state = new Map<number, "reading" | "done">();
  /** Looks of those that wait for their shard to be closed. */
  readonly #endWaiting = new Set<() => void>();
  #wake: () => void = () => {};
  #failure: StreamError | undefined;
  #closed = false;
  #begun = false;
  #reading = 0;

  constructor(client: ReadingClient, options: StreamReaderOptions) {
    this.#client = client;
    this.#options = options;
    this.#follow = options.follow ?? true;
  }

  /**
   * Can be iterated once.
   *
   * @throws StreamError `invalid-argument`, `not-found`, `permission-denied`, `corrupt`; without
   *   `follow` also `unavailable`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamRecordRead, void, void> {
    if (this.#begun) throw new StreamError("wrong-state", "a StreamReader is iterated once");
    this.#begun = true;
    const stopFollowing = await this.#begin();
    try {
      for (;;) {
        const next = this.#pages.shift();
        if (next !== undefined) {
          next.taken(); // its shard fetches on while this page is consumed
          for (const record of decodeRecords(next.shard, next.page, next.from)) {
            if (this.#closed) return;
            yield record;
          }
          continue;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#closed || this.#reading === 0) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      stopFollowing();
      await this.close();
    }
  }

  /** Ends the iterator, also one that waits for records. */
  close(): Promise<void> {
    this.#closed = true;
    for (const page of this.#pages.splice(0)) page.taken();
    for (const look of this.#endWaiting) look();
    this.#wake();
    return Promise.resolve();
  }

  async #begin(): Promise<() => void> {
    const { account, streamName } = this.#options;
    const { view } = this.#client;
    if (view.stream(account, streamName) === undefined) await this.#client.barrier();
    const stream = view.stream(account, streamName);
    if (stream === undefined) {
      throw new StreamError("not-found", `stream ${streamName} does not exist`);
    }
    const shards = view.shards(stream.streamId).filter((shard) => !isUnopenedShard(shard));
    const roots = this.#roots(shards);
    const members = new Set(roots.map((shard) => shard.shardIndex));
    const single = this.#options.shardId !== undefined;
    const startChildren = (): void => {
      if (single || this.#closed) return;
      for (const shard of view.shards(stream.streamId)) this.#startChild(shard, members, view);
    };
    for (const shard of roots) {
      if (single || !this.#waitsForParents(shard, members)) {
        this.#start(shard, this.#options.position, startChildren);
      }
    }
    return view.onChange(startChildren);
  }

  /** Shards that the position means; their descendants follow by themselves. */
  #roots(shards: readonly Shard[]): readonly Shard[] {
    const { position, shardId: only } = this.#options;
    const wanted = only === undefined ? undefined : parseShardId(only);
    const named = only === undefined ? shards : shards.filter((s) => s.shardIndex === wanted);
    if (named.length === 0 && only !== undefined) {
      throw new StreamError("not-found", `shard ${only} does not exist`);
    }
    if (position.kind === "LATEST") return named.filter((s) => s.state === "open");
    if (!("sequenceNumber" in position)) return named;
    const parts = parseSequenceNumber(position.sequenceNumber);
    const shard = named.find(
      (s) => s.shardIndex === parts?.shardIndex && s.createdAtSec === parts.shardCreatedSec,
    );
    if (shard !== undefined) return [shard];
    throw new StreamError(
      "invalid-argument",
      `sequenceNumber ${position.sequenceNumber} is not of a shard of ${this.#options.streamName}`,
    );
  }

  #parents(shard: Shard): readonly number[] {
    const parents = [shard.parentShardIndex, shard.adjacentParentShardIndex];
    return parents.filter((index) => index !== undefined);
  }

  /** A parent that went before its turn came keeps nobody waiting. */
  #waitsForParents(shard: Shard, members: ReadonlySet<number>): boolean {
    const { view } = this.#client;
    return this.#parents(shard).some((index) => {
      if (!members.has(index) || this.#state.get(index) === "done") return false;
      return this.#state.has(index) || view.shard(shard.streamId, index) !== undefined;
    });
  }

  #startChild(shard: Shard, members: Set<number>, view: MetadataView): void {
    if (this.#state.has(shard.shardIndex) || isUnopenedShard(shard)) return;
    const known = members.has(shard.shardIndex);
    if (!known && !this.#parents(shard).some((index) => members.has(index))) return;
    members.add(shard.shardIndex);
    if (this.#waitsForParents(shard, members)) return;
    const { position } = this.#options;
    const start: ReadPosition = known ? position : { kind: "TRIM_HORIZON" };
    this.#start(shard, start, () => {
      for (const other of view.shards(shard.streamId)) this.#startChild(other, members, view);
    });
  }

  #start(shard: Shard, position: ReadPosition, ended: () => void): void {
    this.#state.set(shard.shardIndex, "reading");
    this.#reading++;
    this.#read(shard, position)
      .catch((error: unknown) => {
        if (!this.#hasExpired(shard)) this.#failure ??= this.#told(shard, asStreamError(error));
      })
      .finally(() => {
        this.#state.set(shard.shardIndex, "done");
        ended();
        this.#reading--;
        this.#wake();
      });
  }

  /** A closed shard goes with its last record, read or not; its children are read all the same. */
  #hasExpired({ groupId, streamId, account, streamName }: Shard): boolean {
    const { view } = this.#client;
    if (view.shardOfGroup(groupId) !== undefined) return false;
    return view.stream(account, streamName)?.streamId === streamId;
  }

  #told({ account, streamId, streamName }: Shard, error: StreamError): StreamError {
    const { view } = this.#client;
    const isThere = view.stream(account, streamName)?.streamId === streamId;
    if (isThere || error.code !== "not-found") return error;
    return new StreamError("not-found", `stream ${streamName} was deleted`, { cause: error });
  }

  async #read(shard: Shard, position: ReadPosition): Promise<void> {
    const { reader, ports } = this.#client;
    const { clock } = ports;
    const latest = this.#follow
      ? undefined
      : await reader.locate(shard, "LATEST", undefined, false, DEADLINE_MS);
    const untilOffset = latest?.endOffset ?? Infinity;
    let offset = await this.#offsetOf(shard, position);
    while (!this.#closed && offset < untilOffset) {
      const from = offset;
      const askedAtMs = clock.monotonicMs();
      const page = await this.#fetch(shard, offset);
      if (page === undefined) continue;
      offset = Math.max(offset, page.nextOffset); // S5
      if (page.slices.length > 0) await this.#hand(shard, page, from);
      if (page.sealed && offset >= page.endOffset) {
        // The children begin when metadata opens them: until then this shard is not at its end.
        if (this.#follow) await this.#untilClosed(shard);
        return;
      }
      // A leader that has no room for another waiting reader answers at once.
      const hasty = clock.monotonicMs() - askedAtMs < EMPTY_PAGE_MS;
      if (page.slices.length === 0 && offset === from && hasty) await sleep(clock, EMPTY_PAGE_MS);
    }
  }

  /** Resolves when metadata says that the sealed shard is closed, or has it no more. */
  #untilClosed({ groupId }: Shard): Promise<void> {
    const { view } = this.#client;
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.#closed && view.shardOfGroup(groupId)?.state === "open") return;
        stop();
        this.#endWaiting.delete(look);
        resolve();
      };
      const stop = view.onChange(look);
      this.#endWaiting.add(look);
      look();
    });
  }

  async #offsetOf(shard: Shard, position: ReadPosition): Promise<number> {
    if ("sequenceNumber" in position) {
      const offset = parseSequenceNumber(position.sequenceNumber)?.offset ?? 0;
      const after = position.kind === "AFTER_SEQUENCE_NUMBER" || offset < 0 ? 1 : 0;
      return Number.isFinite(offset) ? offset + after : Number.MAX_SAFE_INTEGER;
    }
    const timestampMs = position.kind === "AT_TIMESTAMP" ? position.timestampMs : undefined;
    const { reader } = this.#client;
    const located = await reader.locate(shard, position.kind, timestampMs, false, DEADLINE_MS);
    return located.offset;
  }

  /** `undefined` after an outage that a follower sits out. */
  async #fetch(shard: Shard, offset: number): Promise<FetchPage | undefined> {
    const waitMs = this.#follow ? POLL_MS : 0;
    const query = { offset, maxBytes: this.#pageBytes(), maxRecords: PAGE_RECORDS_MAX, waitMs };
    try {
      return await this.#client.reader.fetch(shard, query, waitMs + DEADLINE_MS);
    } catch (error) {
      const { code } = asStreamError(error);
      const passing = code === "unavailable" || code === "overloaded" || code === "throttled";
      if (!this.#follow || !passing) throw error;
      await sleep(this.#client.ports.clock, OUTAGE_PAUSE_MS);
      return undefined;
    }
  }

  /** One page per shard with the consumer and one arriving share the whole bound. */
  #pageBytes(): number {
    const { bufferBytesMax = 32 * 1024 * 1024 } = this.#options;
    const share = Math.floor(bufferBytesMax / (2 * Math.max(1, this.#reading)));
    return Math.min(PAGE_BYTES_MAX, Math.max(PAGE_BYTES_MIN, share));
  }

  /** Queues a page; resolves when the shard may fetch its next one. */
  #hand(shard: Shard, page: FetchPage, from: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) {
        resolve();
        return;
      }
      this.#pages.push({ shard, page, from, taken: resolve });
      this.#wake();
    });
  }
}
