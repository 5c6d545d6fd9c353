/** One fault of a kind, drawn from the seed and from what the world looks like now. */
import type { SimRandom } from "../kernel/sim-random.ts";
import type { CrashKind, NodeSlot } from "../node/node-slot.ts";
import type { FaultAction, FaultKind, Link } from "./fault.ts";
import { isRot } from "./fault.ts";

export interface DrawDeps {
  readonly random: SimRandom;
  readonly nodes: readonly NodeSlot[];
  /** Host names of the clients. */
  readonly clients: readonly string[];
  /** Whether every group can spare this node's disk for good. */
  readonly canSpare: (nodeId: number) => boolean;
  /** Whether what is damaged on this node's disk is whole elsewhere. */
  readonly canSpareBytes: (nodeId: number) => boolean;
  /** The one node whose durable bytes may rot. */
  readonly rottenNodeId: number;
}

const POWER_CUTS: readonly CrashKind[] = ["all", "none", "subset", "subset", "prefix", "suffix"];
const DOWN_MS_MAX = 8000;
const CUT_MS = [300, 2000, 6000, 15_000] as const;

/** @returns undefined when there is nothing that this fault could be done to. */
export function drawFault(kind: FaultKind, deps: DrawDeps): FaultAction | undefined {
  const { random, nodes } = deps;
  const node = random.pick(nodes);
  if (isRot(kind) && !deps.canSpareBytes(deps.rottenNodeId)) return undefined;
  switch (kind) {
    case "crash":
      return crash([node], "process", random);
    case "power":
      return crash([node], random.pick(POWER_CUTS), random);
    case "crash-all":
      return crash(nodes, random.pick(POWER_CUTS), random);
    case "crash-most": {
      const spared = random.chance(0.5) ? leaderOfSome(deps) : node;
      const others = nodes.filter((each) => each !== spared);
      return crash(others, random.pick([...POWER_CUTS, "process"]), random);
    }
    case "restart-loop":
      return {
        act: "crash",
        nodes: [{ node: node.nodeId, downMs: random.between(1, 1500) }],
        loss: random.pick([...POWER_CUTS, "process"]),
        again: 2 + random.uniform(5),
      };
    case "wipe":
      return deps.canSpare(node.nodeId)
        ? { act: "wipe", node: node.nodeId, downMs: random.between(10, DOWN_MS_MAX) }
        : undefined;
    case "pause":
      return {
        act: "pause",
        node: node.nodeId,
        forMs: random.pick([100, 800, 3000, 12_000, 30_000]),
      };
    case "freeze": {
      const frozen = { lateMs: random.between(0, 4000) };
      return { act: "pause", node: node.nodeId, forMs: random.pick([400, 3000, 12_000]), frozen };
    }
    case "leader":
      return lossOfLeader(deps);
    case "stale-follower": {
      const leader = leaderOfSome(deps);
      const stale = random.pick(nodes.filter((each) => each !== leader));
      return { act: "cut", links: isolation(deps, stale), forMs: random.between(200, 3000) };
    }
    default:
      return drawCut(kind, node, deps);
  }
}

/** Links that carry nothing. */
function drawCut(kind: FaultKind, node: NodeSlot, deps: DrawDeps): FaultAction {
  const { random, nodes } = deps;
  const cut = (links: readonly Link[]): FaultAction => ({
    act: "cut",
    links,
    forMs: random.pick(CUT_MS),
  });
  switch (kind) {
    case "partition": {
      const hosts = [...nodes.map(({ host }) => host), ...deps.clients];
      const side = hosts.filter(() => random.chance(0.4));
      return cut(bothWays(side, without(hosts, side)));
    }
    case "isolate":
      return cut(isolation(deps, node));
    case "bridge":
      return cut(bridge(deps, node));
    case "partial": {
      const other = random.pick(nodes.filter((each) => each !== node));
      return cut(bothWays([node.host], [other.host]));
    }
    case "one-way": {
      const to = nodes.filter((each) => each !== node && random.chance(0.5));
      return cut(to.map(({ host }) => [node.host, host]));
    }
    case "flap":
      return {
        act: "cut",
        links: isolation(deps, node),
        forMs: random.pick([2000, 6000]),
        flapMs: random.pick([50, 300, 900]),
      };
    default:
      return drawOfOne(kind, node, deps);
  }
}

