/** A lane over a disk in memory, and entries that are easy to tell apart. */
import { NO_METRICS, SILENT_LOGGER } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";

import type { GroupLog } from "../group-log.ts";
import { LaneStorage } from "../lane-storage.ts";
import type {
  ConfState,
  EntryMetaReader,
  GroupWrite,
  LaneStorageOptions,
  LogEntry,
} from "../types.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

export const CONF: ConfState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

const META_BYTES = 24;

/** Data that `fixtureMeta` understands: base offset, count, arrival, then filler. */
export function recordData(
  baseOffset: number,
  count: number,
  arrivalMs: number,
  bytes = META_BYTES,
  fill = 0,
): Buffer {
  const data = Buffer.alloc(Math.max(bytes, META_BYTES), fill);
  data.writeDoubleLE(baseOffset, 0);
  data.writeDoubleLE(count, 8);
  data.writeDoubleLE(arrivalMs, 16);
  return data;
}

/** Entries with less than 24 bytes hold no records. */
export const fixtureMeta: EntryMetaReader = (data, into) => {
  if (data.byteLength < META_BYTES) return false;
  const view = Buffer.from(data.buffer, data.byteOffset, META_BYTES);
  into.baseOffset = view.readDoubleLE(0);
  into.count = view.readDoubleLE(8);
  into.arrivalMs = view.readDoubleLE(16);
  return true;
};

export function entry(index: number, term: number, data: Uint8Array = Buffer.alloc(0)): LogEntry {
  return { index, term, type: "EntryNormal", data };
}

/** Entries from..to of one term; entry n holds record n - 1, which arrived at n * 10 ms. */
export function entriesOf(from: number, to: number, term: number, bytes = 24): LogEntry[] {
  const made: LogEntry[] = [];
  for (let index = from; index <= to; index++) {
    made.push(
      entry(index, term, recordData(index - 1, 1, index * 10, bytes, (index + term) & 0xff)),
    );
  }
  return made;
}

export function laneOptions(
  fileSystem: LaneStorageOptions["fileSystem"] = new MemoryFileSystem(),
  changes: Partial<LaneStorageOptions> = {},
): LaneStorageOptions {
  return {
    fileSystem,
    clock: new VirtualClock(),
    random: new SeededRandom(7),
    metrics: NO_METRICS,
    logger: SILENT_LOGGER,
    directory: "/lane",
    nodeId: 1,
    entryMeta: fixtureMeta,
    walFileBytes: 1 << 20,
    ...changes,
  };
}

export const openLane = (
  fileSystem: LaneStorageOptions["fileSystem"],
  changes: Partial<LaneStorageOptions> = {},
): Promise<LaneStorage> => LaneStorage.open(laneOptions(fileSystem, changes));

export const createGroup = (lane: LaneStorage, groupId: number, replicaId = groupId * 10) =>
  lane.createGroup({ groupId, replicaId, confState: CONF, kind: 2 });

/** Submits and waits until durable; rejects when the lane fails first. */
export function write(lane: LaneStorage, ...writes: readonly GroupWrite[]): Promise<void> {
  return new Promise((resolve, reject) => {
    if (lane.failed !== undefined) reject(lane.failed);
    lane.onFailure(reject);
    lane.submit(writes, resolve);
  });
}

/** What a reader can compare: index, term, type and data of everything that is kept. */
export async function wholeLog(group: GroupLog): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  let next = group.firstIndex();
  while (next <= group.lastIndex()) {
    const some = await group.fetchEntries(next, group.lastIndex() + 1, 1 << 20);
    for (const { index, term, type, data } of some) {
      found.push({ index, term, type, data: Buffer.from(data).toString("hex") });
    }
    next += some.length;
  }
  return found;
}
