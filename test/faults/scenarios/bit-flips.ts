/**
 * One random bit of one node's disk, in any kind of file, flipped while the node runs or is down
 * (reference D.1: another system noticed such a bit and answered by dropping what lay behind it, on
 * every node). Damage of live bytes must be noticed before it is served or counted, and heal by
 * itself; damage of anything else must do nothing.
 */
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join, relative } from "node:path";

import { SeededRandom } from "@millrace/base/testing";

import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultRun } from "../support/chaos.ts";
import { FILE_KINDS, isLiveKind, isStamp, mapOfDisk } from "../support/disk-map.ts";
import type { FileKind, Span } from "../support/disk-map.ts";
import type { FaultCluster } from "../support/fault-cluster.ts";
import { compareReplicas, untilHealed } from "../support/replicas.ts";
import { addFigure } from "../support/report.ts";
import type { FaultReport } from "../support/report.ts";
import { seedOf } from "../support/seed.ts";

const HEAL_MS_MAX = 60_000;
const FILL_MS_MAX = 60_000;
const SEGMENTS_MIN = 2;
/** A running node changes its files while they are mapped. */
const MAPS_MAX = 10;

/** Every round takes another kind of file, and every other one hits a node that is down. */
export function bitFlips(
  rounds: number,
  kinds: readonly FileKind[] = FILE_KINDS,
): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("bit-flips"));
  return prove({
    name: "bit-flips",
    rounds,
    paceMs: 20,
    shards: 8,
    prepare: ({ cluster }) => fillSegments(cluster),
    fault: async (run) => {
      const victim = NODES[random.uniform(NODES.length)] ?? "node-1";
      const at = (run.round - 1) % kinds.length;
      const wanted = kinds[at] ?? "wal-last";
      const isDown = (at + Math.floor((run.round - 1) / kinds.length)) % 2 === 1;
      await flipAndHeal(run, victim, isDown, (spans) => chooseBit(spans, wanted, random));
    },
  });
}

async function fillSegments(cluster: FaultCluster): Promise<void> {
  await until("segments on every node", FILL_MS_MAX, async () => {
    const maps = await Promise.all(cluster.nodes.map((name) => mapOf(cluster, name)));
    return maps.every((spans) => {
      return spans.filter(({ kind }) => kind === "segment-header").length >= SEGMENTS_MIN;
    });
  });
}

interface Bit {
  readonly kind: FileKind;
  readonly path: string;
  readonly byte: number;
  readonly bit: number;
}

async function flipAndHeal(
  run: FaultRun,
  victim: string,
  isDown: boolean,
  choose: (spans: readonly Span[]) => Bit,
): Promise<void> {
  const { cluster, workload, report, round } = run;
  if (isDown) await cluster.stopNode(victim);
  const bit = choose(await mapOf(cluster, victim));
  const logBytes = cluster.logOf(victim).length;
  const flipped = flip(bit);
  const where = `${relative(cluster.nodeDirectory(victim), bit.path)} byte ${bit.byte} bit ${bit.bit}`;
  const state = isDown ? "stopped" : "running";
  console.log(`round ${round}: ${bit.kind} of ${victim} (${state}): ${where}`);
  const startedMs = performance.now();
  if (isDown) cluster.startNode(victim);
  const leftMs = () => Math.max(1, HEAL_MS_MAX - (performance.now() - startedMs));
  await until(`${victim} is up with ${bit.kind} damaged`, leftMs(), () => cluster.isReady(victim));
  const damages = await scrub(cluster, victim);
  await pause(500); // writes beside a damaged disk
  await workload.hold();
  await untilClean(cluster, victim, leftMs);
  cluster.kill(victim);
  await until(`${victim} has ended`, 5000, async () => !(await cluster.isReady(victim)));
  await until(`${victim} is up again`, leftMs(), () => cluster.isReady(victim));
  const damagesAfter = await scrub(cluster, victim);
  if (damages > 0 && damagesAfter > 0) {
    report.problems.push(`the healed damage of ${where} was back after a restart`);
  }
  await untilClean(cluster, victim, leftMs);
  const told = damageTold(cluster.logOf(victim).slice(logBytes));
  const isDetected = told !== undefined || damages + damagesAfter > 0;
  judge(report, bit, isDetected, isThere(bit, flipped), where);
  report.problems.push(...(await compareReplicas(cluster)));
  workload.release();
}

