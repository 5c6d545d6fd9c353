/**
 * A disk in memory that loses on purpose what nobody synced.
 *
 * Each file keeps its durable bytes apart from the writes since the last sync; each folder change
 * waits in a journal until its folder is synced. `crash` then decides, by the injected chance, which
 * of the unsynced sectors and folder changes survive, in any combination: later ones may survive
 * where earlier ones are lost, as on a real device with a write cache.
 */
import type { FileSystem, OpenFile, OpenOptions, Random } from "@millrace/base";

type PendingChange =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly bytes: number };

interface Inode {
  current: Buffer;
  durable: Buffer;
  pending: PendingChange[];
}

type FolderChange =
  | { readonly kind: "create"; readonly path: string; readonly inode: Inode }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

export type FileOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "list";

export interface CrashOptions {
  /**
   * `all`: everything unsynced is lost. `subset`: each unsynced sector survives or not by chance.
   * `none`: everything survives and is durable. `process`: only the process dies; what it wrote is
   * still there to read, and still lost with the power unless somebody syncs it.
   */
  readonly lose: "all" | "subset" | "none" | "process";
  /** Sector that is written whole or not at all. @default 512 */
  readonly sectorBytes?: 512 | 4096;
  readonly random: Random;
}

export interface MemoryFileSystemOptions {
  /** Bytes that all files may hold together; more fails with ENOSPC. @default no limit */
  readonly capacityBytes?: number;
  /** Awaited in each operation before it takes effect, so that a scheduler can interleave. */
  readonly latency?: (operation: FileOperation, path: string) => Promise<void>;
}

