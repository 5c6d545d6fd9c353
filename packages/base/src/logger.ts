export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs; `message` is a sentence without values, the values are fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

/** Drops everything: for tests and for programs whose output belongs to the user. */
export const SILENT_LOGGER: Logger = silent;