/** Faults of one node, or of one of its links. */
function drawOfOne(kind: FaultKind, { nodeId, host }: NodeSlot, deps: DrawDeps): FaultAction {
  const { random, nodes } = deps;
  const other = random.pick(nodes.filter((each) => each.nodeId !== nodeId)).host;
  const forMs = random.pick(CUT_MS);
  switch (kind) {
    case "clog":
      return { act: "slow", links: [[host, other]], forMs, addedMs: random.pick([50, 400, 2500]) };
    case "slow-link": {
      const links = bothWays([host], [other]);
      return { act: "slow", links, forMs, addedMs: 0, bytesPerMs: random.pick([2, 20, 200]) };
    }
    case "half-open":
      return { act: "half-open", from: host, to: other };
    case "frames": {
      const doubled = random.pick([0, 0.05, 0.5]);
      const [lost, delayed] = [random.pick([0, 0.02, 0.3]), random.pick([0, 0.05, 0.3])];
      return { act: "frames", lost, doubled, delayed, forMs };
    }
    case "flaky":
      return { act: "resets", share: random.pick([0.001, 0.01, 0.05]), forMs };
    case "clock-drift":
      return { act: "drift", node: nodeId, rate: random.pick([0.9, 0.99, 1.01, 1.1]), forMs };
    case "clock-strobe": {
      const byMs = random.pick([-2000, -300, 300, 2000]);
      return { act: "clock", node: nodeId, byMs, forMs, strobeMs: random.pick([20, 100, 400]) };
    }
    case "client-crash":
      return {
        act: "client-crash",
        host: random.pick(deps.clients),
        downMs: random.between(10, DOWN_MS_MAX),
      };
    case "stall":
      return {
        act: "disk",
        node: nodeId,
        fault: "stall",
        stallMs: random.pick([1000, 2500, 8000]),
      };
    case "disk-error":
      return { act: "disk", node: nodeId, fault: random.pick(["write-error", "sync-error"]) };
    case "no-space":
      return { act: "no-space", node: nodeId, freeBytes: random.uniform(200_000), forMs };
    case "read-only":
      return { act: "read-only", node: nodeId, forMs };
    case "rot":
    case "stale-block":
    case "misdirected":
      return {
        act: "rot",
        node: deps.rottenNodeId,
        damage: DAMAGE[kind],
        file: random.fraction(),
        place: random.fraction(),
        bit: random.uniform(8),
      };
    default: {
      const byMs = random.pick([-30_000, -700, -300, 300, 700, 30_000]);
      return { act: "clock", node: nodeId, byMs, forMs: random.between(500, 10_000) };
    }
  }
}

const DAMAGE = {
  rot: "bit-flip",
  "stale-block": "stale-sector",
  misdirected: "misdirected-write",
} as const;

/** Where chance alone would seldom hit: the leader of some shard crashes or is cut off. */
export function lossOfLeader(deps: DrawDeps): FaultAction {
  const { random } = deps;
  const leader = leaderOfSome(deps);
  if (random.chance(0.5)) {
    const loss = random.chance(0.5) ? "process" : random.pick(POWER_CUTS);
    return crash([leader], loss, random);
  }
  return { act: "cut", links: isolation(deps, leader), forMs: random.pick(CUT_MS) };
}

function crash(nodes: readonly NodeSlot[], loss: CrashKind, random: SimRandom): FaultAction {
  const down = nodes.map(({ nodeId }) => ({
    node: nodeId,
    downMs: random.between(10, DOWN_MS_MAX),
  }));
  return { act: "crash", nodes: down, loss };
}

function leaderOfSome({ random, nodes }: DrawDeps): NodeSlot {
  const leading = nodes.filter(({ running }) =>
    [...(running?.lane.groups() ?? [])].some(({ role }) => role === "leader"),
  );
  return random.pick(leading.length > 0 ? leading : nodes);
}

/** From every other node; clients still reach it. */
function isolation({ nodes }: DrawDeps, node: NodeSlot): readonly Link[] {
  return bothWays(
    [node.host],
    without(
      nodes.map(({ host }) => host),
      [node.host],
    ),
  );
}

/** Two halves that see each other only through one node, which sees both. */
function bridge({ nodes }: DrawDeps, between: NodeSlot): readonly Link[] {
  const hosts = without(
    nodes.map(({ host }) => host),
    [between.host],
  );
  const half = hosts.slice(0, Math.ceil(hosts.length / 2));
  return bothWays(half, without(hosts, half));
}

function bothWays(some: readonly string[], others: readonly string[]): readonly Link[] {
  return some.flatMap((a) =>
    others.flatMap((b): readonly Link[] => [
      [a, b],
      [b, a],
    ]),
  );
}

function without(hosts: readonly string[], left: readonly string[]): readonly string[] {
  return hosts.filter((host) => !left.includes(host));
}
