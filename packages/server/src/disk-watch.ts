/**
 * Watches free space: a broker refuses puts, retryably, before the log cannot be written at all;
 * reads, trims and what is under way go on.
 */
import type { Clock, FileSystem, Gauge, Logger, Metrics, Timer } from "@millrace/base";

const LOOK_MS = 5000;
const FREE_BYTES_MIN = 5 * 1024 ** 3;
const FREE_SHARE_MIN = 0.1;

/** Full means: less than a tenth of the volume and less than 5 GiB free. */
export function isDiskFull(space: {
  readonly freeBytes: number;
  readonly totalBytes: number;
}): boolean {
  return space.freeBytes < Math.min(FREE_BYTES_MIN, space.totalBytes * FREE_SHARE_MIN);
}

export interface DiskWatchDeps {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly changed: (full: boolean) => void;
}

export class DiskWatch {
  readonly #deps: DiskWatchDeps;
  readonly #free: Gauge;
  #timer: Timer | undefined;
  #full = false;
  #stopped = false;

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps;
    this.#free = deps.metrics.gauge("millrace_disk_free_bytes", "Free bytes of the data volume.");
  }

  async start(): Promise<void> {
    await this.#look();
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.schedule(LOOK_MS, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { fileSystem, directory, logger, changed } = this.#deps;
    try {
      const space = await fileSystem.space(directory);
      this.#free.set(space.freeBytes);
      const full = isDiskFull(space);
      if (full === this.#full) return;
      this.#full = full;
      const message = full ? "disk nearly full: puts are refused" : "disk has room again";
      logger.warn(message, { ...space });
      changed(full);
    } catch (error) {
      logger.warn("free disk space cannot be read", { error });
    }
  }
}
