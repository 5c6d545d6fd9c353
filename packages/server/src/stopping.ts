/**
 * What must happen when a process stops, collected while it starts.
 *
 * First the steps that finish work (each within what is left of the time given), then those that
 * close things, last opened first closed. A step that fails does not keep the others from running.
 */
import type { Logger } from "@millrace/base";
import { SILENT_LOGGER } from "@millrace/base";

interface Step {
  readonly what: string;
  readonly run: (graceMs: number) => unknown;
}

export class Stopping {
  readonly #first: Step[] = [];
  readonly #last: Step[] = [];
  #running: Promise<void> | undefined;
  logger: Logger = SILENT_LOGGER;

  /** `run` was called. */
  get begun(): boolean {
    return this.#running !== undefined;
  }

  /** Adds a step that finishes work; these run in the order given. */
  first(what: string, run: (graceMs: number) => unknown): void {
    this.#first.push({ what, run });
  }

  /** Adds a step that closes something; these run in reverse order. */
  last(what: string, run: () => unknown): void {
    this.#last.unshift({ what, run });
  }

  /** Runs every step once, however often it is called. @param graceMs Milliseconds for the steps that finish work. */
  run(graceMs = 0): Promise<void> {
    this.#running ??= this.#run(graceMs);
    return this.#running;
  }

  async #run(graceMs: number): Promise<void> {
    const untilMs = performance.now() + graceMs;
    for (const step of [...this.#first, ...this.#last]) {
      try {
        await step.run(Math.max(0, untilMs - performance.now()));
      } catch (error) {
        this.logger.error("a step of stopping failed", { step: step.what, error });
      }
    }
  }
}
