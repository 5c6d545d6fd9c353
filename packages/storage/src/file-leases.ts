/**
 * Open files shared by readers and closed when nobody uses them. Closing a descriptor while a read
 * of it waits in the thread pool would let that read hit whatever file gets the number next.
 */
import type { FileSystem, OpenFile } from "@millrace/base";

interface Lease {
  readonly opened: Promise<OpenFile>;
  users: number;
  doomed: boolean;
}

export class FileLeases {
  readonly #fileSystem: FileSystem;
  readonly #openMax: number;
  /** In order of use, oldest first. */
  readonly #leases = new Map<string, Lease>();

  constructor(fileSystem: FileSystem, openMax: number) {
    this.#fileSystem = fileSystem;
    this.#openMax = openMax;
  }

  /** Runs `use` with the file open for reading. */
  async with<Result>(path: string, use: (file: OpenFile) => Promise<Result>): Promise<Result> {
    const lease = this.#take(path);
    try {
      return await use(await lease.opened);
    } finally {
      lease.users--;
      this.#closeIfDone(lease);
    }
  }

  /** Closes the file as soon as its readers are done; the next reader opens it anew. */
  forget(path: string): void {
    const lease = this.#leases.get(path);
    if (lease === undefined) return;
    this.#leases.delete(path);
    lease.doomed = true;
    this.#closeIfDone(lease);
  }

  forgetAll(): void {
    for (const path of this.#leases.keys()) this.forget(path);
  }

  #take(path: string): Lease {
    let lease = this.#leases.get(path);
    if (lease === undefined) {
      const opened = this.#fileSystem.open(path, { mode: "read" });
      lease = { opened, users: 0, doomed: false };
      opened.catch(() => this.#leases.delete(path));
    } else this.#leases.delete(path);
    this.#leases.set(path, lease);
    lease.users++;
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size <= this.#openMax) break;
      this.forget(oldest);
    }
    return lease;
  }

  #closeIfDone(lease: Lease): void {
    if (!lease.doomed || lease.users > 0) return;
    // Only reading was possible: an error of close can lose nothing.
    lease.opened.then((file) => file.close()).catch(() => {});
  }
}
