/** The tables of `bench raft`: medians over the rounds, one line for each question. */
import { median } from "../measure.ts";
import { markdownTable } from "../table.ts";
import type { RaftBenchResult } from "./raft-bench.ts";

/** A whole number with thousands apart. */
function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** What was measured, as a table of names and numbers. */
export function raftTable({ throughput, idle, memory }: RaftBenchResult): string {
  const busy = (pick: (one: (typeof throughput)[number]) => number) => median(throughput.map(pick));
  const quiet = (pick: (one: (typeof idle)[number]) => number) => median(idle.map(pick));
  const groups = whole(quiet((one) => one.groups));
  return markdownTable(
    ["measured", "value"],
    [
      ["committed entries/s, wall", whole(busy((one) => one.entriesPerSecond))],
      ["committed entries/s of CPU", whole(busy((one) => one.entriesPerCpuSecond))],
      ["messages per batch of 64", busy((one) => one.messagesPerBatch).toFixed(1)],
      ["bytes allocated per entry, 3 nodes", whole(busy((one) => one.bytesAllocatedPerEntry))],
      [
        `messages per heartbeat round, ${groups} idle groups`,
        whole(quiet((one) => one.messagesPerRound)),
      ],
      ["µs per heartbeat round, wall", whole(quiet((one) => one.microsecondsPerRound))],
      ["µs per heartbeat round, CPU", whole(quiet((one) => one.cpuMicrosecondsPerRound))],
      [
        "bytes allocated per heartbeat round of a group",
        whole(quiet((one) => one.bytesAllocatedPerGroup)),
      ],
      ["heap bytes per idle replica, core", whole(memory.coreBytesPerReplica)],
      ["heap bytes per idle replica, MemoryStorage", whole(memory.storageBytesPerReplica)],
    ],
  );
}
