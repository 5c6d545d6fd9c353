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

interface AnsweredLine extends NodeLine {
  /** Replicas that metadata names nowhere, which the node keeps; null when it does not answer. */
  readonly unknown: number | null;
  /** Since when no coordinator has heard of the node; null while it is heard. */
  readonly silentSince: string | null;
}

const NODE_DEADLINE_MS = 2_000;

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

/** With what only the node itself and its record can tell. */
async function answered({ client }: Connection, line: NodeLine): Promise<AnsweredLine> {
  const node = client.view.node(line.id);
  const silentSince =
    node?.silentSinceMs === undefined ? null : new Date(node.silentSinceMs).toISOString();
  if (node === undefined || line.goal === "removed") return { ...line, unknown: null, silentSince };
  const status = await client.admin
    .nodeStatus(node.addresses.rpc, NODE_DEADLINE_MS)
    .catch(() => undefined); // a node that is down is listed all the same
  const unknown = status?.groups.filter((group) => group.unknown).length ?? null;
  return { ...line, unknown, silentSince };
}

export async function printNodes(connection: Connection, format: OutputFormat): Promise<void> {
  const { view } = connection.client;
  const lines = await Promise.all(nodeLines(view).map((line) => answered(connection, line)));
  print(format, lines, () => [
    {
      rows: lines.map(({ roles, unknown, silentSince, ...line }) => ({
        ...line,
        unknown: unknown ?? "?",
        silentSince: silentSince ?? "",
        roles: roles.join(","),
      })),
      empty: "no nodes",
    },
  ]);
}
