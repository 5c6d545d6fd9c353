/**
 * Where the leader of each shard's group was last seen.
 *
 * Leaders are not in metadata: they change faster than anybody should have to tail. A guess costs one
 * redirect when it is wrong, so the last leader is tried first, then the replica that placement
 * prefers, then the others in turn.
 *
 *   R1  answers are refused for their term only by a term that has served: a node that was cut off may
 *       claim any term in a hint
 */
import type { ErrorHint } from "@millrace/base";
import type { MetadataView, Shard } from "@millrace/model";

/** A node to send to. */
export interface Target {
  readonly nodeId: number;
  /** `host:port` of its `data` port. */
  readonly data: string;
  /** `host:port` of its `rpc` port. */
  readonly rpc: string;
  /** Raft term in which it led when last heard; 0 when not known. */
  readonly term: number;
}

interface Known {
  leaderNodeId: number | undefined;
  leaderTerm: number;
  servedTerm: number;
  next: number;
}

export class LeaderCache {
  readonly #view: MetadataView;
  readonly #byGroup = new Map<number, Known>();

  constructor(view: MetadataView) {
    this.#view = view;
  }

  /** The node to try now, or `undefined` while no replica has a known address. */
  target(shard: Shard): Target | undefined {
    const known = this.#byGroup.get(shard.groupId);
    if (known?.leaderNodeId !== undefined) {
      const target = this.#addressed(known.leaderNodeId, known.leaderTerm);
      if (target !== undefined) return target;
    }
    const replicas = this.#view.shardOfGroup(shard.groupId)?.replicas ?? shard.replicas;
    const first = known?.next ?? 0;
    for (let step = 0; step < replicas.length; step++) {
      const replica = replicas[(first + step) % replicas.length];
      const target = replica && this.#addressed(replica.nodeId, 0);
      if (target !== undefined) return target;
    }
    return undefined;
  }

  /** A node answered as leader. False when a later term has already served: the answer is of the past (S5). */
  served(groupId: number, nodeId: number, term: number): boolean {
    const known = this.#known(groupId);
    if (term < known.servedTerm) return false;
    known.leaderNodeId = nodeId;
    known.leaderTerm = term;
    known.servedTerm = term;
    return true;
  }

  /** A node refused to lead. True when its hint names a place that was not just asked for the same term. */
  redirected(groupId: number, asked: Target, hint: ErrorHint): boolean {
    const known = this.#known(groupId);
    const leader = hint.leaderNodeId;
    const term = hint.term ?? 0;
    const useful =
      leader !== undefined &&
      this.#view.node(leader) !== undefined &&
      (leader !== asked.nodeId || (term !== 0 && term !== asked.term));
    if (!useful) {
      this.failed(groupId, asked.nodeId);
      return false;
    }
    known.leaderNodeId = leader;
    known.leaderTerm = term;
    return true;
  }

  /** A node did not help: the next replica's turn. */
  failed(groupId: number, nodeId: number): void {
    const known = this.#known(groupId);
    if (known.leaderNodeId === nodeId) {
      known.leaderNodeId = undefined;
      known.leaderTerm = 0;
    }
    const replicas = this.#view.shardOfGroup(groupId)?.replicas ?? [];
    const at = replicas.findIndex((replica) => replica.nodeId === nodeId);
    known.next = at >= 0 ? at + 1 : known.next + 1;
  }

  /** Forgets groups that metadata no longer has, so that the cache stays as small as the cluster. */
  prune(): void {
    for (const groupId of this.#byGroup.keys()) {
      if (this.#view.shardOfGroup(groupId) === undefined) this.#byGroup.delete(groupId);
    }
  }

  #addressed(nodeId: number, term: number): Target | undefined {
    const addresses = this.#view.node(nodeId)?.addresses;
    if (addresses?.data === undefined) return undefined;
    return { nodeId, data: addresses.data, rpc: addresses.rpc, term };
  }

  #known(groupId: number): Known {
    const known = this.#byGroup.get(groupId);
    if (known !== undefined) return known;
    const fresh: Known = { leaderNodeId: undefined, leaderTerm: 0, servedTerm: 0, next: 0 };
    this.#byGroup.set(groupId, fresh);
    return fresh;
  }
}
