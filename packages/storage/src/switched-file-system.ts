/**
 * A disk for tests of the real process that fails on command: a file in the folder of switches turns
 * a fault on for as long as it is there.
 *
 *   stall  writes and syncs do not come back until the switch is off
 *   eio    writes and syncs fail with EIO
 *   low    nothing is said to be free
 *   full   and writes fail with ENOSPC
 */
import { sleep } from "@millrace/base";
import type { Clock, FileSystem, OpenFile, OpenOptions } from "@millrace/base";

const STALL_POLL_MS = 20;

/** Where others turn faults on and off: in the real files, whatever this process sees of them. */
export interface Switches {
  readonly fileSystem: FileSystem;
  /** Need not be there. */
  readonly folder: string;
}

export class SwitchedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #clock: Clock;
  readonly #switches: Switches;

  constructor(inner: FileSystem, clock: Clock, switches: Switches) {
    this.#inner = inner;
    this.#clock = clock;
    this.#switches = switches;
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const file = await this.#inner.open(path, options);
    return {
      path,
      read: (into, position) => file.read(into, position),
      write: async (parts, position) => {
        await this.#pass(path);
        if (await this.#isOn("full")) throw systemError("ENOSPC", path);
        await file.write(parts, position);
      },
      sync: async () => {
        await this.#pass(path);
        await file.sync();
      },
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  list(path: string): Promise<readonly string[]> {
    return this.#inner.list(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#inner.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#pass(path);
    await this.#inner.syncDirectory(path);
  }

  sizeOf(path: string): Promise<number | undefined> {
    return this.#inner.sizeOf(path);
  }

  async space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    const space = await this.#inner.space(path);
    const isFull = (await this.#isOn("low")) || (await this.#isOn("full"));
    return isFull ? { ...space, freeBytes: 0 } : space;
  }

  async #pass(path: string): Promise<void> {
    while (await this.#isOn("stall")) await sleep(this.#clock, STALL_POLL_MS);
    if (await this.#isOn("eio")) throw systemError("EIO", path);
  }

  async #isOn(name: "stall" | "eio" | "low" | "full"): Promise<boolean> {
    const { fileSystem, folder } = this.#switches;
    return (await fileSystem.sizeOf(`${folder}/${name}`)) !== undefined;
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
