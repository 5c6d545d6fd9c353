/**
 * Connections to the `data` ports of brokers: one channel per address, one Append and one Fetch stream
 * on each. Addresses that metadata no longer has are let go.
 */
import type { Clock, Logger } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { MetadataView } from "@millrace/model";
import { HOT_PATHS } from "@millrace/proto";
import type {
  AppendHeader,
  AppendResponseMessage,
  CallMetadata,
  FetchRequestMessage,
  FetchResponseMessage,
} from "@millrace/rpc";
import {
  decodeAppendResponse,
  decodeFetchResponse,
  encodeAppendRequest,
  encodeFetchRequest,
} from "@millrace/rpc";

import type { ClientLimits } from "../options.ts";
import type {
  AppendAttempt,
  AppendPort,
  AppendResult,
  PendingAppend,
} from "../producer/append-port.ts";
import type { FetchAnswer } from "../reader/read-port.ts";
import type { Target } from "../routing/leader-cache.ts";
import type { FetchQuery } from "../types.ts";
import type { Channels, HotPort } from "./channels.ts";
import { MethodLink } from "./method-link.ts";
import type { CallResult, PipelineCodec } from "./request-pipeline.ts";

export interface DataLinksDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly view: MetadataView;
  readonly limits: ClientLimits;
  /** Metadata that signs a stream of `path` to `address`. */
  readonly sign: (path: string, address: string) => CallMetadata;
  readonly channels: Pick<Channels, "hot">;
}

type FetchCall = Omit<FetchRequestMessage, "requestId">;

interface Link {
  readonly channel: HotPort;
  readonly append: MethodLink<AppendAttempt, AppendResponseMessage>;
  readonly fetch: MethodLink<FetchCall, FetchResponseMessage>;
}

const APPEND_CODEC: PipelineCodec<AppendAttempt, AppendResponseMessage> = {
  encode(requestId, { groupId, shardEpoch, expectedTerm, batch }) {
    const header: AppendHeader = { requestId, groupId, shardEpoch, expectedTerm };
    return encodeAppendRequest(header, [batch]);
  },
  decode: decodeAppendResponse,
};

const FETCH_CODEC: PipelineCodec<FetchCall, FetchResponseMessage> = {
  encode: (requestId, call) => encodeFetchRequest({ ...call, requestId }),
  decode: decodeFetchResponse,
};

/** What a request costs beside its batch, for the bound on bytes. */
const REQUEST_BYTES = 64;

export class DataLinks implements AppendPort {
  readonly #deps: DataLinksDeps;
  readonly #links = new Map<string, Link>();
  readonly #stopFollowing: () => void;
  #closed = false;

  constructor(deps: DataLinksDeps) {
    this.#deps = deps;
    this.#stopFollowing = deps.view.onChange((keys) => {
      if (keys.some((key) => key.startsWith("node/"))) this.#prune();
    });
  }

  append(
    target: Target,
    attempt: AppendAttempt,
    done: (result: AppendResult) => void,
  ): PendingAppend | undefined {
    const bytes = attempt.batch.byteLength + REQUEST_BYTES;
    return this.#link(target.data).append.call(attempt, bytes, (result) =>
      done(appendResult(result)),
    );
  }

  whenRoom(target: Target, run: () => void): void {
    this.#link(target.data).append.whenRoom(run);
  }

  /** @throws StreamError, as the far end or the link says it; `overloaded` when the stream is full. */
  fetch(
    target: Target,
    groupId: number,
    query: FetchQuery,
    timeoutMs: number,
  ): Promise<FetchAnswer> {
    const { offset, maxBytes, maxRecords, waitMs = 0, limited = false } = query;
    const call = { groupId, offset, maxBytes, maxRecords, waitMs, limited };
    return new Promise((resolve, reject) => {
      const pending = this.#link(target.data).fetch.call(call, REQUEST_BYTES, (result) => {
        timer.cancel();
        if (result.kind === "lost") reject(result.error);
        else if (result.reply.failure !== undefined) reject(result.reply.failure);
        else resolve(result.reply);
      });
      if (pending === undefined) {
        throw new StreamError("overloaded", `the fetch stream to ${target.data} is full`);
      }
      const timer = this.#deps.clock.schedule(timeoutMs, () => {
        pending.cancel();
        reject(
          new StreamError("unavailable", `${target.data} did not answer within ${timeoutMs} ms`),
        );
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopFollowing();
    for (const address of this.#links.keys()) this.#drop(address, "the client is closed");
  }

  #link(address: string): Link {
    const known = this.#links.get(address);
    if (known !== undefined) return known;
    if (this.#closed) throw new StreamError("unavailable", "the client is closed");
    const { clock, logger, limits, sign, channels } = this.#deps;
    const channel = channels.hot({
      address,
      metadata: (path) => sign(path, address),
      clock,
      logger,
      connectTimeoutMs: limits.connectTimeoutMs,
    });
    const shared = { channel, clock, limits };
    const link: Link = {
      channel,
      append: new MethodLink({ ...shared, path: HOT_PATHS.append, codec: APPEND_CODEC }),
      fetch: new MethodLink({ ...shared, path: HOT_PATHS.fetch, codec: FETCH_CODEC }),
    };
    channel.onState((state) => {
      for (const method of [link.append, link.fetch]) {
        if (state === "ready") method.connected();
        if (state === "down") method.disconnected();
      }
    });
    this.#links.set(address, link);
    return link;
  }

  #prune(): void {
    const addresses = new Set(this.#deps.view.list("node").map((node) => node.addresses.data));
    for (const address of this.#links.keys()) {
      if (!addresses.has(address)) this.#drop(address, "metadata has no node of this address");
    }
  }

  #drop(address: string, reason: string): void {
    const link = this.#links.get(address);
    if (link === undefined) return;
    this.#links.delete(address);
    const error = new StreamError("indeterminate", `the link to ${address} was closed: ${reason}`);
    link.append.close(error);
    link.fetch.close(error);
    link.channel.close();
  }
}

function appendResult(result: CallResult<AppendResponseMessage>): AppendResult {
  if (result.kind === "lost") return { kind: "failed", error: result.error, link: true };
  const { reply } = result;
  if (reply.failure !== undefined) return { kind: "failed", error: reply.failure, link: false };
  const { baseOffset, count, arrivalMs, term } = reply;
  return { kind: "stored", baseOffset, count, arrivalMs, term };
}
