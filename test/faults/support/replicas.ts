/**
 * The end of every proof that damages a disk: all nodes hold the same entries (S2, L2), read from each
 * node's own files, not through whoever leads.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { GroupPlacement } from "@millrace/model";
import { NodeFileSystem } from "@millrace/storage";

import { pause, until } from "../../e2e/support/waiting.ts";
import type { FaultCluster } from "./fault-cluster.ts";
import { readLane } from "./lane-copy.ts";
import type { LaneContent } from "./lane-copy.ts";

/** Copies of a running node's files, which change while they are read: tried again so often. */
const COPIES_MAX = 5;

type Replica = NonNullable<ReturnType<LaneContent["groups"]["get"]>>;

/** All groups as metadata has them placed, the cluster's own first. */
export function placements(cluster: FaultCluster): readonly GroupPlacement[] {
  const { view } = cluster.client;
  const metadata = view.cluster()?.metadataGroup;
  return [...(metadata === undefined ? [] : [metadata]), ...view.list("shard")];
}

/** Every group has its replicas on the disks that are there now, and no change is under way. */
export function isWhole(cluster: FaultCluster): boolean {
  const { view } = cluster.client;
  return placements(cluster).every(
    ({ replicas, move }) =>
      move === undefined &&
      replicas.length >= Math.min(3, cluster.nodes.length) &&
      replicas.every(
        ({ nodeId, incarnation, state }) =>
          state === "created" && view.node(nodeId)?.incarnation === incarnation,
      ),
  );
}

/** Every replica has applied what its group has committed, by what the nodes say of themselves. */
export async function isLevel(cluster: FaultCluster): Promise<boolean> {
  const statuses = await Promise.all(cluster.nodes.map((name) => cluster.status(name)));
  if (statuses.some((status) => status === undefined)) return false;
  const byGroup = new Map<number, Set<number>>();
  const counts = new Map<number, number>();
  for (const group of statuses.flatMap((status) => status?.groups ?? [])) {
    const seen = byGroup.get(group.groupId) ?? new Set();
    for (const index of [group.commitIndex, group.appliedIndex, group.lastIndex]) seen.add(index);
    byGroup.set(group.groupId, seen);
    counts.set(group.groupId, (counts.get(group.groupId) ?? 0) + 1);
  }
  return placements(cluster).every(
    ({ groupId, replicas }) =>
      byGroup.get(groupId)?.size === 1 && counts.get(groupId) === replicas.length,
  );
}

/** Until the cluster is whole and level. Nobody may write meanwhile. */
export async function untilHealed(cluster: FaultCluster, msMax: number): Promise<number> {
  return until("every replica is there and has all that is committed", msMax, async () => {
    return isWhole(cluster) && (await isLevel(cluster));
  });
}

/** What differs between the nodes' files; empty when they agree. Nobody may write meanwhile. */
export async function compareReplicas(cluster: FaultCluster): Promise<readonly string[]> {
  const contents = new Map<string, LaneContent["groups"]>();
  for (const name of cluster.nodes) {
    const { nodeId } = cluster.process(name).plan;
    contents.set(name, await readCopy(join(cluster.nodeDirectory(name), "lane"), nodeId));
  }
  const problems: string[] = [];
  for (const { groupId, replicas } of placements(cluster)) {
    const held = [...contents].flatMap(([name, groups]) => {
      const replica = groups.get(groupId);
      return replica === undefined ? [] : [{ name, replica }];
    });
    if (held.length < replicas.length) {
      problems.push(
        `L2: group ${groupId} lies on ${held.map(({ name }) => name).join(", ")} alone`,
      );
    }
    problems.push(...differences(groupId, held));
  }
  return problems;
}

/** The group of metadata goes on while files are copied, so only what all have is compared. */
function differences(
  groupId: number,
  held: readonly { readonly name: string; readonly replica: Replica }[],
): readonly string[] {
  const first = Math.max(...held.map(({ replica }) => replica.firstIndex));
  const end = Math.min(...held.map(({ replica }) => replica.firstIndex + replica.entries.length));
  const texts = held.map(({ name, replica: { entries, firstIndex } }) => {
    return { name, text: entries.slice(first - firstIndex, end - firstIndex).join(" ") };
  });
  const odd = texts.filter(({ text }) => text !== texts[0]?.text).map(({ name }) => name);
  if (odd.length === 0) return [];
  return [
    `S2: entries ${first}..${end - 1} of group ${groupId} differ on ${odd.join(", ")} from those on ${texts[0]?.name}`,
  ];
}

/** Reads a copy, because opening a log writes to it. */
async function readCopy(directory: string, nodeId: number): Promise<LaneContent["groups"]> {
  for (let copy = 1; ; copy++) {
    const folder = mkdtempSync(join(tmpdir(), "millrace-replica-"));
    try {
      cpSync(directory, folder, { recursive: true });
      return (await readLane(new NodeFileSystem(), folder, nodeId)).groups;
    } catch (error) {
      if (copy === COPIES_MAX) throw error;
      await pause(300);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
