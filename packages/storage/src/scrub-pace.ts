/**
 * How fast a scrub may read. It has all the time there is, and readers and commits have not: so every read
 * waits for its turn first, and a pause of the process is not made up for by a burst.
 */
import { StreamError } from "@millrace/base";
import type { Clock, OpenFile } from "@millrace/base";

export class ScrubPace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #signals: readonly AbortSignal[];
  #freeAtMs = 0;
  /** Read so far. */
  bytes = 0;

  constructor(clock: Clock, bytesPerSecond: number, signals: readonly AbortSignal[]) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#signals = signals;
  }

  get isStopped(): boolean {
    return this.#signals.some((signal) => signal.aborted);
  }

  /** Resolves when so much more may be read. @throws StreamError `cancelled` when a signal ends the pass. */
  async take(bytes: number): Promise<void> {
    const waitMs = this.#freeAtMs - this.#clock.monotonicMs();
    // Shorter than a timer's step: it is left for the next read to wait.
    if (waitMs >= 1 && !this.isStopped) await this.#sleep(waitMs);
    if (this.isStopped) throw new StreamError("cancelled", "the scrub was ended");
    const startMs = Math.max(this.#freeAtMs, this.#clock.monotonicMs());
    this.#freeAtMs = startMs + (bytes / this.#bytesPerSecond) * 1000;
    this.bytes += bytes;
  }

  /** `file` with reads that wait for their turn. */
  paced(file: OpenFile): OpenFile {
    return {
      path: file.path,
      read: async (into, position) => {
        await this.take(into.byteLength);
        return file.read(into, position);
      },
      write: (parts, position) => file.write(parts, position),
      sync: () => file.sync(),
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        for (const signal of this.#signals) signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#clock.schedule(delayMs, end);
      for (const signal of this.#signals) signal.addEventListener("abort", end);
    });
  }
}
