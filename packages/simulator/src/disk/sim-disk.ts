/**
 * A disk that does what disks do when nobody looks: it keeps unsynced sectors in any combination,
 * forgets names, fails, fills up, stalls, rots, and writes to the wrong place.
 *
 * Without it a simulated cluster would prove the protocol over a disk that never lies, and the
 * promises that survive a crash (S1, S7) rest on the disk. All chance comes from the injected random,
 * all time from the injected clock, so a seed replays a run.
 *
 * The owner of the disk crashes it and damages it; a process sees it through `mount`. After a crash
 * the old process's handles throw `ESTALE`, and what it had under way takes no effect.
 *
 * Source of the list of faults: reference D.4; of failed syncs: Rebello et al., "Can Applications
 * Recover from fsync Failures?", USENIX ATC 2020.
 */
import { requireWithin, sleep } from "@millrace/base";
import type { Clock, FileSystem, OpenFile, OpenOptions, Random } from "@millrace/base";

import { Faults } from "./faults.ts";
import type { DiskFault, DiskFaultKind, FaultCount } from "./faults.ts";
import { FolderTree } from "./folder-tree.ts";
import { SECTOR_BYTES, SectorFile } from "./sector-file.ts";
import type { PendingSector } from "./sector-file.ts";
import { SimFile } from "./sim-file.ts";
import { systemError } from "./system-error.ts";

export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "list";

/** One moment of one operation. A crash at `before` undoes it, at `after` only its answer is lost. */
export interface DiskEvent {
  /** `pending`: a write or sync is in the cache and on its way to the platter. */
  readonly moment: "before" | "pending" | "after";
  readonly operation: DiskOperation;
  readonly path: string;
  /** New name, of a rename. */
  readonly to?: string;
  readonly position?: number;
  readonly parts?: readonly Uint8Array[];
  /** The handle syncs each write. */
  readonly synced?: boolean;
  /** An open that made the file. */
  readonly created?: boolean;
}

/** Lowest and highest duration in milliseconds. */
export type LatencyMs = readonly [min: number, max: number];

export interface SimDiskOptions {
  readonly random: Random;
  /** Without one operations take no time. */
  readonly clock?: Clock;
  /** 0..100. @default [0, 1] */
  readonly readMs?: LatencyMs;
  /** Writes, syncs and changes of names; 0..1000. @default [0, 2] */
  readonly writeMs?: LatencyMs;
  /** Bytes of all files together; more fails with ENOSPC. @default 2^40 */
  readonly capacityBytes?: number;
  /** Keeps each page's content before its last sync, for `restoreStale`. @default false */
  readonly keepsHistory?: boolean;
}

export interface PowerCut {
  /**
   * `all` pending is lost, or `none`; `subset`: each sector and name by its own chance; `prefix`: what was
   * written first survives; `suffix`: only what was written last, the order that no program expects.
   */
  readonly lose: "all" | "none" | "subset" | "prefix" | "suffix";
  /** What the device writes whole: its sector, or a page of 4096. @default 512 */
  readonly atomicBytes?: 512 | 4096;
}

const CAPACITY_BYTES_DEFAULT = 2 ** 40;

export class SimDisk {
  /** Called at each moment of each operation; may crash the disk there. */
  observe: ((event: DiskEvent) => void) | undefined;
  /** While set, the disk is mounted read-only: every change fails with EROFS, and this is called. */
  refuseWrites: (() => void) | undefined;
  readonly #options: SimDiskOptions;
  readonly #faults = new Faults();
  #tree = new FolderTree<SectorFile>();
  #generation = 0;
  #order = 0;
  #capacityBytes: number;
  #whenFull: (() => void) | undefined;

