/** Why a process of a local cluster ended, from the end of its log. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Enough for the last lines; a log may be large. */
const TAIL_BYTES = 8192;

/** The last failure that the log tells, in words; empty when it tells none. */
export function lastWords(logFile: string): string {
  const lines = tailOf(logFile).split("\n").toReversed();
  for (const line of lines) {
    if (line.startsWith("millrace: ")) return line.slice("millrace: ".length);
    const reason = errorOf(line);
    if (reason !== undefined) return reason;
  }
  return "";
}

function tailOf(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString("utf8");
    } finally {
      closeSync(file);
    }
  } catch {
    return ""; // no log, no words: the exit code is told anyway
  }
}

/** Message of a log line of level error or above (pino: 50, 60). */
function errorOf(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const { level, msg, error } = JSON.parse(line) as {
      level?: number;
      msg?: string;
      error?: { message?: string };
    };
    if (level === undefined || level < 50) return undefined;
    return [msg, error?.message].filter((part) => part !== undefined).join(": ");
  } catch {
    return undefined; // cut off by the start of the tail, or by a crash
  }
}
