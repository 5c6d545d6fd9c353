/** Checks of requests that need no state: what fails here never costs a log entry. */
import { requireWithin, safeInteger, StreamError } from "@millrace/base";
import type { LimitsPolicy, Role, ShardLimits } from "@millrace/model";
import { AWS_SHARD_LIMITS, STREAM_NAME_PATTERN, TAGS_PER_STREAM_MAX } from "@millrace/model";

const ACCOUNT_PATTERN = /^\d{12}$/;
const ACCESS_KEY_PATTERN = /^\w{1,128}$/;
const TAG_KEY_CHARS_MAX = 128;
const TAG_VALUE_CHARS_MAX = 256;
const SEALED_BYTES_MAX = 4096;
/** Names, addresses and paths that a process tells of itself. */
const TEXT_CHARS_MAX = 1024;

/** @throws StreamError `invalid-argument` when `value` does not match. */
function requirePattern(field: string, value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value;
  throw invalid(field, value, `must match ${pattern.source}`);
}

export function requireStreamName(value: string): string {
  return requirePattern("streamName", value, STREAM_NAME_PATTERN);
}

export function requireAccountId(value: string): string {
  return requirePattern("account", value, ACCOUNT_PATTERN);
}

export function requireAccessKeyId(value: string): string {
  return requirePattern("accessKeyId", value, ACCESS_KEY_PATTERN);
}

/** @param minChars 0 or 1. */
export function requireText(field: string, value: string, minChars = 1): string {
  requireWithin(`${field}.length`, value.length, minChars, TEXT_CHARS_MAX);
  return value;
}

/** The sealed bytes in Base64. */
export function requireSealed(field: string, value: Uint8Array): string {
  requireWithin(`${field}.length`, value.byteLength, 1, SEALED_BYTES_MAX);
  return Buffer.from(value).toString("base64");
}

export function requireOneOf<T extends string>(
  field: string,
  value: string,
  allowed: readonly T[],
): T {
  const found = allowed.find((other) => other === value);
  if (found !== undefined) return found;
  throw invalid(field, value, `must be one of ${allowed.join(", ")}`);
}

export function requireTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(tags);
  requireWithin("tags", entries.length, 0, TAGS_PER_STREAM_MAX);
  for (const [key, value] of entries) {
    requireWithin("tag key length", key.length, 1, TAG_KEY_CHARS_MAX);
    requireWithin(`length of tag ${key}`, value.length, 0, TAG_VALUE_CHARS_MAX);
  }
  return Object.fromEntries(entries);
}

const ROLES: readonly Role[] = ["coordinator", "broker", "gateway"];

/** Roles that metadata speaks of; others a later version may have are passed over. */
export function knownRoles(roles: readonly string[]): readonly Role[] {
  requireWithin("roles", roles.length, 1, 16);
  return ROLES.filter((role) => roles.includes(role));
}

/**
 * `aws`, `unlimited`, or `custom` followed by JSON of the numbers per shard.
 *
 * @throws StreamError `invalid-argument`.
 */
export function parseLimits(text: string): LimitsPolicy {
  if (text === "aws" || text === "unlimited") return { kind: text };
  if (!text.startsWith("custom")) {
    throw invalid("limits", text, "must be aws, unlimited, or custom with JSON");
  }
  const parsed = parseJson(text.slice("custom".length));
  const perShard: Partial<Record<keyof ShardLimits, number>> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(AWS_SHARD_LIMITS, name)) {
      const known = Object.keys(AWS_SHARD_LIMITS).join(", ");
      throw invalid("limits", name, `the numbers are ${known}`);
    }
    if (typeof value !== "number")
      throw invalid(`limits.${name}`, String(value), "must be a number");
    perShard[name as keyof ShardLimits] = safeInteger(`limits.${name}`, value, 1);
  }
  return { kind: "custom", perShard };
}

function parseJson(text: string): object {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch (error) {
    const message = `limits is custom${text}, but what follows custom must be JSON`;
    throw new StreamError("invalid-argument", message, { cause: error });
  }
  throw invalid("limits", `custom${text}`, "what follows custom must be a JSON object");
}

function invalid(field: string, value: string, rule: string): StreamError {
  return new StreamError("invalid-argument", `${field} is ${value}, but ${rule}`);
}
