/**
 * What differs from seed to seed. Every choice is drawn from the seed, so the seed alone replays it.
 *
 * A run with every fault at once hides what a run with one fault finds, so each seed switches each
 * fault on or off. Source: Groce et al., "Swarm Testing", ISSTA 2012.
 */
import type { LaneConfig } from "@millrace/replica";

import { FAULT_KINDS, isRot, ROT_KINDS } from "./faults/fault.ts";
import type { Fault, FaultKind } from "./faults/fault.ts";
import { SimRandom } from "./kernel/sim-random.ts";
import { OPERATIONS } from "./workload/operator.ts";
import type { Operation } from "./workload/operator.ts";
import type { LinkQuality } from "./net/network.ts";

export interface SimOptions {
  readonly seed: bigint;
  readonly nodes: 3 | 5 | 7;
  readonly shards: number;
  readonly producers: number;
  /** Puts of one producer that are under way at one time. */
  readonly putsAtOnce: number;
  readonly consumers: number;
  /** Virtual milliseconds with faults. */
  readonly faultsForMs: number;
  readonly faults: readonly FaultKind[];
  /** These faults come, and no others. @default drawn from the seed over `faults` */
  readonly faultList?: readonly Fault[];
  /** Virtual milliseconds between two faults, on average. */
  readonly faultEveryMs: number;
  readonly quality: LinkQuality;
  /** Milliseconds of one disk operation. */
  readonly diskMs: readonly [least: number, most: number];
  readonly walFileBytes: number;
  readonly tailCacheBytes: number;
  readonly lane: Partial<LaneConfig>;
  /** Virtual milliseconds between two puts of one producer, at most. */
  readonly thinkMs: number;
  /** Records per put, at most, and bytes per record, at most. */
  readonly recordsMax: number;
  readonly recordBytesMax: number;
  readonly batchesInFlightMax: number;
  /** Bytes of the largest records; none with 0. */
  readonly hugeBytes: number;
  /** Clients that write and read a register in metadata. */
  readonly registers: number;
  readonly operations: readonly Operation[];
  /** Virtual milliseconds between two operations, on average. */
  readonly operationEveryMs: number;
}

/** What puts other disks in the place of nodes' own, and so changes the voters of the metadata group. */
const REPLACING: ReadonlySet<FaultKind | Operation> = new Set(["wipe", "decommission"]);

const MIB = 1024 * 1024;

/** What a caller may settle instead of the seed. */
export interface OptionOverrides {
  readonly nodes?: 3 | 5 | 7;
  /** Durable bytes rot on one node. @default true */
  readonly rot?: boolean;
  /** Also disks that are replaced by empty ones. @default true */
  readonly replace?: boolean;
  readonly faultList?: readonly Fault[];
}

/** @param seed 0..2^64 - 1. */
export function optionsOf(
  seed: bigint,
  faultsForMs: number,
  { nodes, rot = true, replace = true, faultList }: OptionOverrides = {},
): SimOptions {
  const random = new SimRandom(seed, "swarm");
  const drawnNodes = random.pick([3, 3, 3, 3, 5, 5, 5, 5, 5, 7] as const);
  const faults = [...FAULT_KINDS, ...ROT_KINDS].filter((kind) => {
    const isOn = random.chance(0.3);
    return isOn && (rot || !isRot(kind)) && (replace || !REPLACING.has(kind));
  });
  return {
    seed,
    nodes: nodes ?? drawnNodes,
    ...(faultList === undefined ? {} : { faultList }),
    shards: 1 + random.uniform(4),
    producers: 1 + random.uniform(3),
    consumers: 1 + random.uniform(2),
    faultsForMs,
    faults,
    faultEveryMs: random.pick([400, 1000, 3000, 8000]),
    quality: {
      delayMs: random.pick([
        [0.1, 1],
        [0.5, 10],
        [5, 80],
      ] as const),
      slowShare: random.pick([0, 0.001, 0.02]),
      bytesPerMs: random.pick([10_000, 100_000]),
    },
    diskMs: random.pick([
      [0.02, 0.2],
      [0.2, 5],
      [1, 40],
    ] as const),
    walFileBytes: random.pick([MIB, 4 * MIB]),
    tailCacheBytes: random.pick([64 * 1024, MIB, 16 * MIB]),
    lane: { ...laneOf(random), ...(rot || replace ? shippingOf(seed) : {}) },
    thinkMs: random.pick([10, 60, 200]),
    recordsMax: random.pick([1, 5, 20]),
    recordBytesMax: random.pick([1, 16, 300, 4000]),
    batchesInFlightMax: random.pick([1, 2, 5]),
    putsAtOnce: random.pick([1, 1, 1, 4, 12]),
    hugeBytes: random.pick([0, 0, 0, 0, 0, 0, MIB - 100, MIB - 100, MIB - 100, 10 * MIB - 100]),
    registers: random.pick([0, 2, 3]),
    operations: OPERATIONS.filter(
      (kind) => random.chance(0.3) && (replace || !REPLACING.has(kind)),
    ),
    operationEveryMs: random.pick([1000, 3000, 8000]),
  };
}

/** Small logs are shipped too, or short runs would ship none. A draw of its own: seeds stay what they were. */
function shippingOf(seed: bigint): Partial<LaneConfig> {
  const random = new SimRandom(seed, "shipping");
  return random.chance(0.5) ? { shipAboveEntries: random.pick([1, 20, 200]) } : {};
}

function laneOf(random: SimRandom): Partial<LaneConfig> {
  return {
    ...(random.chance(0.3) ? { inflightAppendsMax: 1 } : {}),
    ...(random.chance(0.3) ? { appendBytesMax: 4096 } : {}),
    ...(random.chance(0.5) ? { compactAfterEntries: 20 } : {}),
    ...(random.chance(0.3) ? { snapshotPartBytes: 1024 } : {}),
    ...(random.chance(0.3) ? { sleepAfterMs: 500 } : {}),
    ...(random.chance(0.3) ? { applyBytesMax: 1 } : {}),
  };
}
