/** A handle on a simulated disk's file: the faults of reading, writing and syncing happen here. */
import type { OpenFile, OpenOptions } from "@millrace/base";

import type { SectorFile } from "./sector-file.ts";
import type { DiskEvent, SimDisk } from "./sim-disk.ts";
import { systemError } from "./system-error.ts";

export class SimFile implements OpenFile {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #file: SectorFile;
  readonly #mode: OpenOptions["mode"];
  readonly #synced: boolean;
  readonly #generation: number;
  #closed = false;

  constructor(disk: SimDisk, path: string, file: SectorFile, options: OpenOptions) {
    this.path = path;
    this.#disk = disk;
    this.#file = file;
    this.#mode = options.mode;
    this.#synced = options.syncedWrites === true;
    this.#generation = disk.generation;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const event = this.#begin({ operation: "read", position });
    await this.#disk.delay("read", this.path);
    this.#disk.requireAlive(this.#generation, event);
    if (this.#disk.faults.take(["read-error"], "read", this.path) !== undefined) {
      this.#disk.faults.count("read-error", true);
      throw systemError("EIO", "read", this.path);
    }
    const count = this.#file.read(into, position);
    this.#tell(event, "after");
    return count;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    if (this.#mode === "read") throw systemError("EBADF", "write", this.path);
    const event = this.#begin({ operation: "write", position, parts, synced: this.#synced });
    this.#disk.requireWritable("write", this.path);
    const bytes = parts.length === 1 ? (parts[0] ?? new Uint8Array(0)) : joined(parts);
    const at = this.#place(bytes, position);
    const end = at + bytes.byteLength;
    this.#disk.reserve(Math.max(0, end - this.#file.size), this.path);
    this.#file.write(bytes, at, this.#disk.nextOrder());
    this.#tell(event, "pending");
    await this.#disk.delay("write", this.path);
    this.#disk.requireAlive(this.#generation, event);
    if (this.#disk.faults.take(["write-error"], "write", this.path) !== undefined) {
      this.#file.drop(at, end);
      this.#disk.faults.count("write-error", true);
      throw systemError("EIO", "write", this.path);
    }
    if (this.#synced) this.#file.sync(Number.MAX_SAFE_INTEGER, at, end);
    this.#tell(event, "after");
  }

  async sync(): Promise<void> {
    const event = this.#begin({ operation: "sync" });
    const upTo = this.#disk.nextOrder();
    this.#tell(event, "pending");
    await this.#disk.delay("sync", this.path);
    this.#disk.requireAlive(this.#generation, event);
    if (this.#disk.faults.take(["sync-error"], "sync", this.path) !== undefined) {
      this.#disk.faults.count("sync-error", this.#file.drop());
      throw systemError("EIO", "fdatasync", this.path);
    }
    this.#file.sync(upTo);
    this.#tell(event, "after");
  }

  async truncate(bytes: number): Promise<void> {
    if (this.#mode === "read") throw systemError("EBADF", "ftruncate", this.path);
    const event = this.#begin({ operation: "truncate", position: bytes });
    await this.#disk.delay("truncate", this.path);
    this.#disk.requireAlive(this.#generation, event);
    this.#disk.requireWritable("truncate", this.path);
    this.#file.truncate(bytes, this.#disk.nextOrder());
    this.#tell(event, "after");
  }

  async size(): Promise<number> {
    this.#requireOpen({ moment: "before", operation: "read", path: this.path });
    return this.#file.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Where the write lands, after the faults that meet it before it reaches the cache. */
  #place(bytes: Uint8Array, position: number): number {
    const { faults } = this.#disk;
    if (faults.take(["no-space"], "write", this.path) !== undefined) {
      faults.count("no-space", true);
      throw systemError("ENOSPC", "write", this.path);
    }
    const misdirected = faults.take(["misdirected-write"], "write", this.path);
    if (misdirected === undefined) return position;
    faults.count("misdirected-write", misdirected.byBytes !== 0 && bytes.byteLength > 0);
    return Math.max(0, position + misdirected.byBytes);
  }

  #begin(parts: Omit<DiskEvent, "moment" | "path">): DiskEvent {
    const event: DiskEvent = { ...parts, moment: "before", path: this.path };
    this.#requireOpen(event);
    this.#disk.tell(this.#generation, event);
    return event;
  }

  #tell(event: DiskEvent, moment: DiskEvent["moment"]): void {
    this.#disk.tell(this.#generation, { ...event, moment });
  }

  #requireOpen(event: DiskEvent): void {
    this.#disk.requireAlive(this.#generation, event);
    if (this.#closed) throw systemError("EBADF", event.operation, this.path);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
