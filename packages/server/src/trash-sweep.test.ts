import { SILENT_LOGGER } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { encodeMetadataRecord, METADATA_KEY, MetadataView } from "@millrace/model";
import { expect, it } from "vitest";

import { TrashSweep } from "./trash-sweep.ts";

it("empties the trash by the grace in metadata, and goes on after a failure and until it is stopped", async () => {
  const [clock, view] = [new VirtualClock(), new MetadataView()];
  const asked: number[] = [];
  const emptyTrash = async (olderThanMs: number): Promise<number> => {
    asked.push(olderThanMs);
    if (asked.length === 1) throw new Error("EIO");
    return 1;
  };
  const sweep = new TrashSweep({ storage: { emptyTrash }, view, clock, logger: SILENT_LOGGER });
  const pass = async (): Promise<void> => {
    clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  sweep.start();
  await pass();
  expect(asked).toEqual([]); // the setting is not known
  const cluster = {
    clusterId: "c",
    account: "000000000000",
    region: "r",
    createdAtMs: 0,
    limits: { kind: "aws" },
    nextGroupId: 2,
    nextReplicaId: 2,
    sealedTokenKey: "",
    trimClockMs: 0,
    placementPolicy: { dropGraceMs: 5_000 },
  } as const;
  view.reset(1, [{ key: METADATA_KEY.cluster, json: encodeMetadataRecord(cluster) }]);
  await pass();
  await pass();
  sweep.stop();
  await pass();
  expect(asked).toEqual([5_000, 5_000]);
});
