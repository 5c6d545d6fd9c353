import { StreamError } from "@millrace/base";
import { expect, it } from "vitest";

import { LaneCluster } from "./testing/index.ts";

const GROUPS = [2, 3, 4, 5, 6, 7, 8, 9];
const RECORD_BYTES = 20_000;
const INBOUND_BYTES_MAX = 400_000;

it("keeps no more than its bound of what a stalled disk has not taken, and catches up after (L2, L6)", async () => {
  const config = { inboundBytesMax: INBOUND_BYTES_MAX };
  const cluster = await LaneCluster.create({ config, walFileBytes: 16 * 1024 * 1024 });
  for (const groupId of GROUPS) await cluster.createGroup(groupId, { preferred: 1 });
  await cluster.electAll(GROUPS);
  cluster.disk(3).isStalled = true;
  let mostQueued = 0;
  for (let round = 0; round < 10; round += 1) {
    for (const groupId of GROUPS) {
      const answer = await cluster.propose(groupId, new Uint8Array(RECORD_BYTES));
      expect(answer).not.toBeInstanceOf(StreamError);
    }
    mostQueued = Math.max(mostQueued, cluster.storage(3).stats().queuedBytes);
  }
  expect(mostQueued).toBeGreaterThan(INBOUND_BYTES_MAX / 2);
  expect(mostQueued).toBeLessThanOrEqual(INBOUND_BYTES_MAX);
  cluster.disk(3).resume();
  const hasAll = (groupId: number): boolean =>
    cluster.group(3, groupId).appliedIndex >= (cluster.leader(groupId)?.commitIndex ?? Infinity);
  await cluster.runUntil(() => GROUPS.every(hasAll), 20_000);
  await cluster.stop();
});
