/** Orders a split or merge, and says how it goes until its children take records. */
import type { ErrorCode } from "@millrace/base";
import { asStreamError, sleep, StreamError } from "@millrace/base";
import { nodePorts } from "@millrace/client";
import type { MetadataView } from "@millrace/model";
import { shardId } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import { remark } from "../../output.ts";

/** Longest wait until the children take records; what is not done then goes on by itself. */
const DONE_DEADLINE_MS = 60_000;
const POLL_MS = 50;

export interface ReshardOptions {
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

export async function splitShard(
  connection: Connection,
  streamName: string,
  shardIndex: number,
  options: ReshardOptions & { readonly at?: bigint },
): Promise<void> {
  const { client, account } = connection;
  const { at } = options;
  const split = { account, streamName, shardIndex };
  const children = await withNextStep(
    lookAt(connection, streamName),
    client.admin.splitShard(at === undefined ? split : { ...split, startingHashKey: at }),
  );
  await follow(connection, streamName, { parents: [shardIndex], children }, options);
}

/** The two may come in either order: their hash keys say which one is the lower. */
export async function mergeShards(
  connection: Connection,
  streamName: string,
  pair: readonly [number, number],
  options: ReshardOptions,
): Promise<void> {
  const { client, account } = connection;
  const [lower, upper] = inOrder(client.view, account, streamName, pair);
  const pairOf = { shardIndex: lower, adjacentShardIndex: upper };
  const children = await withNextStep(
    lookAt(connection, streamName),
    client.admin.mergeShards({ account, streamName, ...pairOf }),
  );
  await follow(connection, streamName, { parents: [lower, upper], children }, options);
}

export async function cancelReshard(connection: Connection, streamName: string): Promise<void> {
  const { client, account } = connection;
  const order = client.admin.cancelReshard({ account, streamName });
  await withNextStep(lookAt(connection, streamName), order);
  remark(`stream ${streamName} stays as it was`);
}

const SHOWN_BY_LIST: ReadonlySet<ErrorCode> = new Set([
  "not-found",
  "invalid-argument",
  "wrong-state",
  "indeterminate",
]);

/** What is refused because of how the stream is now is told with the way to see how it is. */
export async function withNextStep<T>(next: () => string, order: Promise<T>): Promise<T> {
  try {
    return await order;
  } catch (error) {
    const { code, message } = asStreamError(error);
    if (!SHOWN_BY_LIST.has(code)) throw error;
    const text = message.replace(/\.$/, "");
    throw new StreamError(code, `${text}; ${next()}`, { cause: error });
  }
}

function lookAt({ client, account }: Connection, streamName: string): () => string {
  return () =>
    client.view.stream(account, streamName) === undefined
      ? "millrace stream list shows all"
      : `millrace shard list ${streamName} shows its shards`;
}

function inOrder(
  view: MetadataView,
  account: string,
  streamName: string,
  [one, other]: readonly [number, number],
): readonly [number, number] {
  const streamId = view.stream(account, streamName)?.streamId ?? "";
  const [a, b] = [view.shard(streamId, one), view.shard(streamId, other)];
  const isSwapped =
    a !== undefined && b !== undefined && a.range.startingHashKey > b.range.startingHashKey;
  return isSwapped ? [other, one] : [one, other];
}

interface Family {
  readonly parents: readonly number[];
  readonly children: readonly number[];
}

async function follow(
  { client, account }: Connection,
  streamName: string,
  family: Family,
  { wait, signal }: ReshardOptions,
): Promise<void> {
  const names = { parents: list(family.parents), children: list(family.children) };
  remark(`${names.parents} of ${streamName}: ${names.children} will take over`);
  if (!wait) return;
  const { clock } = nodePorts();
  const endsAtMs = clock.monotonicMs() + DONE_DEADLINE_MS;
  let last = "";
  for (;;) {
    const progress = progressOf(client.view, account, streamName, family);
    if (progress !== last) remark(progress);
    last = progress;
    if (progress.startsWith(DONE)) return;
    if (signal.aborted) {
      remark("it goes on by itself: millrace shard list shows how");
      return;
    }
    if (clock.monotonicMs() > endsAtMs) {
      throw new StreamError(
        "unavailable",
        `${progress} after ${DONE_DEADLINE_MS / 1000} s; it goes on by itself, and millrace shard cancel takes it back while nothing is sealed`,
      );
    }
    await sleep(clock, POLL_MS);
  }
}

const DONE = "done";

/** What a person is told now. @throws StreamError `wrong-state` when somebody took it back, `not-found` when the stream went. */
export function progressOf(
  view: MetadataView,
  account: string,
  streamName: string,
  { parents, children }: Family,
): string {
  const stream = view.stream(account, streamName);
  if (stream === undefined || stream.status === "DELETING") {
    throw new StreamError("not-found", `stream ${streamName} was deleted meanwhile`);
  }
  const shards = children.map((index) => view.shard(stream.streamId, index));
  if (shards.some((shard) => shard === undefined)) {
    throw new StreamError("wrong-state", `the change of ${streamName} was taken back`);
  }
  if (shards.every((shard) => shard?.state !== "opening")) {
    return `${DONE}: ${list(children)} of ${streamName} take records`;
  }
  const isSealing = parents.some((index) => view.shard(stream.streamId, index)?.seal !== undefined);
  return isSealing ? `sealing ${list(parents)}` : `making ${list(children)}`;
}

function list(indexes: readonly number[]): string {
  return indexes.map(shardId).join(" and ");
}
