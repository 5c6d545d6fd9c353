/** The shard replicas on this node, and the two things that callers do with them. */
import { asStreamError, StreamError } from "@millrace/base";
import type { Principal, Shard } from "@millrace/model";

import type { BrokerContext } from "./context.ts";
import type { AppendRequest } from "./shard/append-lane.ts";
import type { FetchReply, FetchRequest } from "./shard/fetch-call.ts";
import { FetchCall } from "./shard/fetch-call.ts";
import type { HostedShard } from "./shard/hosted-shard.ts";
import type { AppendReply } from "./shard/leader-term.ts";
import type { LocatePosition, LocateResult } from "./shard/locate.ts";
import { locate } from "./shard/locate.ts";
import { requireShard } from "./shard/shard-access.ts";

export interface LocateRequest {
  readonly groupId: number;
  readonly position: LocatePosition;
  /** Epoch milliseconds, with AT_TIMESTAMP. */
  readonly timestampMs: number;
  /** Counts against the shard's limit of iterator calls. */
  readonly limited: boolean;
}

export class Shards {
  readonly #context: BrokerContext;
  readonly #hosted = new Map<number, HostedShard>();
  #draining = false;

  constructor(context: BrokerContext) {
    this.#context = context;
  }

  get all(): readonly HostedShard[] {
    return [...this.#hosted.values()];
  }

  get(groupId: number): HostedShard | undefined {
    return this.#hosted.get(groupId);
  }

  add(hosted: HostedShard): void {
    this.#hosted.set(hosted.group.groupId, hosted);
  }

  /** Callers are sent away from now on; those that wait are woken to be told so. */
  remove(groupId: number): void {
    const hosted = this.#hosted.get(groupId);
    this.#hosted.delete(groupId);
    hosted?.tail.wakeAll();
  }

  /** From now on long polls answer at once, so that streams can end. */
  drain(): void {
    this.#draining = true;
    for (const hosted of this.#hosted.values()) hosted.tail.wakeAll();
  }

  append(groupId: number, request: AppendRequest, principal: Principal, reply: AppendReply): void {
    let hosted: HostedShard;
    let shard: Shard;
    try {
      shard = requireShard(this.#context, groupId, principal);
      hosted = this.#require(shard);
    } catch (error) {
      reply(asStreamError(error));
      return;
    }
    hosted.appends.append(shard, request, reply);
  }

  /** Returns the way to give up. */
  fetch(
    groupId: number,
    request: FetchRequest,
    principal: Principal,
    reply: FetchReply,
  ): () => void {
    try {
      const hosted = this.#require(requireShard(this.#context, groupId, principal));
      const asked = this.#draining ? { ...request, waitMs: 0 } : request;
      const call = new FetchCall(this.#context, hosted, asked, reply);
      call.start();
      return () => call.cancel();
    } catch (error) {
      reply(asStreamError(error));
      return () => undefined;
    }
  }

  /** @throws StreamError as `locate` and the look-up of the shard do. */
  async locate(request: LocateRequest, principal: Principal): Promise<LocateResult> {
    const shard = requireShard(this.#context, request.groupId, principal);
    return locate(this.#context, this.#require(shard), request);
  }

  /** @throws StreamError `not-leader` naming the first replica's node when this node has none. */
  #require(shard: Shard): HostedShard {
    const hosted = this.#hosted.get(shard.groupId);
    if (hosted !== undefined) return hosted;
    const likely = shard.replicas.find(({ nodeId }) => nodeId !== this.#context.nodeId)?.nodeId;
    const address = likely === undefined ? undefined : this.#context.view.node(likely);
    throw new StreamError("not-leader", `this node has no replica of group ${shard.groupId}`, {
      hint: {
        ...(likely === undefined ? {} : { leaderNodeId: likely }),
        ...(address?.addresses.data === undefined ? {} : { leaderAddress: address.addresses.data }),
      },
    });
  }
}
