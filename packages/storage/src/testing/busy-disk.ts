/**
 * A disk in the middle of work: several groups, log files that no flush has emptied yet and others that
 * are segments already, states in the log and in files. Faults are put on copies of it.
 */
import { inspectWal } from "../inspect-wal.ts";
import { createGroup, entriesOf, openLane, wholeLog, write } from "./lane-fixture.ts";
import { CONF } from "./lane-fixture.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

const GROUPS = 4;

/** What a group promised. */
interface BusyGroup {
  readonly groupId: number;
  readonly replicaId: number;
  /** Replica, hard state, first and last index. */
  readonly promises: readonly unknown[];
  readonly log: string;
  /** Indexes of the states from which it may start. */
  readonly stateIndexes: readonly number[];
}

export interface BusyDisk {
  readonly disk: MemoryFileSystem;
  readonly groups: readonly BusyGroup[];
  readonly lastBatch: {
    readonly path: string;
    readonly position: number;
    readonly length: number;
  };
}

/** The same bytes on a disk of its own, all durable. */
export function copyOf(disk: MemoryFileSystem): MemoryFileSystem {
  const copy = new MemoryFileSystem();
  for (const path of disk.paths()) copy.setBytes(path, disk.bytesOf(path));
  return copy;
}

export async function busyDisk(): Promise<BusyDisk> {
  let flushes = true;
  const disk = new MemoryFileSystem({
    latency: async (operation, path) => {
      const isFlush = operation === "syncDirectory" && path === "/lane/segments";
      if (isFlush && !flushes) await new Promise(() => {});
    },
  });
  const lane = await openLane(disk, { walFilesMax: 8, tailCacheBytes: 0 });
  for (let groupId = 1; groupId <= GROUPS; groupId++) await createGroup(lane, groupId);
  for (const group of lane.groups()) {
    group.setStateProvider(() => {
      const index = group.hardState.commit;
      const state = Buffer.alloc(group.groupId % 2 === 0 ? 6000 : 200, index & 0xff);
      return { index, term: Math.max(0, Number(group.term(index))), confState: CONF, state };
    });
  }
  for (let turn = 1; turn <= 60; turn++) {
    if (turn === 30) flushes = false;
    await write(
      lane,
      ...lane.groups().map((group) => {
        const from = group.lastIndex() + 1;
        const { groupId } = group;
        const commit = Math.max(0, from - 1 - (groupId === 4 ? 6 : 0));
        group.committed(commit);
        const entries = entriesOf(from, from + 1, 1, groupId === 1 ? 200 : 12_000);
        return { group, entries, hardState: { term: 1, vote: groupId, commit } };
      }),
    );
  }
  const copy = copyOf(disk);
  // As a restart shows it: the commit index is bounded by what is there.
  const reopened = await openLane(copyOf(disk), { walFilesMax: 8, tailCacheBytes: 0 });
  const groups: BusyGroup[] = [];
  for (const group of reopened.groups()) {
    const { groupId, replicaId } = group;
    groups.push({
      groupId,
      replicaId,
      promises: [replicaId, group.hardState, group.firstIndex(), group.lastIndex()],
      log: JSON.stringify(await wholeLog(group)),
      stateIndexes: [group.recoveredState().index, group.baseSnapshot().index],
    });
  }
  await reopened.close();
  return { disk: copy, groups, lastBatch: await lastBatchOf(copy) };
}

async function lastBatchOf(disk: MemoryFileSystem): Promise<BusyDisk["lastBatch"]> {
  let last = { path: "", position: 0, length: 0 };
  for (const path of disk.paths().filter((name) => name.endsWith(".wal"))) {
    for await (const { position, header } of inspectWal(disk, path)) {
      last = { path, position, length: header.length };
    }
  }
  return last;
}
