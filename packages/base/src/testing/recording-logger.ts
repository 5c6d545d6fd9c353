import type { LogFields, Logger } from "../logger.ts";

/** Keeps every line, for tests that assert what an operator would be told. */
export class RecordingLogger implements Logger {
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields;
  }[];
  readonly #fields: LogFields;

  constructor(fields: LogFields = {}, lines: RecordingLogger["lines"] = []) {
    this.#fields = fields;
    this.lines = lines;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#record("debug", message, fields);
  }
  info(message: string, fields: LogFields = {}): void {
    this.#record("info", message, fields);
  }
  warn(message: string, fields: LogFields = {}): void {
    this.#record("warn", message, fields);
  }
  error(message: string, fields: LogFields = {}): void {
    this.#record("error", message, fields);
  }
  child(fields: LogFields): Logger {
    return new RecordingLogger({ ...this.#fields, ...fields }, this.lines);
  }

  #record(level: string, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}
