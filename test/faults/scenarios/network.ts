/**
 * Networks that carry one way only, slowly, or not at all, between real processes (reference D.4).
 *
 * With pre-vote and check-quorum one side must go on, and nobody may talk the others into one
 * election after another: at most three terms a minute in any group.
 */
import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultRun } from "../support/chaos.ts";
import type { FaultCluster } from "../support/fault-cluster.ts";
import { Network } from "../support/network.ts";
import type { FaultReport } from "../support/report.ts";

const PROGRESS_MS_MAX = 15_000;
/** How long a fault lasts. Below a minute, so that what a minute may bring bounds it too. */
const FAULT_MS = 20_000;
const TERMS_MAX = 3;
const SLOW_BYTES_PER_SECOND = 128 * 1024;
const SLOW_DELAY_MS = 100;

interface NetworkFault {
  readonly what: string;
  /** Returns how many directions or connections it hit. */
  readonly begin: (network: Network) => number;
}

const others = (name: string) => NODES.filter((other) => other !== name);
const pairs = NODES.flatMap((from) => others(from).map((to) => [from, to] as const));

function cutting(what: string, cuts: readonly (readonly [string, string])[]): NetworkFault {
  return {
    what,
    begin: (network) => {
      for (const [from, to] of cuts) network.cut(from, to);
      return cuts.length;
    },
  };
}

/** The three that matter most come first: CI goes no further. */
export const NETWORK_FAULTS: readonly NetworkFault[] = [
  cutting(
    "node-1 cannot send",
    others("node-1").map((to) => ["node-1", to]),
  ),
  cutting(
    "node-2 cannot receive",
    others("node-2").map((from) => [from, "node-2"]),
  ),
  cutting("only node-1 sees both others", [
    ["node-2", "node-3"],
    ["node-3", "node-2"],
  ]),
  ...["node-2", "node-3"].map((name) =>
    cutting(
      `${name} cannot send`,
      others(name).map((to) => [name, to]),
    ),
  ),
  ...["node-1", "node-3"].map((name) =>
    cutting(
      `${name} cannot receive`,
      others(name).map((from) => [from, name]),
    ),
  ),
  ...["node-2", "node-3"].map((name) => {
    const [one = "", other = ""] = others(name);
    return cutting(`only ${name} sees both others`, [
      [one, other],
      [other, one],
    ]);
  }),
  ...pairs.map(([from, to]) => cutting(`${from} cannot send to ${to}`, [[from, to]])),
  ...NODES.map((name) =>
    cutting(
      `${name} is alone`,
      others(name).flatMap((other) => [[name, other] as const, [other, name] as const]),
    ),
  ),
  {
    what: "what node-1 sends is slow and late",
    begin: (network) => {
      for (const to of others("node-1")) {
        const direction = network.direction("node-1", to);
        direction.bytesPerSecond = SLOW_BYTES_PER_SECOND;
        direction.delayMs = SLOW_DELAY_MS;
      }
      return 2;
    },
  },
  {
    what: "connections of node-2 are half-open",
    begin: (network) => network.freeze("node-2", "node-1") + network.freeze("node-2", "node-3"),
  },
  {
    what: "connections of node-3 are reset",
    begin: (network) => network.reset("node-3", "node-1") + network.reset("node-3", "node-2"),
  },
];

/** @param faultMs How long each lasts. */
export function network(rounds: number, faultMs = FAULT_MS): Promise<FaultReport> {
  let current = new Network();
  return prove({
    name: "network",
    rounds,
    paceMs: 10,
    shards: 6,
    roundsPerLot: NETWORK_FAULTS.length,
    cluster: {
      detours: (plans) => {
        current = new Network();
        return current.build(plans);
      },
    },
    fault: async (run) => {
      const fault = NETWORK_FAULTS[(run.round - 1) % NETWORK_FAULTS.length];
      if (fault !== undefined) return hit(run, current, fault, faultMs);
      throw new Error("there is no fault to try");
    },
    close: () => current.close(),
  });
}

async function hit(
  run: FaultRun,
  current: Network,
  { what, begin }: NetworkFault,
  faultMs: number,
): Promise<number> {
  const { cluster, workload, report, round } = run;
  const before = await termsOf(cluster);
  const startedMs = performance.now();
  const fired = begin(current);
  try {
    const acknowledged = workload.acknowledged;
    const progressMs = await until(`${what}: one side goes on`, PROGRESS_MS_MAX, () => {
      return workload.acknowledged > acknowledged + 200;
    });
    await pause(Math.max(0, faultMs - (performance.now() - startedMs)));
    const grown = growth(before, await termsOf(cluster));
    console.log(`round ${round}: ${what}: went on after ${progressMs} ms, ${grown} terms at most`);
    report.figures["termsInOneFaultMax"] = Math.max(
      report.figures["termsInOneFaultMax"] ?? 0,
      grown,
    );
    report.figures["goesOnMsMax"] = Math.max(report.figures["goesOnMsMax"] ?? 0, progressMs);
    if (grown > TERMS_MAX) {
      report.problems.push(`${what}: ${grown} terms in ${faultMs / 1000} s in one group`);
    }
  } finally {
    current.mend();
  }
  return fired;
}

/** Highest term of each group, by what the nodes say: they are asked past the proxies. */
async function termsOf(cluster: FaultCluster): Promise<ReadonlyMap<number, number>> {
  const terms = new Map<number, number>();
  for (const status of await Promise.all(cluster.nodes.map((name) => cluster.status(name)))) {
    for (const { groupId, term } of status?.groups ?? []) {
      terms.set(groupId, Math.max(terms.get(groupId) ?? 0, term));
    }
  }
  return terms;
}

function growth(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  const grown = [...after].map(([groupId, term]) => term - (before.get(groupId) ?? term));
  return Math.max(0, ...grown);
}
