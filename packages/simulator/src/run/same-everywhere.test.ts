import { describe, expect, it } from "vitest";

import { EntryCompare, metadataDifferences } from "./same-everywhere.ts";

const view = (index: number, json: string) => ({
  index,
  snapshot: () => [{ key: "cluster", json }],
});

describe("metadata in the end (S12)", () => {
  it("is the same on nodes that are at one index", () => {
    const nodes = [
      { nodeId: 1, view: view(5, "a") },
      { nodeId: 2, view: undefined },
      { nodeId: 3, view: view(5, "a") },
      { nodeId: 4, view: view(6, "b") },
    ];
    expect(metadataDifferences(nodes)).toEqual([]);
  });

  it("is broken where two nodes at one index differ", () => {
    const nodes = [
      { nodeId: 1, view: view(5, "a") },
      { nodeId: 3, view: view(5, "b") },
    ];
    expect(metadataDifferences(nodes)).toEqual(["metadata of nodes 1 and 3 differs at 5"]);
  });
});

describe("entries of the replicas' own logs (S2)", () => {
  const entry = { index: 7, term: 2, data: Uint8Array.of(1, 2) };

  it("are equal at each index, term and every byte", () => {
    const entries = new EntryCompare(3);
    const found = [
      entries.differs({ ...entry, nodeId: 1 }),
      entries.differs({ ...entry, nodeId: 2 }),
      entries.differs({ ...entry, nodeId: 2, index: 8, term: 3 }),
    ];
    expect(found).toEqual([undefined, undefined, undefined]);
  });

  it("are broken by another term and by one other byte", () => {
    const entries = new EntryCompare(3);
    entries.differs({ ...entry, nodeId: 1 });
    expect(entries.differs({ ...entry, nodeId: 2, term: 3 })).toMatch(
      /^replicas-differ \(S2\): entry 7 of group 3 is 3\/2\/\d+ on node 2, 2\/2\/\d+ on node 1$/,
    );
    expect(entries.differs({ ...entry, nodeId: 2, data: Uint8Array.of(1, 3) })).toMatch(
      /^replicas-differ \(S2\): entry 7 of group 3 /,
    );
  });
});
