/**
 * Who wrote this directory. The incarnation is made once, in an empty directory: a node that lost its
 * disk comes back with another one, so that it can never vote under its old replica ids (S8).
 *
 * The file is replaced whole (write, sync, rename, sync the folder), never changed in place.
 */
import { StreamError } from "@millrace/base";
import type { FileSystem, Random } from "@millrace/base";

import { ByteReader, ByteWriter, checksum } from "./bytes.ts";
import type { LaneLayout } from "./layout.ts";
import { readWholeFile } from "./read-file.ts";

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
      `${path}: damaged at byte 0, so this node cannot prove who it is; restore it from its peers: ` +
        `move its data directory away and add it again as a new node`,
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

export async function writeIdentity(
  fileSystem: FileSystem,
  layout: LaneLayout,
  identity: StoredIdentity,
): Promise<void> {
  const path = pathOf(layout);
  const temporary = `${path}.new`;
  const file = await fileSystem.open(temporary, { mode: "read-write", create: "if-missing" });
  try {
    await file.truncate(0);
    await file.write([encodeIdentity(identity)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(layout.directory);
}

/** What the file says; `undefined` when it is missing or damaged. */
export async function identityOnDisk(
  fileSystem: FileSystem,
  layout: LaneLayout,
): Promise<StoredIdentity | undefined> {
  const path = pathOf(layout);
  const bytes = await readWholeFile(fileSystem, path);
  try {
    return bytes && decodeIdentity(bytes, path);
  } catch (error) {
    if (error instanceof StreamError) return undefined;
    throw error;
  }
}

/**
 * Reads the identity and counts the boot, or makes one in an empty directory.
 *
 * @throws StreamError `corrupt` when log files exist without an identity; `wrong-state` when another
 * node wrote the directory.
 */
export async function bootIdentity(
  fileSystem: FileSystem,
  random: Random,
  layout: LaneLayout,
  nodeId: number,
  hasLog: boolean,
): Promise<StoredIdentity> {
  const path = pathOf(layout);
  const bytes = await readWholeFile(fileSystem, path);
  if (bytes === undefined && hasLog) {
    throw new StreamError(
      "corrupt",
      `${path} is missing although ${layout.wal} holds a log; restore this node from its peers: ` +
        `move its data directory away and add it again as a new node`,
    );
  }
  const stored = bytes === undefined ? undefined : decodeIdentity(bytes, path);
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
