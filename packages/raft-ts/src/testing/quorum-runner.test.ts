/**
 * The bar chart of acknowledged indexes.
 * Source: etcd-raft v3.7 quorum/majority_test; the title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { AckedIndexes, describeQuorum } from "./quorum-runner.ts";

describe("the chart of a majority", () => {
  it.each([
    { voters: [], acked: [], chart: "<empty majority quorum>" },
    { voters: [1], acked: [], chart: "     idx\n?      0    (id=1)\n" },
    { voters: [1], acked: [[1, 12]], chart: "     idx\n>     12    (id=1)\n" },
    {
      voters: [3, 1, 2],
      acked: [
        [1, 100],
        [2, 101],
        [3, 99],
      ],
      chart:
        "       idx\n" +
        "x>     100    (id=1)\n" +
        "xx>    101    (id=2)\n" +
        ">       99    (id=3)\n",
    },
    {
      voters: [1, 2, 3],
      acked: [
        [1, 100],
        [3, 100],
      ],
      chart:
        "       idx\n" +
        "x>     100    (id=1)\n" +
        "?        0    (id=2)\n" +
        "x>     100    (id=3)\n",
    },
  ])("of $voters with $acked has a bar for each, by who is behind it (TestDescribe)", (row) => {
    const acked = new AckedIndexes(row.acked as [number, number][]);
    expect(describeQuorum(row.voters, acked)).toBe(row.chart);
  });
});
