/**
 * States too large for the log: one file per checkpoint (or per commit that carries such a state),
 * synced before the WAL names it. A file lives as long as a group's newest durable state is in it.
 *
 *   header 32: magic "MILLRSTA" | version u16 | minReader u16 | 0 u32 | fileId u64 | 0 u32 | crc u32
 *   then the states, back to back; position, length and checksum of each are in the WAL
 */
import { StreamError } from "@millrace/base";
import type { FileSystem } from "@millrace/base";

import { asBuffer, checksum, writeU64 } from "./bytes.ts";
import type { StateLocation, StoredState } from "./frames.ts";
import { numberIn } from "./layout.ts";
import type { LaneLayout } from "./layout.ts";
import { isUnreadable, removeIfPresent } from "./read-file.ts";
import { damaged } from "./segment-format.ts";

const HEADER_BYTES = 32;
const VERSION = 1;

function header(fileId: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write("MILLRSTA", 0, "latin1");
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt16LE(VERSION, 10);
  writeU64(bytes, fileId, 16);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 28)), 28);
  return bytes;
}

export class StateFiles {
  readonly #fileSystem: FileSystem;
  readonly #layout: LaneLayout;
  #nextId = 1;
  readonly #known = new Set<number>();

  constructor(fileSystem: FileSystem, layout: LaneLayout) {
    this.#fileSystem = fileSystem;
    this.#layout = layout;
  }

  /** Learns which files exist. */
  async open(): Promise<void> {
    for (const name of await this.#fileSystem.list(this.#layout.states)) {
      const id = numberIn(name, "state");
      if (id !== undefined) this.#known.add(id);
    }
    this.#nextId = Math.max(0, ...this.#known) + 1;
  }

  /** Writes all of `states` into one new file; durable when it resolves. */
  async write(states: readonly Uint8Array[]): Promise<StateLocation[]> {
    const fileId = this.#nextId++;
    const path = this.#layout.stateFile(fileId);
    this.#known.add(fileId);
    const file = await this.#fileSystem.open(path, { mode: "read-write", create: "exclusive" });
    const locations: StateLocation[] = [];
    try {
      let position = HEADER_BYTES;
      await file.write([header(fileId)], 0);
      for (const state of states) {
        await file.write([state], position);
        const length = state.byteLength;
        locations.push({ kind: "file", fileId, position, length, crc: checksum(state) });
        position += length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fileSystem.syncDirectory(this.#layout.states);
    return locations;
  }

  /** @throws StreamError `corrupt` when the file is missing, damaged, or not to be read. */
  async read({ location }: StoredState): Promise<Uint8Array> {
    if (location.kind === "inline") return location.bytes;
    const path = this.#layout.stateFile(location.fileId);
    const where = `${path} at byte ${location.position}`;
    if ((await this.#fileSystem.sizeOf(path)) === undefined) {
      throw damaged(where, "the state file is missing");
    }
    const file = await this.#fileSystem.open(path, { mode: "read" });
    try {
      const bytes = Buffer.alloc(location.length);
      const filled = await file.read(bytes, location.position);
      if (filled !== location.length || checksum(bytes) !== location.crc) {
        throw damaged(where, `state of ${location.length} bytes does not match its checksum`);
      }
      return asBuffer(bytes);
    } catch (error) {
      throw isUnreadable(error) ? damaged(where, `it cannot be read (${String(error)})`) : error;
    } finally {
      await file.close();
    }
  }

  /**
   * Forgets and returns the files that no state in `live` refers to. Called while no write is under
   * way, so a file that is about to be named cannot be among them.
   */
  takeObsolete(live: ReadonlySet<number>): readonly number[] {
    const obsolete = [...this.#known].filter((id) => !live.has(id));
    for (const id of obsolete) this.#known.delete(id);
    return obsolete;
  }

  /** Removes files that a durable log has superseded. */
  async remove(fileIds: readonly number[]): Promise<void> {
    for (const id of fileIds) await removeIfPresent(this.#fileSystem, this.#layout.stateFile(id));
  }
}

/** @throws StreamError `invalid-argument` naming field and bound. */
export function requireBytesWithin(field: string, bytes: Uint8Array, max: number): void {
  if (bytes.byteLength <= max) return;
  throw new StreamError(
    "invalid-argument",
    `${field} is ${bytes.byteLength} bytes, but at most ${max} are allowed`,
  );
}
