/**
 * Brings a parsed request into the types of its shape: step 8 of the order in which AWS looks at a
 * request, ahead of all constraints.
 *
 * It works in place, because a PutRecords of 500 records must not be built twice: what needs no
 * change is not touched, and members that the shape does not know stay unread.
 *
 * Blobs in base64 are not decoded here but once, into the batch that is sent; until then only the
 * length is checked. Whoever reports another error later first asks `checkBlobs`, so that a caller
 * with two mistakes hears of the same one as from AWS.
 *
 * Source: reference/kinesis-api 2.13 (texts as kinesalite's tests pinned them on the service).
 */
import { assertNever } from "@millrace/base";

import { serialization } from "./aws-error.ts";
import type { ShapeRow, ShapeTable } from "./shape-tables.ts";
import { EpochMs } from "./values.ts";

export type Encoding = "json" | "cbor";

const INTEGER_MAX = 2_147_483_647;
const NUMBER_CLASS = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

/** @throws AwsError `SerializationException`. Returns the value to use in place of `value`. */
export function checkTypes(shapes: ShapeTable, name: string, value: unknown): unknown {
  const shape = shapes[name];
  if (shape === undefined) return value;
  switch (shape.type) {
    case "structure":
      return checkStructure(shapes, shape, value);
    case "list":
      return checkList(shapes, shape.member, value);
    case "map":
      return checkMap(shapes, shape.value, value);
    case "string":
      return typeof value === "string" ? value : refuse(value, "an String");
    case "blob":
      return checkBlob(value);
    case "timestamp":
      return checkTimestamp(value);
    case "boolean":
      return checkBoolean(value);
    case "integer":
      return checkNumber(value, "Integer");
    case "long":
      return checkNumber(value, "Long");
    case "double":
      return checkNumber(value, "Double");
    default:
      return assertNever(shape);
  }
}

function checkStructure(
  shapes: ShapeTable,
  shape: ShapeRow & { type: "structure" },
  value: unknown,
): unknown {
  if (!isMap(value)) {
    if (Array.isArray(value)) throw serialization("Start of list found where not expected");
    throw serialization("Expected null");
  }
  for (const { name, shape: memberShape } of shape.members) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member === undefined) continue;
    if (member === null) {
      delete value[name];
      continue;
    }
    const checked = checkTypes(shapes, memberShape, member);
    if (checked !== member) value[name] = checked;
  }
  return value;
}

function checkList(shapes: ShapeTable, memberShape: string, value: unknown): unknown {
  if (!Array.isArray(value)) {
    if (isMap(value)) throw serialization("Start of structure or map found where not expected.");
    throw serialization("Expected list or null");
  }
  for (let index = 0; index < value.length; index++) {
    const member: unknown = value[index];
    if (member === null || member === undefined) continue;
    value[index] = checkTypes(shapes, memberShape, member);
  }
  return value;
}

function checkMap(shapes: ShapeTable, valueShape: string, value: unknown): unknown {
  if (Array.isArray(value)) throw serialization("Start of list found where not expected");
  if (!isMap(value)) throw serialization("Expected map or null");
  for (const [key, member] of Object.entries(value)) {
    if (member === null || member === undefined) continue;
    checkTypes(shapes, valueShape, member); // the values of every map of Kinesis are strings: kept as they are
    if (key === "__proto__")
      throw serialization("Start of structure or map found where not expected.");
  }
  return value;
}

function checkBlob(value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") return refuse(value, "a Blob");
  if (value.length % 4 !== 0) throw blobError(value, lengthProblem(value));
  return value;
}

function checkTimestamp(value: unknown): number {
  if (value instanceof EpochMs) return value.ms;
  if (typeof value === "number") return Math.round(value * 1000);
  if (typeof value === "string") {
    throw serialization("class java.lang.String can not be converted to milliseconds since epoch");
  }
  if (typeof value === "boolean") {
    throw serialization("class java.lang.Boolean can not be converted to milliseconds since epoch");
  }
  return refuse(value, "milliseconds since epoch");
}