export class MemoryFileSystem implements FileSystem {
  /** Called before each operation; an error it returns is what the operation rejects with. */
  fault: ((operation: FileOperation, path: string) => Error | undefined) | undefined;
  /** Called once per operation that takes effect, before it does. */
  observe: ((operation: FileOperation, path: string) => void) | undefined;
  #files = new Map<string, Inode>();
  #durableFiles = new Map<string, Inode>();
  #journal: FolderChange[] = [];
  readonly #folders = new Set<string>(["/"]);
  readonly #options: MemoryFileSystemOptions;
  #generation = 0;

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#options = options;
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    await this.enter("open", path);
    let inode = this.#files.get(path);
    const { create = "never" } = options;
    if (inode !== undefined && create === "exclusive") throw systemError("EEXIST", "open", path);
    if (inode === undefined) {
      if (create === "never" || !this.#folders.has(folderOf(path))) {
        throw systemError("ENOENT", "open", path);
      }
      inode = { current: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] };
      this.#files.set(path, inode);
      this.#journal.push({ kind: "create", path, inode });
    }
    return new MemoryFile(this, path, inode, options);
  }

  async list(path: string): Promise<readonly string[]> {
    await this.enter("list", path);
    if (!this.#folders.has(path)) throw systemError("ENOENT", "scandir", path);
    const prefix = path === "/" ? "/" : `${path}/`;
    return [...this.#files.keys(), ...this.#folders]
      .filter((name) => name.startsWith(prefix) && name.length > prefix.length)
      .map((name) => name.slice(prefix.length))
      .filter((name) => !name.includes("/"))
      .sort();
  }

  async makeDirectory(path: string): Promise<void> {
    for (let folder = path; folder !== "/"; folder = folderOf(folder)) this.#folders.add(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.enter("rename", from);
    const inode = this.#files.get(from);
    if (inode === undefined || !this.#folders.has(folderOf(to))) {
      throw systemError("ENOENT", "rename", from);
    }
    this.#files.delete(from);
    this.#files.set(to, inode);
    this.#journal.push({ kind: "rename", from, to });
  }

  async remove(path: string): Promise<void> {
    await this.enter("remove", path);
    if (!this.#files.delete(path)) throw systemError("ENOENT", "unlink", path);
    this.#journal.push({ kind: "remove", path });
  }

  async syncDirectory(path: string): Promise<void> {
    await this.enter("syncDirectory", path);
    if (!this.#folders.has(path)) throw systemError("ENOENT", "open", path);
    const kept: FolderChange[] = [];
    for (const change of this.#journal) {
      if (touches(change, path)) applyChange(this.#durableFiles, change);
      else kept.push(change);
    }
    this.#journal = kept;
  }

  async sizeOf(path: string): Promise<number | undefined> {
    return this.#files.get(path)?.current.byteLength;
  }

  async space(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    const totalBytes = this.#options.capacityBytes ?? 2 ** 40;
    return { freeBytes: Math.max(0, totalBytes - this.#usedBytes()), totalBytes };
  }

  /**
   * The disk as one process sees it: after the next crash nothing that this process had under way
   * takes effect or returns, as nothing of a dead process does.
   */
  attach(): FileSystem {
    const generation = this.#generation;
    const alive = async <Result>(run: () => Promise<Result>): Promise<Result> => {
      await this.leave(generation);
      const result = await run();
      await this.leave(generation);
      return result;
    };
    return {
      open: (path, options) => alive(() => this.open(path, options)),
      list: (path) => alive(() => this.list(path)),
      makeDirectory: (path) => alive(() => this.makeDirectory(path)),
      rename: (from, to) => alive(() => this.rename(from, to)),
      remove: (path) => alive(() => this.remove(path)),
      syncDirectory: (path) => alive(() => this.syncDirectory(path)),
      sizeOf: (path) => alive(() => this.sizeOf(path)),
      space: () => alive(() => this.space()),
    };
  }

  /** Power loss, or the death of the process alone. Old handles never answer again. */
  crash({ lose, sectorBytes = 512, random }: CrashOptions): void {
    this.#generation++;
    if (lose === "process") return;
    for (const change of this.#journal) {
      if (lose === "none" || (lose === "subset" && random.uniform(2) === 1)) {
        applyChange(this.#durableFiles, change);
      }
    }
    this.#journal = [];
    const inodes = new Set([...this.#files.values(), ...this.#durableFiles.values()]);
    for (const inode of inodes) {
      for (const change of inode.pending) {
        if (lose === "none") inode.durable = applied(inode.durable, change);
        if (lose === "subset") inode.durable = partly(inode.durable, change, sectorBytes, random);
      }
      inode.pending = [];
      inode.current = copyOf(inode.durable);
    }
    this.#files = new Map(this.#durableFiles);
  }

  /** Everything that is there now becomes durable: the disk after a clean shutdown. */
  settle(): void {
    for (const inode of this.#files.values()) {
      inode.durable = copyOf(inode.current);
      inode.pending = [];
    }
    this.#durableFiles = new Map(this.#files);
    this.#journal = [];
  }

  /** Bit rot: one bit of the durable bytes and of the current ones changes. */
  flipBit(path: string, byte: number, bit: number): void {
    const inode = this.#mustHave(path);
    const mask = 1 << bit;
    inode.current.writeUInt8(inode.current.readUInt8(byte) ^ mask, byte);
    if (byte < inode.durable.byteLength) {
      inode.durable.writeUInt8(inode.durable.readUInt8(byte) ^ mask, byte);
    }
  }

  /** A copy of a file's bytes, as a reader sees them now. */
  bytesOf(path: string): Buffer {
    return Buffer.from(this.#mustHave(path).current);
  }

  /** Replaces a file's bytes, durably. */
  setBytes(path: string, bytes: Uint8Array): void {
    const inode = this.#files.get(path) ?? {
      current: Buffer.alloc(0),
      durable: Buffer.alloc(0),
      pending: [],
    };
    inode.current = copyOf(bytes);
    inode.durable = copyOf(bytes);
    inode.pending = [];
    this.#files.set(path, inode);
    this.#durableFiles.set(path, inode);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** A second disk with the same contents, durable and unsynced ones alike. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem(this.#options);
    const inodes = new Map<Inode, Inode>();
    const copied = (inode: Inode): Inode => {
      let twin = inodes.get(inode);
      if (twin === undefined) {
        twin = {
          current: copyOf(inode.current),
          durable: copyOf(inode.durable),
          pending: [...inode.pending],
        };
        inodes.set(inode, twin);
      }
      return twin;
    };
    for (const [path, inode] of this.#files) copy.#files.set(path, copied(inode));
    for (const [path, inode] of this.#durableFiles) copy.#durableFiles.set(path, copied(inode));
    copy.#journal = this.#journal.map((change) =>
      change.kind === "create" ? { ...change, inode: copied(change.inode) } : change,
    );
    for (const folder of this.#folders) copy.#folders.add(folder);
    return copy;
  }

  /** @internal Start of every operation: latency, then faults; a crash in between stops it for ever. */
  async enter(operation: FileOperation, path: string): Promise<void> {
    const generation = this.#generation;
    await this.#options.latency?.(operation, path);
    if (generation !== this.#generation) await new Promise<never>(() => {});
    const error = this.fault?.(operation, path);
    if (error !== undefined) throw error;
    this.observe?.(operation, path);
    // The observer may be what pulls the plug: then this operation does not take effect.
    if (generation !== this.#generation) await new Promise<never>(() => {});
  }

  /** @internal The end of an operation: the caller of a crashed process hears nothing. */
  async leave(generation: number): Promise<void> {
    await Promise.resolve();
    if (generation !== this.#generation) await new Promise<never>(() => {});
  }

  /** @internal */
  get generation(): number {
    return this.#generation;
  }

  /** @internal */
  reserve(bytes: number, path: string): void {
    const { capacityBytes } = this.#options;
    if (capacityBytes !== undefined && this.#usedBytes() + bytes > capacityBytes) {
      throw systemError("ENOSPC", "write", path);
    }
  }

  #usedBytes(): number {
    let sum = 0;
    for (const inode of this.#files.values()) sum += inode.current.byteLength;
    return sum;
  }

  #mustHave(path: string): Inode {
    const inode = this.#files.get(path);
    if (inode === undefined) throw systemError("ENOENT", "open", path);
    return inode;
  }
}

class MemoryFile implements OpenFile {
  readonly path: string;
  readonly #disk: MemoryFileSystem;
  readonly #inode: Inode;
  readonly #options: OpenOptions;
  readonly #generation: number;

  constructor(disk: MemoryFileSystem, path: string, inode: Inode, options: OpenOptions) {
    this.path = path;
    this.#disk = disk;
    this.#inode = inode;
    this.#options = options;
    this.#generation = disk.generation;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await this.#enter("read");
    const { current } = this.#inode;
    const end = Math.min(current.byteLength, position + into.byteLength);
    if (end <= position) return 0;
    into.set(current.subarray(position, end));
    return end - position;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    if (this.#options.mode === "read") throw systemError("EBADF", "write", this.path);
    const bytes = Buffer.concat(parts);
    const change = { kind: "write", position, bytes } as const;
    const generation = this.#disk.generation;
    if (generation !== this.#generation) await new Promise<never>(() => {});
    // In the page cache at once; durable, where asked, only when the operation has taken effect.
    this.#disk.reserve(
      Math.max(0, position + bytes.byteLength - this.#inode.current.byteLength),
      this.path,
    );
    this.#inode.current = applied(this.#inode.current, change);
    this.#inode.pending.push(change);
    await this.#enter("write");
    if (this.#options.syncedWrites === true) {
      this.#inode.durable = applied(this.#inode.durable, change);
      this.#inode.pending = this.#inode.pending.filter((other) => other !== change);
      await this.#disk.leave(generation);
    }
  }

  async sync(): Promise<void> {
    const upTo = this.#inode.pending.length;
    await this.#enter("sync");
    const synced = this.#inode.pending.splice(0, upTo);
    for (const change of synced) this.#inode.durable = applied(this.#inode.durable, change);
    await this.#disk.leave(this.#generation);
  }

  async truncate(bytes: number): Promise<void> {
    await this.#enter("truncate");
    const change = { kind: "truncate", bytes } as const;
    this.#inode.current = applied(this.#inode.current, change);
    this.#inode.pending.push(change);
  }

  async size(): Promise<number> {
    return this.#inode.current.byteLength;
  }

  async close(): Promise<void> {}

  async #enter(operation: FileOperation): Promise<void> {
    if (this.#generation !== this.#disk.generation) await new Promise<never>(() => {});
    await this.#disk.enter(operation, this.path);
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

function touches(change: FolderChange, folder: string): boolean {
  if (change.kind !== "rename") return folderOf(change.path) === folder;
  return folderOf(change.from) === folder || folderOf(change.to) === folder;
}

function applyChange(files: Map<string, Inode>, change: FolderChange): void {
  if (change.kind === "create") files.set(change.path, change.inode);
  else if (change.kind === "remove") files.delete(change.path);
  else {
    const inode = files.get(change.from);
    if (inode === undefined) return; // The creation was lost, so there is nothing to rename.
    files.delete(change.from);
    files.set(change.to, inode);
  }
}

/** Changed in place, with room to grow: tests write many megabytes. */
function applied(bytes: Buffer, change: PendingChange): Buffer {
  if (change.kind === "truncate") return resized(bytes, change.bytes);
  const end = change.position + change.bytes.byteLength;
  const target = end > bytes.byteLength ? resized(bytes, end) : bytes;
  target.set(change.bytes, change.position);
  return target;
}

function resized(bytes: Buffer, length: number): Buffer {
  if (length <= bytes.byteLength) return bytes.subarray(0, length);
  if (length <= bytes.buffer.byteLength - bytes.byteOffset) {
    const longer = Buffer.from(bytes.buffer, bytes.byteOffset, length);
    return longer.fill(0, bytes.byteLength);
  }
  // `Buffer.alloc` never takes from the shared pool, so growing in place touches no other buffer.
  const larger = Buffer.alloc(length + Math.min(length, 1 << 20));
  larger.set(bytes, 0);
  return larger.subarray(0, length);
}

function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.byteLength);
  copy.set(bytes, 0);
  return copy;
}

function partly(bytes: Buffer, change: PendingChange, sectorBytes: number, random: Random): Buffer {
  if (change.kind === "truncate") return random.uniform(2) === 1 ? applied(bytes, change) : bytes;
  let result = bytes;
  const end = change.position + change.bytes.byteLength;
  let from = change.position;
  while (from < end) {
    const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    if (random.uniform(2) === 1) {
      const part = change.bytes.subarray(from - change.position, to - change.position);
      result = applied(result, { kind: "write", position: from, bytes: part });
    }
    from = to;
  }
  return result;
}

function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code, path });
}

/** An error as the operating system reports it, for `fault`. */
export function diskError(code: "EIO" | "ENOSPC", path: string): Error {
  return systemError(code, "injected", path);
}
