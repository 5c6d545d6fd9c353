import type { GroupPlacement, MetadataView } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print } from "../../output.ts";

export interface NodeLine {
  readonly id: number;
  readonly host: string;
  readonly zone: string;
  readonly roles: readonly string[];
  /** `serve`, `drain`, `decommission` or `removed`. */
  readonly goal: string;
  /** Replicas that the node holds, the cluster's own group included. */
  readonly replicas: number;
  /** Replicas on their way to the node, and away from it. */
  readonly arriving: number;
  readonly leaving: number;
}

/** Replicas of all groups, where their leaders said that they are. */
export function nodeLines(view: Pick<MetadataView, "list" | "cluster">): readonly NodeLine[] {
  const metadata = view.cluster()?.metadataGroup;
  const groups: readonly GroupPlacement[] = [
    ...(metadata === undefined ? [] : [metadata]),
    ...view.list("shard"),
  ];
  const lines = view.list("node").map(({ nodeId, host, zone, roles, goal = "serve" }) => {
    const held = groups.flatMap(({ replicas, move }) =>
      replicas
        .filter((replica) => replica.nodeId === nodeId)
        .map(({ replicaId }) => move?.removeReplicaId === replicaId),
    );
    const arriving = groups.filter(({ move }) => move?.add?.nodeId === nodeId).length;
    const leaving = held.filter(Boolean).length;
    return { id: nodeId, host, zone, roles, goal, replicas: held.length, arriving, leaving };
  });
  return lines.toSorted((a, b) => a.id - b.id);
}

export function printNodes({ client }: Connection, format: OutputFormat): void {
  const lines = nodeLines(client.view);
  print(format, lines, () => [
    {
      rows: lines.map(({ roles, ...line }) => ({ ...line, roles: roles.join(",") })),
      empty: "no nodes",
    },
  ]);
}