function checkBoolean(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") return refuse(value, "an Boolean");
  const upper = value.toUpperCase();
  if (["TRUE", "YES", "1"].includes(upper)) return true;
  if (["FALSE", "NO", "0"].includes(upper)) return false;
  throw serialization(`'${upper}' can not be converted to an Boolean`);
}

/** Whole numbers are floored and clamped, as the service does it. */
function checkNumber(value: unknown, kind: "Integer" | "Long" | "Double"): number {
  if (typeof value !== "number") return refuse(value, `an ${kind}`);
  if (kind === "Double") return value;
  const max = kind === "Integer" ? INTEGER_MAX : Number.MAX_SAFE_INTEGER;
  return Math.max(-max - 1, Math.min(max, Math.floor(value)));
}

function refuse(value: unknown, wanted: string): never {
  switch (typeof value) {
    case "string":
      throw serialization(`class java.lang.String can not be converted to ${wanted}`);
    case "boolean":
      throw serialization(`class java.lang.Boolean can not be converted to ${wanted}`);
    case "number":
    case "bigint":
      throw serialization(`${NUMBER_CLASS} can not be converted to ${wanted}`);
    default:
      if (Array.isArray(value)) throw serialization("Start of list found where not expected");
      if (value instanceof Uint8Array || value instanceof EpochMs) {
        throw serialization(`class java.nio.HeapByteBuffer can not be converted to ${wanted}`);
      }
      throw serialization("Start of structure or map found where not expected.");
  }
}

/**
 * Looks into the base64 of every blob of a request whose types were checked.
 *
 * @throws AwsError `SerializationException` for the first one that is not base64.
 */
export function checkBlobs(shapes: ShapeTable, name: string, value: unknown): void {
  const shape = shapes[name];
  if (shape === undefined || value === undefined || value === null) return;
  if (shape.type === "blob" && typeof value === "string") {
    const problem = blobProblem(value);
    if (problem !== undefined) throw blobError(value, problem);
  } else if (shape.type === "structure" && isMap(value)) {
    for (const member of shape.members) checkBlobs(shapes, member.shape, value[member.name]);
  } else if (shape.type === "list" && Array.isArray(value)) {
    for (const member of value) checkBlobs(shapes, shape.member, member);
  }
}

/**
 * Decodes a checked blob into `into` at `at`, where `blobBytes(blob)` bytes are free.
 *
 * @throws AwsError `SerializationException` for text that is not base64.
 */
export function writeBlob(
  blob: string | Uint8Array,
  into: Buffer,
  at: number,
  bytes: number,
): void {
  if (typeof blob !== "string") {
    into.set(blob, at);
    return;
  }
  // Node skips what is no base64 and takes the URL alphabet too: a short count or one of its two
  // letters leads to the strict look, which costs as much as all the rest.
  const written = into.write(blob, at, bytes, "base64");
  if (written === bytes && !blob.includes("-") && !blob.includes("_") && endsWell(blob)) return;
  throw blobError(blob, blobProblem(blob) ?? "Invalid Base64 character");
}

/** Whether the bits of the last letter that belong to no byte are zero. */
function endsWell(text: string): boolean {
  if (!text.endsWith("=")) return true;
  const last = text.endsWith("==") ? text.charAt(text.length - 3) : text.charAt(text.length - 2);
  return text.endsWith("==") ? "AQgw".includes(last) : "AEIMQUYcgkosw048".includes(last);
}

function blobProblem(text: string): string | undefined {
  if (text.length % 4 !== 0) return lengthProblem(text);
  const bad = /[^a-zA-Z0-9+/=]|=(?=[^=])/.exec(text);
  if (bad !== null) return `Invalid Base64 character: '${bad[0]}'`;
  if (text.endsWith("===") || !endsWell(text)) {
    return "Invalid last non-pad Base64 character dectected";
  }
  return undefined;
}

const lengthProblem = (text: string) =>
  `Base64 encoded length is expected a multiple of 4 bytes but found: ${text.length}`;

function blobError(text: string, problem: string) {
  return serialization(`'${text}' can not be converted to a Blob: ${problem}`);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof EpochMs)
  );
}
