/** What a process says of itself: ready or waiting, and for what. */
import { METADATA_GROUP_ID } from "@millrace/base";
import type { MillraceClient } from "@millrace/client";

import type { HealthReport } from "./admin-server.ts";
import type { LaneRuntime } from "./lane-runtime.ts";
import type { NodeSession } from "./node-session.ts";

export interface HealthDeps {
  /** Undefined in a process that is a gateway alone. */
  readonly runtime: LaneRuntime | undefined;
  readonly client: Pick<MillraceClient, "view">;
  readonly session: Pick<NodeSession, "alive">;
}

export type NodeState = "unformed" | "starting" | "ready" | "draining" | "failed";

export function healthOf(deps: HealthDeps): HealthReport {
  const { runtime, client, session } = deps;
  const waitingFor: string[] = [];
  if (isUnformed(deps)) {
    waitingFor.push("a cluster to be formed (millrace cluster init) or joined");
  } else if (!client.view.ready) waitingFor.push("metadata of the cluster");
  else if (!session.alive)
    waitingFor.push("the coordinator's leader to take this node's heartbeat");
  const metadata = runtime?.lane.group(METADATA_GROUP_ID);
  if (metadata !== undefined && metadata.leaderNodeId === undefined) {
    waitingFor.push("a leader of the metadata group");
  }
  if (runtime?.storage.failed !== undefined) waitingFor.push("a restart: the log has failed");
  return { ready: waitingFor.length === 0, waitingFor };
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