function judge(
  report: FaultReport,
  bit: Bit,
  isDetected: boolean,
  isStillThere: boolean,
  where: string,
): void {
  const isLive = isLiveKind(bit.kind);
  // A running node may have given the file up, or written over the bit, before anybody read it.
  const result = isDetected ? "detected" : isLive && isStillThere ? "missed" : "harmless";
  addFigure(report, `${bit.kind}.${isLive ? "live" : "padding"}`, 1);
  addFigure(report, `${bit.kind}.${result}`, 1);
  addFigure(report, `${bit.kind}.healed`, 1);
  if (result === "missed") report.problems.push(`nobody noticed the flipped bit of ${where}`);
}

/** Every replica is there and level, and a look at all files finds nothing wrong. */
async function untilClean(
  cluster: FaultCluster,
  victim: string,
  leftMs: () => number,
): Promise<void> {
  await untilHealed(cluster, leftMs());
  await until("a look at all files finds no damage", leftMs(), async () => {
    return (await scrub(cluster, victim)) === 0;
  });
}

/** Damages that a look at all files finds. @throws when the admin port has no such request. */
async function scrub(cluster: FaultCluster, name: string): Promise<number> {
  const { status, body } = await cluster.process(name).admin("POST", "/scrub");
  if (status !== 200) throw new Error(`POST /scrub of ${name} answered ${status}: ${body}`);
  const report = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const damages = Object.entries(report).filter(([field]) => field.startsWith("damaged"));
  return damages.reduce((sum, [, value]) => {
    return sum + (Array.isArray(value) ? value.length : Number(value));
  }, 0);
}

/** The first line of a log, from level warn up, that tells of damage. */
function damageTold(log: string): string | undefined {
  return log.split("\n").find((line) => {
    const isGrave = /"level":[456]0/.test(line) || line.startsWith("millrace: ");
    return isGrave && /damage|corrupt|quarantine/.test(line);
  });
}

async function mapOf(cluster: FaultCluster, name: string): Promise<readonly Span[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await mapOfDisk(join(cluster.nodeDirectory(name), "lane"));
    } catch (error) {
      if (attempt === MAPS_MAX) throw error;
      await pause(50);
    }
  }
}

/** Of the wanted kind, or of the next one that this disk has; live stays live, if it can. */
function chooseBit(spans: readonly Span[], wanted: FileKind, random: SeededRandom): Bit {
  const at = FILE_KINDS.indexOf(wanted);
  const next = [...FILE_KINDS.slice(at), ...FILE_KINDS.slice(0, at)];
  const isAlike = (kind: FileKind) => isLiveKind(kind) === isLiveKind(wanted);
  const order = [...next.filter(isAlike), ...next];
  for (const kind of order) {
    const list = spans.filter((span) => span.kind === kind);
    const span = list[random.uniform(Math.max(1, list.length))];
    if (span === undefined) continue;
    const byte = byteOf(span, random);
    return { kind, path: span.path, byte, bit: random.uniform(8) };
  }
  throw new Error("the disk is empty");
}

/** In a batch the stamps are a kind of their own. */
function byteOf({ kind, start, end }: Span, random: SeededRandom): number {
  const isBatch = kind.startsWith("wal-") && kind !== "wal-header" && kind !== "wal-free";
  for (;;) {
    const byte = start + random.uniform(end - start);
    if (!isBatch || isStamp(byte) === (kind === "wal-stamp")) return byte;
  }
}

/** @returns The byte as it is on disk now. */
function flip({ path, byte, bit }: Bit): number {
  const file = openSync(path, "r+");
  try {
    const one = Buffer.alloc(1);
    readSync(file, one, 0, 1, byte);
    one[0] = (one[0] ?? 0) ^ (1 << bit);
    writeSync(file, one, 0, 1, byte);
    return one[0];
  } finally {
    closeSync(file);
  }
}

function isThere({ path, byte }: Bit, flipped: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.size <= byte) return false;
  const file = openSync(path, "r");
  try {
    const one = Buffer.alloc(1);
    readSync(file, one, 0, 1, byte);
    return one[0] === flipped;
  } finally {
    closeSync(file);
  }
}
