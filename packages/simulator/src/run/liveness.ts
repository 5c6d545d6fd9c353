/**
 * What must come true once the faults have stopped, each within a bound of virtual time.
 *
 *   L1  every shard that takes records takes one
 *   L2  all replicas of a shard are at one index
 *   L3  no change is stuck: streams are ACTIVE or gone, no group is on the move, no replica is dead
 *   L4  WAL files are freed: what flushed segments hold is in no WAL file but the newest
 *   L5  a node with an empty disk is a member again, under its new incarnation
 *   L6  no queue grows without bound (World looks at the connections all the time)
 */
import { sleep } from "@millrace/base";
import type { GroupPlacement, MetadataView, Shard } from "@millrace/model";

import { ACCOUNT } from "../node/addresses.ts";
import type { World } from "../world.ts";

/** Files that may be in use at one time: the newest, and one that is being flushed. */
const WAL_FILES_MAX = 2;
const POLL_MS = 50;

/** Resolves when `holds` does. */
export async function until({ admin }: World, holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(admin.process.clock, POLL_MS);
}

/** Of streams that stay. */
export function shardsThatStay(view: MetadataView): readonly Shard[] {
  return view
    .list("stream")
    .filter(({ account, status }) => account === ACCOUNT && status !== "DELETING")
    .flatMap(({ streamId }) => view.shards(streamId));
}

/** L2. Metadata goes on by itself; its replicas are compared entry by entry as they apply. */
export function haveConverged(world: World): boolean {
  const view = world.newestView;
  if (view === undefined) return false;
  return shardsThatStay(view).every(({ groupId, replicas }) => {
    const indexes = replicas.map(({ nodeId, replicaId }) => {
      const node = world.machines.find((each) => each.nodeId === nodeId);
      const groups = node?.running?.lane.groups() ?? [];
      const group = [...groups].find((each) => each.groupId === groupId);
      return group?.replicaId === replicaId ? group.appliedIndex : undefined;
    });
    return indexes[0] !== undefined && indexes.every((index) => index === indexes[0]);
  });
}

/** L3. What is under way, in words; nothing when all is settled. */
export function unsettled(world: World): readonly string[] {
  const view = world.newestView;
  const cluster = view?.cluster();
  if (view === undefined || cluster === undefined) return ["no metadata"];
  const streams = view
    .list("stream")
    .filter(({ status }) => status !== "ACTIVE")
    .map(({ streamName, status }) => `stream ${streamName} is ${status}`);
  const { metadataGroup } = cluster;
  const groups: readonly GroupPlacement[] = [
    ...(metadataGroup === undefined ? [] : [metadataGroup]),
    ...view.list("shard"),
  ];
  return [...streams, ...groups.flatMap((group) => unsettledReplicas(group))];
}

function unsettledReplicas({ groupId, replicas, move }: GroupPlacement): readonly string[] {
  const moving = move === undefined ? [] : [`group ${groupId} is on the move`];
  const dead = replicas
    .filter(({ state }) => state !== "created")
    .map(({ replicaId, state }) => `replica ${replicaId} of group ${groupId} is ${state}`);
  return [...moving, ...dead];
}

/** L4. */
export function walFilesAreFreed({ machines }: World): boolean {
  return machines.every(({ running }) => (running?.storage.stats().walFiles ?? 0) <= WAL_FILES_MAX);
}

/** L5. */
export function wipedNodesAreBack({ machines, newestView }: World): boolean {
  return machines.every(({ nodeId, lostIncarnations, running }) => {
    if (lostIncarnations.size === 0) return true;
    const known = newestView?.node(nodeId)?.incarnation;
    return known !== undefined && known === running?.storage.identity.incarnation;
  });
}
