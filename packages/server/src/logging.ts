/** Binds the Logger port to pino: one JSON line per event on standard error. */
import type { LogFields, Logger } from "@millrace/base";
import { pino } from "pino";
import type { Logger as PinoLogger } from "pino";

export function createLogger(level: string, fields: LogFields): Logger {
  const options = { level, base: fields, serializers: { error: describeError } };
  return wrap(pino(options, pino.destination({ dest: 2, sync: true })));
}

function wrap(target: PinoLogger): Logger {
  return {
    debug: (message, fields = {}) => target.debug(fields, message),
    info: (message, fields = {}) => target.info(fields, message),
    warn: (message, fields = {}) => target.warn(fields, message),
    error: (message, fields = {}) => target.error(fields, message),
    child: (fields) => wrap(target.child(fields)),
  };
}

/** An error with its causes, each on its own, so that none is hidden behind the last one. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  const code = "code" in error ? { code: error.code } : {};
  return { name: error.name, message: error.message, ...code, stack: error.stack, ...cause };
}
