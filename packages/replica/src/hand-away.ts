/**
 * Gives the leaderships of a node that must not lead to others: it drains, its disk stalls or its clock is wrong.
 */
import { NO_NODE } from "@millrace/raft-ts";

import { mostCaughtUp } from "./group.ts";
import type { RaftHost } from "./raft-host.ts";

/**
 * Asks for a transfer of every leadership that can go; returns how many there are.
 * @param mayTake whether a node may lead.
 */
export function handAway(
  hosts: Iterable<RaftHost>,
  mayTake: (nodeId: number) => boolean,
  wake: (host: RaftHost) => void,
): number {
  let transferable = 0;
  for (const host of hosts) {
    if (host.isStopped || !host.isLeader) continue;
    const target = mostCaughtUp(host, mayTake);
    if (target === undefined) continue;
    transferable += 1;
    if (host.node.basicStatus().leadTransferee !== NO_NODE) continue;
    wake(host);
    host.act((node) => node.transferLeader(target));
  }
  return transferable;
}
