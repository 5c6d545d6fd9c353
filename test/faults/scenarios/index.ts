/** Every fault that real processes are put through, with the rounds of the whole proof. */
import { bitFlips } from "./bit-flips.ts";
import { disks } from "./disks.ts";
import { idle } from "./idle.ts";
import { derived, metadata, wiped } from "./lost-files.ts";
import { kills } from "./kills.ts";
import { manyShards } from "./many-shards.ts";
import { network, NETWORK_FAULTS } from "./network.ts";
import { pauses } from "./pauses.ts";
import { jepsen, powerCuts } from "./power-cuts.ts";
import type { Scenario } from "./scenario.ts";
import { walCut } from "./wal-cut.ts";

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "kills",
    what: "one process after the other is killed, the gateway among them",
    rounds: 40,
    run: kills,
  },
  {
    name: "power-cuts",
    what: "all nodes lose their power at once",
    rounds: 200,
    run: powerCuts,
  },
  {
    name: "jepsen",
    what: "one node sleeps through 30 s of writes, another loses its power as it wakes",
    rounds: 50,
    run: (rounds) => jepsen(rounds),
  },
  {
    name: "bit-flips",
    what: "one bit of one node's files, of every kind, while it runs or is down",
    rounds: 300,
    run: (rounds) => bitFlips(rounds),
  },
  {
    name: "wal-cut",
    what: "the last batch of one node's log cut at every byte",
    rounds: 20,
    run: (rounds) => walCut(rounds),
  },
  {
    name: "wiped",
    what: "the data directory of one node is deleted, while it runs or is down",
    rounds: 10,
    run: wiped,
  },
  {
    name: "metadata",
    what: "every state file of one node is damaged",
    rounds: 10,
    run: metadata,
  },
  {
    name: "derived",
    what: "whatever can be made again is deleted on all nodes at once",
    rounds: 5,
    run: derived,
  },
  {
    name: "network",
    what: "cut one way, bridged, slow, half-open and reset networks, each in turn",
    rounds: NETWORK_FAULTS.length,
    run: (rounds) => network(rounds),
  },
  {
    name: "pause",
    what: "leaders that sleep for 20 s, and nodes for 100 ms to 60 s",
    rounds: 20,
    run: (rounds) => pauses(rounds),
  },
  {
    name: "many-shards",
    what: "the node that leads 300 of 900 shards is killed",
    rounds: 5,
    run: (rounds) => manyShards(rounds),
  },
  {
    name: "idle",
    what: "what 3,000 replicas per node cost that nobody uses",
    rounds: 1,
    run: (rounds) => idle(rounds),
  },
  {
    name: "disks",
    what: "a sync that fails, a disk that stalls, is nearly full, is full",
    rounds: 40,
    run: (rounds) => disks(rounds),
  },
];
