/** The cluster as a whole: its forming, its processes, keys and limits. */
import type { NodeRecord } from "@millrace/model";

import type { CommandOf } from "./command.ts";
import type { Draft } from "./draft.ts";
import { shardRecord } from "./draft.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import { refuse } from "./outcome.ts";

/** Group 1 is the metadata group itself. */
const FIRST_SHARD_GROUP_ID = 2;

export function formCluster(draft: Draft, command: CommandOf<"form-cluster">): Outcome {
  const formed = draft.view.cluster();
  if (formed !== undefined) {
    if (formed.clusterId === command.clusterId) return undefined;
    return refuse("already-exists", `this is cluster ${formed.clusterId} already`);
  }
  const { clusterId, account, region, createdAtMs, limits, sealedTokenKey } = command;
  draft.putCluster({
    clusterId,
    account,
    region,
    createdAtMs,
    limits,
    nextGroupId: FIRST_SHARD_GROUP_ID,
    nextReplicaId: command.nextReplicaId,
    sealedTokenKey,
    trimClockMs: createdAtMs,
  });
  for (const node of command.nodes) draft.putNode(node);
  const { accessKeyId, sealedSecret } = command;
  draft.putAccessKey({ accessKeyId, account, sealedSecret, createdAtMs });
  return undefined;
}

/**
 * Another incarnation under a known node id is an empty disk: what metadata placed on the former one
 * is lost, and is recorded so at once, because nobody is left who could report it (S8).
 */
export function registerNode(draft: Draft, command: CommandOf<"register-node">): Outcome {
  if (draft.view.cluster() === undefined) return notFormed();
  const { node } = command;
  const known = draft.view.node(node.nodeId);
  if (known?.incarnation === node.incarnation && node.bootEpoch < known.bootEpoch) {
    return refuse(
      "wrong-state",
      `node ${node.nodeId} registers with bootEpoch ${node.bootEpoch}, but known is ` +
        `${known.bootEpoch}: a later start of it is running`,
    );
  }
  if (known !== undefined && sameNode(known, node)) return undefined;
  draft.putNode(node);
  if (known !== undefined && known.incarnation !== node.incarnation) loseReplicas(draft, known);
  return undefined;
}

function loseReplicas(draft: Draft, former: NodeRecord): void {
  for (const stream of draft.view.list("stream")) {
    for (const shard of draft.view.shards(stream.streamId)) {
      const replicas = shard.replicas.map((replica) =>
        replica.nodeId === former.nodeId && replica.incarnation === former.incarnation
          ? { ...replica, state: "lost" as const }
          : replica,
      );
      const changed = replicas.some((replica, at) => replica.state !== shard.replicas[at]?.state);
      if (changed) draft.putShard({ ...shardRecord(shard), replicas });
    }
  }
}

export function setNodeState(draft: Draft, command: CommandOf<"set-node-state">): Outcome {
  const node = draft.view.node(command.nodeId);
  if (node?.incarnation !== command.incarnation) {
    return refuse("not-found", `node ${command.nodeId} of ${command.incarnation} is not known`);
  }
  if (node.state !== command.state) draft.putNode({ ...node, state: command.state });
  return undefined;
}

export function createAccessKey(draft: Draft, command: CommandOf<"create-access-key">): Outcome {
  if (draft.view.cluster() === undefined) return notFormed();
  const { accessKeyId, account, sealedSecret, nowMs } = command;
  if (draft.view.accessKey(accessKeyId) !== undefined) {
    return refuse("already-exists", `access key ${accessKeyId} already exists`);
  }
  draft.putAccessKey({ accessKeyId, account, sealedSecret, createdAtMs: nowMs });
  return undefined;
}

export function updateLimits(draft: Draft, command: CommandOf<"update-limits">): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return notFormed();
  draft.putCluster({ ...cluster, limits: command.limits });
  return undefined;
}

/** Only forwards: a leader with a slow clock must not take back what brokers may have trimmed by (S9). */
export function advanceTrimClock(draft: Draft, command: CommandOf<"advance-trim-clock">): Outcome {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return notFormed();
  if (command.nowMs <= cluster.trimClockMs) return undefined;
  draft.putCluster({ ...cluster, trimClockMs: command.nowMs });
  return undefined;
}

/** Compares as text with sorted members: a record that came through the log has them in any order. */
function sameNode(a: NodeRecord, b: NodeRecord): boolean {
  return sortedText(a) === sortedText(b);
}

function sortedText({ addresses, ...rest }: NodeRecord): string {
  const members = [...Object.entries(rest), ...Object.entries(addresses)];
  return JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function notFormed(): Refusal {
  return refuse("unavailable", "the cluster is not formed yet");
}
