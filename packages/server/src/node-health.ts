/** What a process says of itself: ready or waiting, and for what. */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { MillraceClient } from "@millrace/client";

import type { HealthReport } from "./admin-server.ts";
import type { LaneRuntime } from "./lane-runtime.ts";
import type { NodeSession } from "./node-session.ts";

interface NodeRuntime {
  readonly lane: Pick<LaneRuntime["lane"], "damaged" | "group">;
  readonly storage: Pick<LaneRuntime["storage"], "failed" | "identity">;
}

export interface HealthDeps {
  /** Undefined in a process that is a gateway alone. */
  readonly runtime: NodeRuntime | undefined;
  readonly client: { readonly view: Pick<MillraceClient["view"], "ready"> };
  readonly session: Pick<NodeSession, "alive">;
}

export type NodeState = "unformed" | "starting" | "ready" | "draining" | "failed";

export function healthOf(deps: HealthDeps): HealthReport {
  const { runtime, client, session } = deps;
  const waitingFor: string[] = [];
  if (isUnformed(deps)) {
    waitingFor.push("a cluster to be formed (millrace cluster init) or joined");
  } else if (!client.view.ready) waitingFor.push(metadataOf(runtime));
  else if (!session.alive)
    waitingFor.push("the coordinator's leader to take this node's heartbeat");
  const metadata = runtime?.lane.group(METADATA_GROUP_ID);
  if (metadata !== undefined && metadata.leaderNodeId === undefined) {
    waitingFor.push("a leader of the metadata group");
  }
  if (runtime?.storage.failed !== undefined) waitingFor.push("a restart: the log has failed");
  return { ready: waitingFor.length === 0, waitingFor };
}

/** A node whose own copy is damaged can only wait for another one: who looks at it must know that. */
function metadataOf(runtime: NodeRuntime | undefined): string {
  const damage = runtime?.lane.damaged().find(({ groupId }) => groupId === METADATA_GROUP_ID);
  if (damage === undefined) return "metadata of the cluster";
  return `metadata of the cluster from another node: the copy here is damaged (${damage.reason})`;
}

export function nodeState(deps: HealthDeps, stopping: boolean): NodeState {
  if (deps.runtime?.storage.failed !== undefined) return "failed";
  if (stopping) return "draining";
  if (isUnformed(deps)) return "unformed";
  return healthOf(deps).ready ? "ready" : "starting";
}

function isUnformed({ runtime, client }: HealthDeps): boolean {
  return (
    runtime !== undefined && runtime.storage.identity.clusterId === undefined && !client.view.ready
  );
}
