/**
 * A disk for tests of the real process: a killed process loses what a power cut would take.
 *
 * SIGKILL alone spares the page cache, so a broker that forgets a sync passes every kill test. Here
 * what was not synced is kept in this process: bytes by file and page, names by folder. Some of it is
 * written early, by chance, as a kernel does, so that any subset survives. A synced write goes
 * out page by page in arbitrary order: killed in between, it is torn.
 *
 * Folder changes become durable in order, up to the last one of the synced folder, as in a
 * journalling file system. New files wait under other names in `shadowFolder` until their folder is
 * synced; what an earlier process left there is lost. Real syncs are left out: the machine stays up.
 */
import type { FileSystem, OpenFile, OpenOptions, Random } from "@millrace/base";

import { UnsyncedFile } from "./unsynced-file.ts";

interface FolderChange {
  readonly folders: readonly string[];
  readonly apply: () => Promise<void>;
}

export interface PowerCutOptions {
  readonly inner: FileSystem;
  readonly random: Random;
  /** On the same volume, used by nothing else. */
  readonly shadowFolder: string;
  /** Of a hundred pages or folder changes, how many survive unsynced. @default 25 */
  readonly earlyPercent?: number;
}

export class PowerCutFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #shadowFolder: string;
  readonly #isEarly: () => boolean;
  readonly #random: Random;
  /** Files by the name that this process sees. */
  readonly #files = new Map<string, UnsyncedFile>();
  /** Names that this process has removed, and a power cut may bring back. */
  readonly #gone = new Set<string>();
  #journal: FolderChange[] = [];
  #applying: Promise<void> = Promise.resolve();
  #nextShadow = 1;

  private constructor({ inner, random, shadowFolder, earlyPercent = 25 }: PowerCutOptions) {
    this.#inner = inner;
    this.#random = random;
    this.#shadowFolder = shadowFolder;
    this.#isEarly = () => random.uniform(100) < earlyPercent;
  }

  /** Loses what an earlier process had not synced. */
  static async start(options: PowerCutOptions): Promise<PowerCutFileSystem> {
    const { inner, shadowFolder } = options;
    await inner.makeDirectory(shadowFolder);
    for (const name of await inner.list(shadowFolder))
      await inner.remove(`${shadowFolder}/${name}`);
    return new PowerCutFileSystem(options);
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const known = await this.#find(path);
    const { create = "never" } = options;
    if (known !== undefined && create === "exclusive") throw systemError("EEXIST", path);
    if (known === undefined && create === "never") throw systemError("ENOENT", path);
    const file = known ?? (await this.#create(path, options.permissions));
    return file.handle(path, options);
  }

  async list(path: string): Promise<readonly string[]> {
    const inside = (name: string) =>
      name.startsWith(`${path}/`) && !name.includes("/", path.length + 1);
    const real = (await this.#inner.list(path)).filter(
      (name) => !this.#gone.has(`${path}/${name}`),
    );
    const own = [...this.#files.keys()].filter(inside).map((name) => name.slice(path.length + 1));
    return [...new Set([...real, ...own])].sort();
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path);
  }

  async rename(from: string, to: string): Promise<void> {
    const file = await this.#find(from);
    if (file === undefined) throw systemError("ENOENT", from);
    this.#forget(from);
    this.#show(to, file);
    await this.#change([from, to], () => file.moveTo(to));
  }

  async remove(path: string): Promise<void> {
    const file = await this.#find(path);
    if (file === undefined) throw systemError("ENOENT", path);
    this.#forget(path);
    await this.#change([path], () => file.removeName());
  }

  async syncDirectory(path: string): Promise<void> {
    const last = this.#journal.findLastIndex(({ folders }) => folders.includes(path));
    await this.#applyJournal(last + 1);
  }

  async sizeOf(path: string): Promise<number | undefined> {
    return (await this.#find(path))?.size;
  }

  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    return this.#inner.space(path);
  }

  async #find(path: string): Promise<UnsyncedFile | undefined> {
    const known = this.#files.get(path);
    if (known !== undefined || this.#gone.has(path)) return known;
    const bytes = await this.#inner.sizeOf(path);
    if (bytes === undefined) return undefined;
    return this.#files.get(path) ?? this.#show(path, this.#file(path, bytes));
  }

  async #create(path: string, permissions: number | undefined): Promise<UnsyncedFile> {
    const shadow = `${this.#shadowFolder}/${this.#nextShadow++}`;
    const made = await this.#inner.open(shadow, {
      mode: "read-write",
      create: "exclusive",
      ...(permissions === undefined ? {} : { permissions }),
    });
    await made.close();
    const file = this.#show(path, this.#file(shadow, 0));
    await this.#change([path], () => file.moveTo(path));
    return file;
  }

  #file(realPath: string, bytes: number): UnsyncedFile {
    const isEarly = this.#isEarly;
    return new UnsyncedFile({ inner: this.#inner, random: this.#random, isEarly, realPath, bytes });
  }

  #show(path: string, file: UnsyncedFile): UnsyncedFile {
    this.#files.set(path, file);
    this.#gone.delete(path);
    return file;
  }

  #forget(path: string): void {
    this.#files.delete(path);
    this.#gone.add(path);
  }

  async #change(paths: readonly string[], apply: () => Promise<void>): Promise<void> {
    const folders = paths.map((path) => path.slice(0, path.lastIndexOf("/")) || "/");
    this.#journal.push({ folders, apply });
    if (this.#isEarly()) await this.#applyJournal(this.#journal.length);
  }

  #applyJournal(count: number): Promise<void> {
    const changes = this.#journal.slice(0, count);
    this.#journal = this.#journal.slice(count);
    this.#applying = this.#applying.then(async () => {
      for (const { apply } of changes) await apply();
    });
    return this.#applying;
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
