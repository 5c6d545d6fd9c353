/**
 * What happened, as one hash over everything and the last events in words.
 *
 * Two runs are the same if and only if their hashes are; the words are for a person who looks at a
 * failing seed.
 */
import { createHash } from "node:crypto";

const KEPT_LINES = 200;
const FLUSH_CHARACTERS = 16_384;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #last: string[] = [];
  readonly #print: ((line: string) => void) | undefined;
  #waiting = "";
  #at = 0;

  /** @param print Takes every line; the trace of a whole run has millions. */
  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  add(atMs: number, what: string): void {
    const line = `${atMs.toFixed(3)} ${what}`;
    this.#last[this.#at++ % KEPT_LINES] = line;
    this.#waiting += `${line}\n`;
    this.#print?.(line);
    if (this.#waiting.length > FLUSH_CHARACTERS) this.#flush();
  }

  /** The newest lines, at most 200, oldest first. */
  last(): readonly string[] {
    const cut = this.#at % KEPT_LINES;
    return this.#at <= KEPT_LINES
      ? [...this.#last]
      : [...this.#last.slice(cut), ...this.#last.slice(0, cut)];
  }

  /** SHA-256 of all lines so far, hexadecimal. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #flush(): void {
    this.#hash.update(this.#waiting);
    this.#waiting = "";
  }
}
