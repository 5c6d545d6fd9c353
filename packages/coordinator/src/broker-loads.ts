/**
 * The leader's picture of how much each broker carries, placements in flight included: a hundred
 * streams created at once would otherwise all be placed on the same emptiest brokers.
 */
import type { NodeLiveness } from "./liveness.ts";
import type { Candidate } from "./placement.ts";
import { placeShards } from "./placement.ts";
import type { MetadataState } from "./state/metadata-state.ts";

export interface PlacementOrder {
  /** Brokers in use, each with the incarnation that it was chosen for. */
  readonly brokers: readonly { readonly nodeId: number; readonly incarnation: string }[];
  /** Per shard, positions in `brokers`. */
  readonly placements: readonly (readonly number[])[];
  /** To be called once the order is in metadata, or will never be. */
  release(): void;
}

interface Count {
  replicas: number;
  leaders: number;
}

export class BrokerLoads {
  readonly #state: MetadataState;
  readonly #liveness: NodeLiveness;
  readonly #inFlight = new Set<ReadonlyMap<number, Count>>();

  constructor(state: MetadataState, liveness: NodeLiveness) {
    this.#state = state;
    this.#liveness = liveness;
  }

  /** @throws StreamError as `placeShards`. */
  place(shardCount: number, replicationFactor: number): PlacementOrder {
    const placed = placeShards(this.#candidates(), shardCount, replicationFactor);
    const nodeIds = [...new Set(placed.flat())].sort((a, b) => a - b);
    const position = new Map(nodeIds.map((nodeId, at) => [nodeId, at]));
    const counts = new Map<number, Count>();
    for (const replicas of placed) countReplicas(counts, replicas);
    this.#inFlight.add(counts);
    return {
      brokers: nodeIds.map((nodeId) => ({
        nodeId,
        incarnation: this.#state.nodes.get(nodeId)?.incarnation ?? "",
      })),
      placements: placed.map((replicas) => replicas.map((nodeId) => position.get(nodeId) ?? 0)),
      release: () => {
        this.#inFlight.delete(counts);
      },
    };
  }

  #candidates(): readonly Candidate[] {
    const counts = new Map<number, Count>();
    for (const shard of this.#state.view.list("shard")) {
      countReplicas(
        counts,
        shard.replicas.map(({ nodeId }) => nodeId),
      );
    }
    for (const order of this.#inFlight) {
      for (const [nodeId, { replicas, leaders }] of order) add(counts, nodeId, replicas, leaders);
    }
    return [...this.#state.nodes.values()]
      .filter(({ roles, goal = "serve" }) => {
        return roles.includes("broker") && (goal === "serve" || goal === "drain");
      })
      .map(({ nodeId, incarnation, host, state, goal = "serve" }) => ({
        nodeId,
        host,
        ready: state === "active" && goal === "serve" && this.#liveness.alive(nodeId, incarnation),
        replicas: counts.get(nodeId)?.replicas ?? 0,
        leaders: counts.get(nodeId)?.leaders ?? 0,
      }));
  }
}

function countReplicas(counts: Map<number, Count>, nodeIds: readonly number[]): void {
  for (const [at, nodeId] of nodeIds.entries()) add(counts, nodeId, 1, at === 0 ? 1 : 0);
}

function add(counts: Map<number, Count>, nodeId: number, replicas: number, leaders: number): void {
  const count = counts.get(nodeId) ?? { replicas: 0, leaders: 0 };
  count.replicas += replicas;
  count.leaders += leaders;
  counts.set(nodeId, count);
}
