/**
 * Lets a bounded number of reads go to disk at one time and a bounded number wait: far-behind readers
 * share the disk with the commit path and must not crowd it out.
 */
import { StreamError } from "@millrace/base";

import { DISK_READS_MAX, DISK_READS_QUEUED_MAX } from "./bounds.ts";

export class DiskReads {
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** @throws StreamError `overloaded` when too many reads wait already. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#running >= DISK_READS_MAX) await this.#turn();
    else this.#running++;
    try {
      return await read();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#queue.length >= DISK_READS_QUEUED_MAX) {
      throw new StreamError(
        "overloaded",
        `${this.#queue.length} reads wait for the disk, maximum ${DISK_READS_QUEUED_MAX}`,
      );
    }
    return new Promise((resolve) => this.#queue.push(resolve));
  }
}
