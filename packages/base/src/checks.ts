/** Checks of numbers that come from outside: the message names the field, the value and the bound. */
import { StreamError } from "./errors.ts";

/**
 * `value` if it is a whole number in `min..max`, so that it keeps its exact value as a `number`.
 *
 * @throws StreamError `invalid-argument`.
 */
export function safeInteger(
  field: string,
  value: number,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new StreamError(
    "invalid-argument",
    `${field} is ${value}, but must be a whole number in ${min}..${max}`,
  );
}

/** @throws StreamError `invalid-argument` when `value` lies outside `min..max`. */
export function requireWithin(field: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new StreamError("invalid-argument", `${field} is ${value}, but must be in ${min}..${max}`);
}
