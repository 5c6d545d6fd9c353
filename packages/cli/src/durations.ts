/** Times as people type them. */
import { StreamError } from "@millrace/base";

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of `500ms`, `90s`, `15m`, `1.5h` or `1d`.
 *
 * @throws StreamError `invalid-argument` for anything else, naming `option`.
 */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match !== null) return Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? 0));
  throw new StreamError(
    "invalid-argument",
    `${option} is ${text}, but must be a time such as 30s, 15m, 1.5h or 1d`,
  );
}

/**
 * Epoch milliseconds of `10m` (ten minutes ago), `2026-11-25T01:55:00Z` or epoch seconds.
 *
 * @throws StreamError `invalid-argument` for anything else.
 */
export function parseSince(text: string, nowMs: number): number {
  const ago = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Math.floor(Number(text) * 1000);
  const date = Date.parse(text);
  if (!Number.isNaN(date)) return date;
  throw new StreamError(
    "invalid-argument",
    `--since is ${text}, but must be a time ago (10m, 2h, 1d), a date (2026-11-25T01:55:00Z) or epoch seconds`,
  );
}
