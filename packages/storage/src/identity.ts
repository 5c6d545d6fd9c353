/**
 * Who wrote this directory. The incarnation is made once, in an empty directory: a node that lost its
 * disk comes back with another one, so that it can never vote under its old replica ids (S8).
 *
 * It is in two files that say the same, each replaced whole (write, sync, rename, sync the folder), one after
 * the other: without them nobody could tell whose log this is, and one damaged sector is no reason to lose a
 * node. A boot is counted in both before anything relies on it, so whichever is intact knows of it.
 */
import { StreamError } from "@millrace/base";
import type { FileSystem, Logger, Random } from "@millrace/base";

import { ByteReader, ByteWriter, checksum } from "./bytes.ts";
import type { LaneLayout } from "./layout.ts";
import { isUnreadable, readWholeFile } from "./read-file.ts";

const MAGIC = "MILLRIDN";
const VERSION = 1;
export const CLUSTER_ID_BYTES_MAX = 128;

export interface StoredIdentity {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
  readonly clusterId: string | undefined;
}

export function encodeIdentity(identity: StoredIdentity): Buffer {
  const bytes = new ByteWriter();
  bytes.raw(Buffer.from(MAGIC, "latin1")).u16(VERSION).u16(VERSION);
  bytes.u32(identity.nodeId).raw(Buffer.from(identity.incarnation, "hex"));
  bytes.u64(identity.bootEpoch).sized(Buffer.from(identity.clusterId ?? "", "utf8"));
  return Buffer.from(bytes.u32(checksum(bytes.view())).view());
}

/** @throws StreamError `corrupt` or `unsupported`, naming `path`. */
export function decodeIdentity(bytes: Buffer, path: string): StoredIdentity {
  const body = bytes.subarray(0, Math.max(0, bytes.byteLength - 4));
  const intact =
    bytes.byteLength >= 48 &&
    bytes.toString("latin1", 0, 8) === MAGIC &&
    checksum(body) === bytes.readUInt32LE(body.byteLength);
  if (!intact) {
    throw new StreamError(
      "corrupt",
      `${path}: damaged at byte 0, and its copy does not help, so this node cannot prove who it is; ` +
        `restore it from its peers: move its data directory away and start it again as a new node`,
    );
  }
  const reader = new ByteReader(body, 8);
  reader.u16();
  const minReader = reader.u16();
  if (minReader > VERSION) {
    throw new StreamError("unsupported", `${path}: needs a reader of format ${minReader}`);
  }
  const nodeId = reader.u32();
  const incarnation = reader.raw(16).toString("hex");
  const bootEpoch = reader.u64();
  const clusterId = reader.sized().toString("utf8");
  return { nodeId, incarnation, bootEpoch, clusterId: clusterId === "" ? undefined : clusterId };
}

const pathOf = (layout: LaneLayout) => `${layout.directory}/identity`;
const pathsOf = (layout: LaneLayout) => [pathOf(layout), `${pathOf(layout)}.copy`] as const;

/** Durable in both files when it resolves. */
export async function writeIdentity(
  fileSystem: FileSystem,
  layout: LaneLayout,
  identity: StoredIdentity,
): Promise<void> {
  for (const path of pathsOf(layout)) {
    // eslint-disable-next-line no-await-in-loop -- one after the other: a crash may cost one of them
    await replaceFile(fileSystem, layout, path, encodeIdentity(identity));
  }
}

async function replaceFile(
  fileSystem: FileSystem,
  layout: LaneLayout,
  path: string,
  bytes: Buffer,
): Promise<void> {
  const temporary = `${path}.new`;
  const file = await fileSystem.open(temporary, { mode: "read-write", create: "if-missing" });
  try {
    await file.truncate(0);
    await file.write([bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(layout.directory);
}

/** What one of the two files says: neither when it is missing. */
interface Found {
  readonly identity?: StoredIdentity;
  readonly damage?: StreamError;
}

async function readBoth(fileSystem: FileSystem, layout: LaneLayout): Promise<readonly Found[]> {
  const read = async (path: string): Promise<Found> => {
    try {
      const bytes = await readWholeFile(fileSystem, path);
      return bytes === undefined ? {} : { identity: decodeIdentity(bytes, path) };
    } catch (error) {
      if (error instanceof StreamError && error.code === "corrupt") return { damage: error };
      if (!isUnreadable(error)) throw error;
      const cause = `${path} cannot be read (${String(error)})`;
      return { damage: new StreamError("corrupt", `${cause}, and its copy does not help`) };
    }
  };
  return Promise.all(pathsOf(layout).map(read));
}

/** Whether both files say `identity`. */
export async function identityIsOnDisk(
  fileSystem: FileSystem,
  layout: LaneLayout,
  identity: StoredIdentity,
): Promise<boolean> {
  const wanted = JSON.stringify(identity);
  const found = await readBoth(fileSystem, layout);
  return found.every((one) => JSON.stringify(one.identity) === wanted);
}

/** The newer of what is intact; `undefined` when both files are missing. */
async function storedIdentity(
  fileSystem: FileSystem,
  layout: LaneLayout,
  logger: Logger,
): Promise<StoredIdentity | undefined> {
  const found = await readBoth(fileSystem, layout);
  const damage = found.find((one) => one.damage !== undefined)?.damage;
  const [first, second] = found.flatMap(({ identity }) => identity ?? []);
  if (first === undefined) {
    if (damage !== undefined) throw damage;
    return undefined;
  }
  if (damage !== undefined) {
    logger.error("one identity file is damaged, and is made again from the other", {
      damage: damage.message,
    });
  }
  if (second === undefined) return first;
  if (second.nodeId !== first.nodeId || second.incarnation !== first.incarnation) {
    throw new StreamError(
      "corrupt",
      `${pathsOf(layout).join(" and ")} are of different nodes or disks: node ${first.nodeId}, ` +
        `incarnation ${first.incarnation}, and node ${second.nodeId}, incarnation ` +
        `${second.incarnation}; put back the one that belongs here, or move this data directory away ` +
        `and add it again as a new node`,
    );
  }
  // The first is written first, so at one epoch it may know a cluster id that the second does not.
  return second.bootEpoch > first.bootEpoch ? second : first;
}

interface BootContext {
  readonly fileSystem: FileSystem;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeId: number;
}

/**
 * Reads the identity and counts the boot, or makes one in an empty directory. One damaged or missing file
 * of the two is made again from the other.
 *
 * @throws StreamError `corrupt` when log files exist without an identity, and when both files are damaged;
 * `wrong-state` when another node wrote the directory.
 */
export async function bootIdentity(
  { fileSystem, random, logger, nodeId }: BootContext,
  layout: LaneLayout,
  hasLog: boolean,
): Promise<StoredIdentity> {
  const path = pathOf(layout);
  const stored = await storedIdentity(fileSystem, layout, logger);
  if (stored === undefined && hasLog) {
    throw new StreamError(
      "corrupt",
      `${path} is missing although ${layout.wal} holds a log; restore this node from its peers: ` +
        `move its data directory away and add it again as a new node`,
    );
  }
  if (stored !== undefined && stored.nodeId !== nodeId) {
    throw new StreamError(
      "wrong-state",
      `${path} belongs to node ${stored.nodeId}, but this is node ${nodeId}`,
    );
  }
  const identity = {
    nodeId,
    incarnation: stored?.incarnation ?? Buffer.from(random.bytes(16)).toString("hex"),
    bootEpoch: (stored?.bootEpoch ?? 0) + 1,
    clusterId: stored?.clusterId,
  };
  await writeIdentity(fileSystem, layout, identity);
  return identity;
}
