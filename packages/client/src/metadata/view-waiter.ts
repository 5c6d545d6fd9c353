/** Waits until the own copy of metadata has reached an index. */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { MetadataView } from "@millrace/model";

interface Waiting {
  readonly index: number;
  readonly run: () => void;
}

export class ViewWaiter {
  readonly #view: Pick<MetadataView, "index" | "onChange">;
  readonly #clock: Clock;
  readonly #stop: () => void;
  readonly #waiting = new Set<Waiting>();
  readonly #closers = new Set<() => void>();

  constructor(view: Pick<MetadataView, "index" | "onChange">, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
    this.#stop = view.onChange(() => this.#moved());
  }

  /** Calls `run` once the view is at `index` or later, maybe at once. Returns the way to stop waiting. */
  onReached(index: number, run: () => void): () => void {
    if (this.#view.index >= index) {
      run();
      return () => {};
    }
    const waiting = { index, run };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** @throws StreamError `unavailable` when the view is not at `index` within `timeoutMs`, or is closed. */
  reach(index: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        end();
        reject(new StreamError("unavailable", why));
      };
      const timer = this.#clock.schedule(timeoutMs, () =>
        fail(
          `metadata is at index ${this.#view.index}, not at ${index} within ${Math.round(timeoutMs)} ms`,
        ),
      );
      const closed = (): void => fail("the client is closed");
      this.#closers.add(closed);
      let stop = (): void => {};
      const end = (): void => {
        timer.cancel();
        stop();
        this.#closers.delete(closed);
      };
      stop = this.onReached(index, () => {
        end();
        resolve();
      });
    });
  }

  close(): void {
    this.#stop();
    for (const closed of this.#closers) closed();
  }

  #moved(): void {
    if (this.#waiting.size === 0) return;
    const reached = [...this.#waiting].filter(({ index }) => index <= this.#view.index);
    for (const waiting of reached) {
      this.#waiting.delete(waiting);
      waiting.run();
    }
  }
}
