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
  /** Why a replica that is here takes no part, by group. */
  readonly #damage = new Map<number, string>();
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
    this.#damage.delete(hosted.group.groupId);
  }

  /**
   * Callers are sent away from now on; those that wait are woken to be told so.
   * @param damage what was found when the replica is here, but cannot be trusted.
   */
  remove(groupId: number, damage?: string): void {
    const hosted = this.#hosted.get(groupId);
    this.#hosted.delete(groupId);
    if (damage === undefined) this.#damage.delete(groupId);
    else this.#damage.set(groupId, damage);
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

  /**
   * @throws StreamError `not-leader` naming another replica's node when this node has none that takes part;
   * `unavailable` when a damaged one is here and there is no other.
   */
  #require(shard: Shard): HostedShard {
    const hosted = this.#hosted.get(shard.groupId);
    if (hosted !== undefined) return hosted;
    const likely = shard.replicas.find(({ nodeId }) => nodeId !== this.#context.nodeId)?.nodeId;
    const address = likely === undefined ? undefined : this.#context.view.node(likely);
    const damage = this.#damage.get(shard.groupId);
    const what = damage === undefined ? "no replica" : "a damaged replica";
    const why = `this node has ${what} of group ${shard.groupId}`;
    const code = likely === undefined && damage !== undefined ? "unavailable" : "not-leader";
    throw new StreamError(code, damage === undefined ? why : `${why}: ${damage}`, {
      hint: {
        ...(likely === undefined ? {} : { leaderNodeId: likely }),
        ...(address?.addresses.data === undefined ? {} : { leaderAddress: address.addresses.data }),
      },
    });
  }
}
