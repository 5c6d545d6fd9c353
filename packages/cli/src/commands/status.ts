/** What the cluster is doing: nodes, and for each shard its state, leader and replicas. */
import type { NodeStatus } from "@millrace/client";
import type { NodeRecord, Shard } from "@millrace/model";
import { shardId } from "@millrace/model";

import type { Connection } from "../connect.ts";
import type { OutputFormat } from "../output.ts";
import { print } from "../output.ts";

const NODE_DEADLINE_MS = 2000;

export interface ClusterStatus {
  readonly clusterId: string;
  readonly nodes: readonly {
    readonly id: number;
    readonly roles: readonly string[];
    readonly pid: number;
    readonly ports: Readonly<Record<string, number>>;
    readonly dataDir: string;
    /** What the node says of itself, or `down` when it does not answer. */
    readonly state: string;
  }[];
  readonly shards: readonly {
    readonly streamName: string;
    readonly shardId: string;
    readonly state: string;
    /** Node that leads the shard now, or null while none is known to. */
    readonly leader: number | null;
    readonly replicas: readonly number[];
  }[];
}

export async function readStatus({ client }: Connection): Promise<ClusterStatus> {
  const records = client.view.list("node");
  const answers = await Promise.all(
    records.map((node) =>
      client.admin.nodeStatus(node.addresses.rpc, NODE_DEADLINE_MS).catch(() => undefined),
    ),
  );
  const leaders = leadersByGroup(answers);
  const streams = client.view.list("stream");
  const shards = streams.flatMap((stream) => client.view.shards(stream.streamId));
  return {
    clusterId: client.view.cluster()?.clusterId ?? "",
    nodes: records
      .map((record, index) => describeNode(record, answers[index]))
      .toSorted((a, b) => a.id - b.id),
    shards: shards.map((shard) => describeShard(shard, leaders.get(shard.groupId)?.nodeId)),
  };
}

export async function printStatus(connection: Connection, format: OutputFormat): Promise<void> {
  const status = await readStatus(connection);
  print(format, status, () => [
    {
      title: "Nodes",
      rows: status.nodes.map((node) => ({
        id: node.id,
        roles: node.roles.join(","),
        state: node.state,
        pid: node.pid,
        ports: Object.entries(node.ports)
          .map(([name, port]) => `${name}:${port}`)
          .join(" "),
        dataDir: node.dataDir,
      })),
      empty: "no nodes",
    },
    {
      title: "Shards",
      rows: status.shards.map((shard) => ({
        stream: shard.streamName,
        shard: shard.shardId,
        state: shard.state,
        leader: shard.leader ?? "none",
        replicas: shard.replicas.join(","),
      })),
      empty: "no streams yet: millrace stream create NAME --shards 4",
    },
  ]);
}

/** The leader of each group with the highest term: an old one may not know yet that it was replaced. */
function leadersByGroup(
  answers: readonly (NodeStatus | undefined)[],
): ReadonlyMap<number, { readonly nodeId: number; readonly term: number }> {
  const leaders = new Map<number, { nodeId: number; term: number }>();
  for (const answer of answers) {
    for (const group of answer?.groups ?? []) {
      const known = leaders.get(group.groupId);
      if (group.role !== "leader" || (known !== undefined && known.term > group.term)) continue;
      leaders.set(group.groupId, { nodeId: answer?.nodeId ?? 0, term: group.term });
    }
  }
  return leaders;
}

function describeNode(record: NodeRecord, answer: NodeStatus | undefined) {
  const ports: Record<string, number> = {};
  for (const [name, address] of Object.entries(record.addresses)) {
    const port = Number(String(address).split(":").at(-1));
    if (port > 0) ports[name] = port;
  }
  return {
    id: record.nodeId,
    roles: record.roles,
    pid: answer?.pid ?? record.pid,
    ports,
    dataDir: record.dataDir,
    state: answer?.state ?? "down",
  };
}

function describeShard(shard: Shard, leader: number | undefined) {
  return {
    streamName: shard.streamName,
    shardId: shardId(shard.shardIndex),
    state: shard.state,
    leader: leader ?? null,
    replicas: shard.replicas.map((replica) => replica.nodeId),
  };
}
