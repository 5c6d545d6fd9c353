import { SeededRandom } from "@millrace/base/testing";
import { LaneStorage } from "@millrace/storage";
import { laneOptions } from "@millrace/storage/testing";
import { describe, expect, it } from "vitest";

import { SimDisk } from "./disk/index.ts";

const CONF = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function makeGroup(lane: LaneStorage, groupId: number): Promise<unknown> {
  return lane.createGroup({ groupId, replicaId: groupId, confState: CONF, kind: 1 });
}

// Found by seed 1044: a failed write of batch 135, a restart that read it, batch 136, a power cut.
describe("a batch whose write failed but stayed in the page cache (Rebello et al., 2020)", () => {
  it("is made durable by the next start that relies on it", async () => {
    const disk = new SimDisk({ random: new SeededRandom(1) });
    const first = await LaneStorage.open(laneOptions(disk.mount()));
    await makeGroup(first, 1);
    disk.arm({ kind: "write-error", matches: (path) => path.includes("/wal/") });
    await expect(makeGroup(first, 2)).rejects.toMatchObject({ message: /EIO/ });
    disk.killProcess();

    const second = await LaneStorage.open(laneOptions(disk.mount()));
    const known = [...second.groups()].map(({ groupId }) => groupId);
    await makeGroup(second, 3);
    disk.powerCut({ lose: "all" });

    const third = await LaneStorage.open(laneOptions(disk.mount()));
    expect([...third.groups()].map(({ groupId }) => groupId)).toEqual([...known, 3]);
    await third.close();
  });
});
