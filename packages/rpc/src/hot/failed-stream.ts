import type { Clock, StreamError } from "@millrace/base";

import type { HotStream } from "./hot-stream.ts";

/** A stream that never had a connection: it takes nothing and ends with `error` in the next turn. */
export class FailedStream implements HotStream {
  readonly queuedBytes = 0;
  readonly ended = true;
  readonly #error: StreamError;
  readonly #clock: Clock;
  #told = false;

  constructor(clock: Clock, error: StreamError) {
    this.#clock = clock;
    this.#error = error;
  }

  send(): boolean {
    return true;
  }
  onMessage(): void {}
  onDrain(): void {}
  onHalfClose(): void {}
  onEnd(callback: (error: StreamError | undefined) => void): void {
    this.#clock.soon(() => {
      if (this.#told) return;
      this.#told = true;
      callback(this.#error);
    });
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  cancel(): void {}
}