  constructor(options: SimDiskOptions) {
    this.#options = options;
    this.#capacityBytes = options.capacityBytes ?? CAPACITY_BYTES_DEFAULT;
    const { readMs = [0, 1], writeMs = [0, 2] } = options;
    for (const bound of readMs) requireWithin("readMs", bound, 0, 100);
    for (const bound of writeMs) requireWithin("writeMs", bound, 0, 1000);
  }

  /** The disk as the process that starts now sees it, until the next crash. */
  mount(): FileSystem {
    return new MountedDisk(this);
  }

  /** Times each kind of fault fired, and had an effect. */
  get faultCounts(): ReadonlyMap<DiskFaultKind, Readonly<FaultCount>> {
    return this.#faults.counts;
  }

  get paths(): readonly string[] {
    return this.#tree.paths();
  }

  /** Only the process dies: the cache stays, and is still lost with the power. */
  killProcess(): void {
    this.#generation++;
    this.#faults.count("process-kill", this.#hasPending());
  }

  powerCut({ lose, atomicBytes = SECTOR_BYTES }: PowerCut): void {
    this.#generation++;
    const { random } = this.#options;
    const keep = this.#survivors(lose, this.#tree.pending);
    let lost = this.#tree.powerCut(keep);
    // The files that lost their name are cut too: their bytes are not seen again.
    for (const file of this.#tree.nodes()) {
      const pending = file.pendingSectors();
      const kept = this.#keptOf(pending, lose, atomicBytes);
      lost += pending.length - kept.length;
      file.powerCut(kept, lose === "none" || (lose !== "all" && random.uniform(2) === 1));
    }
    this.#faults.count("power-cut", lost > 0);
  }

  /** Lets a fault wait for the next operation that fits it. */
  arm(fault: DiskFault): void {
    if (fault.kind === "stall") requireWithin("stallMs", fault.stallMs, 1000, 60_000);
    this.#faults.arm(fault);
  }

  /** Faults that have not fired do not fire any more. */
  disarm(): void {
    this.#faults.disarm();
  }

  /** From now on the disk is larger, or full. */
  setCapacity(bytes: number): void {
    this.#capacityBytes = bytes;
  }

  /** Only `freeBytes` are left from now on, until `free`. @param whenFull Called when a write finds no room. */
  fill(freeBytes: number, whenFull: () => void): void {
    this.#capacityBytes = this.#usedBytes() + freeBytes;
    this.#whenFull = whenFull;
  }

  /** There is room again. */
  free(): void {
    this.#capacityBytes = this.#options.capacityBytes ?? CAPACITY_BYTES_DEFAULT;
    this.#whenFull = undefined;
  }

  /** Nothing fails, fills up or waits any more; what rotted stays as it is. */
  heal(): void {
    this.disarm();
    this.free();
    this.refuseWrites = undefined;
  }

  /** Whether a power cut now would leave the file under this name, with all its bytes. */
  isDurable(path: string): boolean {
    return this.#tree.isDurable(path) && this.#tree.get(path)?.isDurable === true;
  }

  sizeOf(path: string): number {
    return this.#tree.get(path)?.size ?? 0;
  }

  /** One bit on the platter changes. `byte` below the file's size, `bit` 0..7. */
  flipBit(path: string, byte: number, bit: number, read?: () => void): void {
    const file = this.#mustHave(path);
    const bytes = new Uint8Array(1);
    file.read(bytes, byte);
    bytes[0] = (bytes[0] ?? 0) ^ (1 << bit);
    this.#faults.count("bit-flip", file.damage(byte, bytes, read));
  }

  /** The sector around `byte` holds again what it held before its last sync. Needs `keepsHistory`. */
  restoreStale(path: string, byte: number, read?: () => void): void {
    const file = this.#mustHave(path);
    const stale = file.staleSector(byte);
    const position = Math.floor(byte / SECTOR_BYTES) * SECTOR_BYTES;
    this.#faults.count("stale-sector", stale !== undefined && file.damage(position, stale, read));
  }

