/**
 * The output of a scenario: the harness's own lines and the log lines of the nodes, in one
 * stream, as the expected text interleaves them.
 */
import type { RaftLogger } from "../logger.ts";

export const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;

const NONE = LOG_LEVELS.length - 1;

/** Collects text; log lines below the level are dropped, and at NONE everything is. */
export class ScenarioOutput implements RaftLogger {
  level = 0;
  #text = "";

  get text(): string {
    return this.#text;
  }

  isQuiet(): boolean {
    return this.level === NONE;
  }

  clear(): void {
    this.#text = "";
  }

  write(text: string): void {
    if (!this.isQuiet()) this.#text += text;
  }

  /** Runs `body` and indents all its lines by two spaces. */
  indented(body: () => void): void {
    const outer = this.#text;
    this.#text = "";
    try {
      body();
    } finally {
      const lines = this.#text === "" ? [] : this.#text.replace(/\n$/, "").split("\n");
      this.#text = outer + lines.map((line) => `  ${line}\n`).join("");
    }
  }

  debug(text: string): void {
    this.#log(0, text);
  }

  info(text: string): void {
    this.#log(1, text);
  }

  warning(text: string): void {
    this.#log(2, text);
  }

  error(text: string): void {
    this.#log(3, text);
  }

  #log(level: number, text: string): void {
    if (this.level > level) return;
    this.write(`${LOG_LEVELS[level] ?? ""} ${text}${text.endsWith("\n") ? "" : "\n"}`);
  }
}
