/** Files that are gone or unreadable: nothing acknowledged is lost (S1), nothing is deleted for it (S13). */
import { describe, expect, it } from "vitest";

import { derived, metadata, wiped } from "./scenarios/lost-files.ts";

const nothingLost = { rounds: 1, lost: 0, reordered: 0, problems: [] };

describe("files that are lost", () => {
  it("are a node's whole directory, deleted while it runs: it comes back as a new one (S8, L5)", async () => {
    expect(await wiped(1)).toMatchObject(nothingLost);
  });

  it("are the states of one node, metadata's among them: no stream is deleted anywhere", async () => {
    expect(await metadata(1)).toMatchObject(nothingLost);
  });

  it("are all that can be made again, on all nodes at once: it is made again", async () => {
    expect(await derived(1)).toMatchObject(nothingLost);
  });
});
