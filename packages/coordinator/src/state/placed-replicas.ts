/** Replicas of new groups, as the leader placed them before it proposed the command. */
import type { ReplicaPlacement } from "@millrace/model";

import type { PlacementOfCommand } from "./command.ts";
import type { Draft } from "./draft.ts";
import type { Refusal } from "./outcome.ts";
import { refuse } from "./outcome.ts";

/** A disk that was replaced after it was chosen: its replicas would never come to be. */
export function staleBroker(draft: Draft, { brokers }: PlacementOfCommand): Refusal | undefined {
  const stale = brokers.find(
    ({ nodeId, incarnation }) => draft.view.node(nodeId)?.incarnation !== incarnation,
  );
  if (stale === undefined) return undefined;
  return refuse("unavailable", `node ${stale.nodeId} changed while shards were placed: retry`);
}

/** The replicas of each placed group, with ids from `firstReplicaId` on. */
export function placedReplicas(
  { brokers, placements }: PlacementOfCommand,
  firstReplicaId: number,
): readonly (readonly ReplicaPlacement[])[] {
  let replicaId = firstReplicaId;
  return placements.map((positions) =>
    positions.flatMap((position) => {
      const broker = brokers[position];
      return broker === undefined
        ? []
        : [{ replicaId: replicaId++, ...broker, state: "creating" as const }];
    }),
  );
}
