/** Disks of real processes that fail, stall and fill up: nothing acknowledged is lost (S1). */
import { describe, expect, it } from "vitest";

import { DISK_FAULTS, disks } from "./scenarios/disks.ts";

describe("disks that fail under load", () => {
  it("end the node whose sync failed, lead nothing while they stall, refuse puts while they are full, and lose nothing", async () => {
    const report = await disks(DISK_FAULTS.length);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ lost: 0, reordered: 0, figures: { eio: 1, stall: 1, low: 1 } });
  });
});
