/**
 * Checks a typed request against the constraints of its shape: step 9. All violations are counted,
 * the first ten are told, in AWS's order and words.
 *
 * Source: reference/kinesis-api 2.13.
 */
import { validation } from "./aws-error.ts";
import type { ShapeRow, ShapeTable } from "./shape-tables.ts";
import { blobBytes } from "./values.ts";

const ERRORS_MAX = 10;
const NOT_NULL = "Member must not be null";
/** AWS prints the object's Java name with a hash that differs from run to run. */
const STRUCTURE_TEXT = "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310";

/** @throws AwsError `ValidationException`. */
export function checkConstraints(shapes: ShapeTable, name: string, value: object): void {
  const errors: string[] = [];
  checkMembers(shapes, name, value, "", errors);
  if (errors.length === 0) return;
  const plural = errors.length > 1 ? "s" : "";
  throw validation(`${errors.length} validation error${plural} detected: ${errors.join("; ")}`);
}

function checkMembers(
  shapes: ShapeTable,
  name: string,
  value: object,
  prefix: string,
  errors: string[],
): void {
  const shape = shapes[name];
  if (shape?.type !== "structure") return;
  for (const member of shape.members) {
    const held = (value as Readonly<Record<string, unknown>>)[member.name];
    if (held === undefined && member.required !== true) continue;
    if (held === undefined) {
      report(errors, prefix + lowerFirst(member.name), "null", NOT_NULL);
      continue;
    }
    checkValue(shapes, member.shape, held, prefix, lowerFirst(member.name), errors);
  }
}

/** `prefix` and `last` make the path; apart, because thousands of paths are never printed. */
function checkValue(
  shapes: ShapeTable,
  name: string,
  value: unknown,
  prefix: string,
  last: string,
  errors: string[],
): void {
  const shape = shapes[name];
  if (shape === undefined || errors.length >= ERRORS_MAX) return;
  switch (shape.type) {
    case "string":
      return checkString(shape, value as string, prefix + last, errors);
    case "blob":
      return checkBlob(shape, blobBytes(value as string | Uint8Array), prefix + last, errors);
    case "integer":
    case "long":
    case "double":
      return checkRange(shape, value as number, prefix + last, errors);
    case "structure":
      return checkMembers(shapes, name, value as object, `${prefix}${last}.`, errors);
    case "list":
      return checkList(shapes, shape, value as readonly unknown[], prefix + last, errors);
    case "map":
      return checkMap(shapes, shape, value as Record<string, string>, prefix + last, errors);
    case "boolean":
    case "timestamp":
  }
}

function checkString(
  shape: ShapeRow & { type: "string" },
  value: string,
  path: string,
  errors: string[],
): void {
  if (shape.pattern !== undefined && !wholePattern(shape.pattern).test(value)) {
    const must = `Member must satisfy regular expression pattern: ${shape.pattern}`;
    report(errors, path, quote(value), must);
  }
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    const must = `Member must satisfy enum value set: [${shape.enum.join(", ")}]`;
    report(errors, path, quote(value), must);
  }
  checkLength(shape, value.length, value, path, errors);
}

function checkBlob(
  shape: ShapeRow & { type: "blob" },
  bytes: number,
  path: string,
  errors: string[],
): void {
  checkLength(shape, bytes, bufferText(bytes), path, errors);
}

function checkLength(
  { min = 0, max = Infinity }: { readonly min?: number; readonly max?: number },
  length: number,
  value: unknown,
  path: string,
  errors: string[],
): void {
  if (length >= min && length <= max) return;
  const must =
    length < min
      ? `Member must have length greater than or equal to ${min}`
      : `Member must have length less than or equal to ${max}`;
  report(errors, path, quote(value), must);
}

function checkRange(
  { min = -Infinity, max = Infinity }: { readonly min?: number; readonly max?: number },
  value: number,
  path: string,
  errors: string[],
): void {
  if (value >= min && value <= max) return;
  const must =
    value < min
      ? `Member must have value greater than or equal to ${min}`
      : `Member must have value less than or equal to ${max}`;
  report(errors, path, quote(value), must);
}

function checkList(
  shapes: ShapeTable,
  shape: ShapeRow & { type: "list" },
  value: readonly unknown[],
  path: string,
  errors: string[],
): void {
  checkLength(shape, value.length, value, path, errors);
  const member = shapes[shape.member];
  for (const [index, item] of value.entries()) {
    if (item === null) report(errors, `${path}.${index + 1}.member`, "null", NOT_NULL);
  }
  if (member?.type === "string" && (member.min !== undefined || member.max !== undefined)) {
    if (!value.every((item) => lengthFits(member, item as string | null))) {
      report(errors, path, quote(value), `Member must satisfy constraint: ${lengthsOf(member)}`);
    }
    return;
  }
  for (const [index, item] of value.entries()) {
    if (errors.length >= ERRORS_MAX) return;
    if (item === null) continue;
    checkValue(shapes, shape.member, item, `${path}.${index + 1}.`, "member", errors);
  }
}

function checkMap(
  shapes: ShapeTable,
  shape: ShapeRow & { type: "map" },
  value: Readonly<Record<string, string | null>>,
  path: string,
  errors: string[],
): void {
  const entries = Object.entries(value);
  for (const [key, held] of entries) {
    if (held === null) report(errors, `${path}.${key}.member`, "null", NOT_NULL);
  }
  checkLength(shape, entries.length, value, path, errors);
  const keys = shapes[shape.key];
  const values = shapes[shape.value];
  if (keys?.type === "string" && !entries.every(([key]) => lengthFits(keys, key))) {
    report(errors, path, quote(value), `Map keys must satisfy constraint: ${lengthsOf(keys)}`);
  }
  if (values?.type === "string" && !entries.every(([, held]) => lengthFits(values, held))) {
    report(errors, path, quote(value), `Map value must satisfy constraint: ${lengthsOf(values)}`);
  }
}

interface Lengths {
  readonly min?: number;
  readonly max?: number;
}

const lengthFits = ({ min = 0, max = Infinity }: Lengths, text: string | null) =>
  text === null || (text.length >= min && text.length <= max);

const lengthsOf = ({ min = 0, max = Infinity }: Lengths) =>
  `[Member must have length less than or equal to ${max}, ` +
  `Member must have length greater than or equal to ${min}]`;

const patterns = new Map<string, RegExp>();

/** The service matches the whole value, though it prints the pattern without anchors. */
function wholePattern(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const compiled = new RegExp(`^(?:${pattern})$`);
  patterns.set(pattern, compiled); // as many as the tables hold
  return compiled;
}

function report(errors: string[], path: string, value: string, must: string): void {
  if (errors.length >= ERRORS_MAX) return;
  errors.push(`Value ${value} at '${path}' failed to satisfy constraint: ${must}`);
}

function quote(value: unknown): string {
  return `'${print(value)}'`;
}

/** A value as Java's toString shows it. */
function print(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if ("PartitionKey" in value || "Data" in value) return STRUCTURE_TEXT;
  const entries = Object.entries(value).map(([key, held]) => `${key}=${print(held)}`);
  return `{${entries.join(", ")}}`;
}

const bufferText = (bytes: number) => `java.nio.HeapByteBuffer[pos=0 lim=${bytes} cap=${bytes}]`;

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
