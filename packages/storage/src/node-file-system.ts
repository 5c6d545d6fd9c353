/**
 * The file system port over node:fs: the only module of the deterministic packages that sees a disk.
 *
 * Raw descriptors and the callback functions, each wrapped in one promise: a FileHandle costs an
 * object and several promises per call and may be closed by the garbage collector (reference F.3).
 * Positions are always passed, so no call depends on a shared file offset.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";

import type { FileSystem, OpenFile, OpenOptions } from "@millrace/base";

type Callback<Value> = (error: NodeJS.ErrnoException | null, value: Value) => void;

function settle<Value>(run: (callback: Callback<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    run((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}

const done = (run: (callback: (error: NodeJS.ErrnoException | null) => void) => void) =>
  settle<void>((callback) => run((error) => callback(error, undefined)));

function flagsOf({ mode, create = "never", syncedWrites = false }: OpenOptions): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
  let flags = mode === "read" ? O_RDONLY : O_RDWR;
  if (create !== "never") flags |= O_CREAT;
  if (create === "exclusive") flags |= O_EXCL;
  if (syncedWrites) flags |= O_DSYNC;
  return flags;
}

class NodeOpenFile implements OpenFile {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.byteLength) {
      // The kernel may return less than asked for long before the end of the file.
      const count = await settle<number>((callback) =>
        fs.read(this.#fd, into, filled, into.byteLength - filled, position + filled, callback),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const total = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const written = await this.#writeOnce(parts, position);
    if (written === total) return;
    // A short write (signal, quota, full disk): go on where it stopped; a real fault shows then.
    await this.#writeRest(Buffer.concat(parts.map(asBuffer)), position, written);
  }

  #writeOnce(parts: readonly Uint8Array[], position: number): Promise<number> {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) {
      return settle<number>((callback) =>
        fs.write(this.#fd, only, 0, only.byteLength, position, callback),
      );
    }
    return settle<number>((callback) => fs.writev(this.#fd, parts, position, callback));
  }

  async #writeRest(bytes: Buffer, position: number, from: number): Promise<void> {
    let written = from;
    while (written < bytes.byteLength) {
      const count = await settle<number>((callback) =>
        fs.write(
          this.#fd,
          bytes,
          written,
          bytes.byteLength - written,
          position + written,
          callback,
        ),
      );
      if (count === 0) throw Object.assign(new Error("write of 0 bytes"), { code: "EIO" });
      written += count;
    }
  }

  sync(): Promise<void> {
    return done((callback) => fs.fdatasync(this.#fd, callback));
  }

  truncate(bytes: number): Promise<void> {
    return done((callback) => fs.ftruncate(this.#fd, bytes, callback));
  }

  async size(): Promise<number> {
    const stats = await settle<fs.Stats>((callback) => fs.fstat(this.#fd, callback));
    return stats.size;
  }

  close(): Promise<void> {
    return done((callback) => fs.close(this.#fd, callback));
  }
}

const asBuffer = (part: Uint8Array) => Buffer.from(part.buffer, part.byteOffset, part.byteLength);

/** Files of this machine. */
export class NodeFileSystem implements FileSystem {
  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const flags = flagsOf(options);
    const fd = await settle<number>((callback) =>
      fs.open(path, flags, options.permissions ?? 0o600, callback),
    );
    return new NodeOpenFile(path, fd);
  }

  async list(path: string): Promise<readonly string[]> {
    const names = await settle<string[]>((callback) => fs.readdir(path, callback));
    return names.sort();
  }

  async makeDirectory(path: string): Promise<void> {
    const first = await settle<string | undefined>((callback) =>
      fs.mkdir(path, { recursive: true, mode: 0o700 }, callback),
    );
    if (first === undefined) return;
    // Each new folder is an entry of the one above it, and that entry too is lost without a sync.
    for (let folder = path; ; folder = dirname(folder)) {
      await this.syncDirectory(dirname(folder));
      if (folder === first || dirname(folder) === folder) return;
    }
  }

  rename(from: string, to: string): Promise<void> {
    return done((callback) => fs.rename(from, to, callback));
  }

  remove(path: string): Promise<void> {
    return done((callback) => fs.unlink(path, callback));
  }

  async syncDirectory(path: string): Promise<void> {
    const fd = await settle<number>((callback) => fs.open(path, "r", callback));
    try {
      await done((callback) => fs.fsync(fd, callback));
    } finally {
      await done((callback) => fs.close(fd, callback));
    }
  }

  async sizeOf(path: string): Promise<number | undefined> {
    try {
      return (await settle<fs.Stats>((callback) => fs.stat(path, callback))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    const stats = await settle<fs.StatsFs>((callback) => fs.statfs(path, callback));
    return { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize };
  }
}
