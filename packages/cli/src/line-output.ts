/**
 * Lines to a pipe, no faster than its reader takes them: without waiting, a slow `tail | less` would
 * hold the whole stream in memory. A reader that has gone (`tail | head`) is an end, not an error.
 */
import type { Writable } from "node:stream";

const NEWLINE = Buffer.from("\n");

export class LineOutput {
  readonly #stream: Writable;
  readonly #onClosed: () => void;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  isClosed = false;

  /** @param onClosed Called once when the reader has gone. */
  constructor(stream: Writable, onClosed: () => void) {
    this.#stream = stream;
    this.#onClosed = onClosed;
    this.#onError = (error) => this.#closed(error);
    stream.on("error", this.#onError);
  }

  /** Resolves when the next line may come. @throws What the system says, unless the reader has gone. */
  async write(line: Uint8Array): Promise<void> {
    if (!this.isClosed) {
      const hasRoom = this.#stream.write(Buffer.concat([line, NEWLINE]));
      if (!hasRoom) await this.#drained();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  release(): void {
    this.#stream.off("error", this.#onError);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#stream.off("drain", done);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = done;
      this.#stream.on("drain", done);
    });
  }

  #closed(error: NodeJS.ErrnoException): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (error.code !== "EPIPE") this.#failure = error;
    this.#onClosed();
    this.#wake?.();
  }
}