  /** The file ends at `bytes`, durably. */
  cutFile(path: string, bytes: number): void {
    this.#faults.count("truncation", this.#mustHave(path).cut(bytes));
  }

  /** Pages that a failed sync dropped are read from the platter again, as under memory pressure. */
  evictCaches(): void {
    for (const file of this.#tree.nodes()) file.evict();
  }

  /** The disk is replaced by an empty one; the process on it is dead. */
  wipe(): void {
    this.#generation++;
    this.#faults.count("wipe", this.#tree.paths().length > 0);
    this.#tree = new FolderTree();
  }

  /** The disks of two machines are exchanged; the processes on both are dead. */
  swapWith(other: SimDisk): void {
    for (const disk of [this, other]) {
      disk.#generation++;
      disk.#faults.count("swap", true);
    }
    [this.#tree, other.#tree] = [other.#tree, this.#tree];
  }

  /** What a reader of the file sees. */
  bytesOf(path: string): Uint8Array {
    const file = this.#mustHave(path);
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    return bytes;
  }

  /** @internal */
  get tree(): FolderTree<SectorFile> {
    return this.#tree;
  }

  /** @internal */
  get faults(): Faults {
    return this.#faults;
  }

  /** @internal */
  get generation(): number {
    return this.#generation;
  }

  /** @internal Order of the next write. */
  nextOrder(): number {
    return ++this.#order;
  }

  /** @internal */
  newFile(): SectorFile {
    return new SectorFile(this.#options.keepsHistory === true);
  }

  /** @internal A dead process gets no further. */
  requireAlive(generation: number, { operation, path }: DiskEvent): void {
    if (generation !== this.#generation) throw systemError("ESTALE", operation, path);
  }

  /** @internal Tells the observer, which may be what crashes the disk. */
  tell(generation: number, event: DiskEvent): void {
    this.requireAlive(generation, event);
    this.observe?.(event);
    this.requireAlive(generation, event);
  }

  /** @internal The time an operation takes. */
  async delay(operation: DiskOperation, path: string): Promise<void> {
    const { clock, random, readMs = [0, 1], writeMs = [0, 2] } = this.#options;
    const stall = this.#faults.take(["stall"], operation, path);
    if (stall !== undefined) this.#faults.count("stall", clock !== undefined);
    if (clock === undefined) {
      await Promise.resolve();
      return;
    }
    const [min, max] = operation === "read" || operation === "list" ? readMs : writeMs;
    const ms = min + (random.uniform(1001) / 1000) * (max - min) + (stall?.stallMs ?? 0);
    await (ms > 0 ? sleep(clock, ms) : Promise.resolve());
  }

  /** @internal */
  reserve(bytes: number, path: string): void {
    if (bytes === 0 || this.#capacityBytes >= CAPACITY_BYTES_DEFAULT) return;
    if (bytes <= this.space().freeBytes) return;
    this.#faults.count("no-space", true);
    this.#whenFull?.();
    throw systemError("ENOSPC", "write", path);
  }

  /** @internal */
  requireWritable(operation: DiskOperation, path: string): void {
    if (this.refuseWrites === undefined) return;
    this.#faults.count("read-only", true);
    this.refuseWrites();
    throw systemError("EROFS", operation, path);
  }

  /** @internal */
  space(): { readonly freeBytes: number; readonly totalBytes: number } {
    const totalBytes = this.#capacityBytes;
    return { freeBytes: Math.max(0, totalBytes - this.#usedBytes()), totalBytes };
  }

  #usedBytes(): number {
    let used = 0;
    for (const file of this.#tree.files()) used += file.size;
    return used;
  }

  /** Which of `count` things in order of time survive. */
  #survivors(lose: PowerCut["lose"], count: number): (at: number) => boolean {
    const { random } = this.#options;
    const cut = random.uniform(count + 1);
    const keeps = {
      all: () => false,
      none: () => true,
      subset: () => random.uniform(2) === 1,
      prefix: (at: number) => at < cut,
      suffix: (at: number) => at >= cut,
    };
    return keeps[lose];
  }

  /** With whole pages as the unit, the first sector of a page decides for the others. */
  #keptOf(
    pending: readonly PendingSector[],
    lose: PowerCut["lose"],
    atomicBytes: number,
  ): readonly PendingSector[] {
    if (atomicBytes === SECTOR_BYTES) {
      const keeps = this.#survivors(lose, pending.length);
      return pending.filter((_, at) => keeps(at));
    }
    const pages = [...new Set(pending.map(({ page }) => page))];
    const keeps = this.#survivors(lose, pages.length);
    const kept = new Set(pages.filter((_, at) => keeps(at)));
    return pending.filter(({ page }) => kept.has(page));
  }

  #hasPending(): boolean {
    for (const file of this.#tree.nodes()) if (file.hasPending) return true;
    return this.#tree.pending > 0;
  }

  #mustHave(path: string): SectorFile {
    const file = this.#tree.get(path);
    if (file === undefined) throw systemError("ENOENT", "open", path);
    return file;
  }
}

class MountedDisk implements FileSystem {
  readonly #disk: SimDisk;
  readonly #generation: number;

  constructor(disk: SimDisk) {
    this.#disk = disk;
    this.#generation = disk.generation;
  }

  open(path: string, options: OpenOptions): Promise<OpenFile> {
    const disk = this.#disk;
    const { tree } = disk;
    const synced = options.syncedWrites === true;
    const created = tree.get(path) === undefined;
    return this.#run({ moment: "before", operation: "open", path, synced, created }, () => {
      let file = tree.get(path);
      const { create = "never" } = options;
      if (file !== undefined && create === "exclusive") throw systemError("EEXIST", "open", path);
      if (file === undefined) {
        if (create === "never") throw systemError("ENOENT", "open", path);
        disk.requireWritable("open", path);
        file = disk.newFile();
        tree.create(path, file);
      }
      return new SimFile(disk, path, file, options);
    });
  }

  list(path: string): Promise<readonly string[]> {
    const { tree } = this.#disk;
    return this.#run({ moment: "before", operation: "list", path }, () => tree.list(path));
  }

  async makeDirectory(path: string): Promise<void> {
    this.#disk.requireAlive(this.#generation, { moment: "before", operation: "open", path });
    this.#disk.tree.makeFolder(path);
  }

  rename(from: string, to: string): Promise<void> {
    const event = { moment: "before", operation: "rename", path: from, to } as const;
    return this.#run(event, () => {
      this.#disk.requireWritable("rename", from);
      this.#disk.tree.rename(from, to);
    });
  }

  remove(path: string): Promise<void> {
    const event = { moment: "before", operation: "remove", path } as const;
    return this.#run(event, () => {
      this.#disk.requireWritable("remove", path);
      this.#disk.tree.remove(path);
    });
  }

  syncDirectory(path: string): Promise<void> {
    const event = { moment: "before", operation: "syncDirectory", path } as const;
    return this.#run(event, () => this.#disk.tree.sync(path));
  }

  async sizeOf(path: string): Promise<number | undefined> {
    this.#disk.requireAlive(this.#generation, { moment: "before", operation: "open", path });
    return this.#disk.tree.get(path)?.size;
  }

  async space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    this.#disk.requireAlive(this.#generation, { moment: "before", operation: "open", path });
    return this.#disk.space();
  }

  /** Time passes, then the operation takes effect at once, then its answer is on its way. */
  async #run<Result>(event: DiskEvent, act: () => Result): Promise<Result> {
    const disk = this.#disk;
    disk.tell(this.#generation, event);
    await disk.delay(event.operation, event.path);
    disk.requireAlive(this.#generation, event);
    const result = act();
    disk.tell(this.#generation, { ...event, moment: "after" });
    return result;
  }
}
