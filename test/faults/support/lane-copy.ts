/** One node's files in memory, to be damaged in thousands of ways and opened after each. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";

import { NO_METRICS, SILENT_LOGGER } from "@millrace/base";
import type { FileSystem } from "@millrace/base";
import { nodePorts } from "@millrace/client";
import { readEntryMeta } from "@millrace/model";
import { LaneStorage } from "@millrace/storage";
import { MemoryFileSystem } from "@millrace/storage/testing";

const WAL_FILE_BYTES = 1024 * 1024;
const FETCH_BYTES = 1024 * 1024;
const DIRECTORY = "/lane";

/** Everything that a restart found: per group its promises and a checksum per entry. */
export interface LaneContent {
  readonly groups: ReadonlyMap<
    number,
    {
      readonly term: number;
      readonly vote: number;
      readonly firstIndex: number;
      readonly entries: readonly string[];
    }
  >;
  /** Replicas that take no part because damage may have touched them. */
  readonly damaged: number;
}

/** Files by path below the lane's folder. */
export type LaneFiles = ReadonlyMap<string, Buffer>;

export function readLaneFiles(lane: string): LaneFiles {
  const names = readdirSync(lane, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(lane, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(lane, name))]));
}

/** Opens a copy in memory. @throws what opening throws. */
export async function openFiles(files: LaneFiles, nodeId: number): Promise<LaneContent> {
  const disk = new MemoryFileSystem();
  const folders = new Set([...files.keys()].flatMap((name) => name.split("/").slice(0, -1)));
  await disk.makeDirectory(DIRECTORY);
  for (const folder of folders) await disk.makeDirectory(`${DIRECTORY}/${folder}`);
  for (const [name, bytes] of files) disk.setBytes(`${DIRECTORY}/${name}`, bytes);
  return readLane(disk, DIRECTORY, nodeId);
}

/** Recovers the lane, which writes to it, and reads every entry. */
export async function readLane(
  fileSystem: FileSystem,
  directory: string,
  nodeId: number,
): Promise<LaneContent> {
  const { clock, random } = nodePorts();
  const storage = await LaneStorage.open({
    fileSystem,
    clock,
    random,
    metrics: NO_METRICS,
    logger: SILENT_LOGGER,
    directory,
    nodeId,
    entryMeta: readEntryMeta,
    walFileBytes: WAL_FILE_BYTES,
  });
  try {
    const groups = new Map<
      number,
      { term: number; vote: number; firstIndex: number; entries: string[] }
    >();
    for (const group of storage.groups()) {
      const { term, vote } = group.hardState;
      const firstIndex = group.firstIndex();
      const entries: string[] = [];
      const end = group.lastIndex() + 1;
      for (let lo = firstIndex; lo < end;) {
        const page = await group.fetchEntries(lo, end, FETCH_BYTES);
        for (const { term: entryTerm, type, data } of page) {
          const hash = createHash("sha1").update(`${entryTerm} ${type} `).update(data);
          entries.push(hash.digest("base64"));
        }
        lo += page.length;
      }
      groups.set(group.groupId, { term, vote, firstIndex, entries });
    }
    return { groups, damaged: storage.damagedGroups().length };
  } finally {
    await storage.close();
  }
}
