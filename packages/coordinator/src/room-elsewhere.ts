/** Whether the other brokers could take what a node holds: asked before it is emptied, not when it is half empty. */
import { METADATA_GROUP_ID, StreamError } from "@millrace/base";
import type { GroupPlacement } from "@millrace/model";

import { maySpare } from "./members-step.ts";
import type { MetadataState } from "./state/metadata-state.ts";

/** @throws StreamError `limit-exceeded`, naming the first group that would have no place for a replica. */
export function requireRoomElsewhere(state: MetadataState, nodeId: number): void {
  const metadata = state.view.cluster()?.metadataGroup;
  if (metadata !== undefined) requireRoom(state, nodeId, metadata, "coordinator");
  for (const shard of state.view.list("shard")) requireRoom(state, nodeId, shard, "broker");
}

function requireRoom(
  state: MetadataState,
  nodeId: number,
  { groupId, replicas }: GroupPlacement,
  role: "broker" | "coordinator",
): void {
  const leaving = replicas.find((replica) => replica.nodeId === nodeId);
  if (leaving === undefined || maySpare({ groupId, replicas }, leaving)) return;
  const staying = replicas.filter((replica) => replica.nodeId !== nodeId);
  const hosts = new Set(staying.map((replica) => state.nodes.get(replica.nodeId)?.host));
  const hasRoom = [...state.nodes.values()].some(
    (node) =>
      node.nodeId !== nodeId &&
      node.roles.includes(role) &&
      (node.goal ?? "serve") === "serve" &&
      !hosts.has(node.host),
  );
  if (hasRoom) return;
  const what = groupId === METADATA_GROUP_ID ? "the metadata group" : `group ${groupId}`;
  throw new StreamError(
    "limit-exceeded",
    `node ${nodeId} cannot be emptied: ${what} has ${replicas.length} replicas, and no other ` +
      `${role} in service has a host label of its own`,
  );
}
