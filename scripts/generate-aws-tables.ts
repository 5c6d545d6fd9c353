/**
 * Writes the Kinesis API as plain tables into the gateway: shapes, constraints, operations.
 *
 *   tsx scripts/generate-aws-tables.ts [--models DIR]
 *
 * The tables are checked in, so a build needs no model. Run this by hand when a newer model is at
 * hand. Read are `kinesis.botocore.json` (whose patterns are the ones that AWS prints; the Smithy
 * form anchors them wrongly) and, over it, `kinesis.additions-2026H2.json`.
 *
 * What no model says stands in the overrides below: the order in which AWS reports several errors
 * at once, and the order in which it prints an enumeration.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface ModelMember {
  readonly shape: string;
}
interface ModelShape {
  readonly type: string;
  readonly members?: Record<string, ModelMember>;
  readonly required?: readonly string[];
  readonly member?: ModelMember;
  readonly key?: ModelMember;
  readonly value?: ModelMember;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
}
interface ModelOperation {
  readonly name: string;
  readonly input?: ModelMember;
  readonly output?: ModelMember;
}
interface Model {
  readonly operations: Record<string, ModelOperation>;
  readonly shapes: Record<string, ModelShape>;
}
interface Overlay extends Model {
  readonly memberAdditions: Record<string, Record<string, ModelMember>>;
  readonly requiredRemovals: Record<string, readonly string[]>;
}

/** Members in the order of AWS's own error lists; members that are not named follow as the model has them. */
const ERROR_ORDER: Record<string, readonly string[]> = {
  AddTagsToStreamInput: ["Tags", "StreamName"],
  CreateStreamInput: ["ShardCount", "StreamName"],
  DecreaseStreamRetentionPeriodInput: ["RetentionPeriodHours", "StreamName"],
  DescribeStreamInput: ["Limit", "ExclusiveStartShardId", "StreamName"],
  GetRecordsInput: ["Limit", "ShardIterator"],
  GetShardIteratorInput: ["ShardId", "ShardIteratorType", "StartingSequenceNumber", "StreamName"],
  IncreaseStreamRetentionPeriodInput: ["RetentionPeriodHours", "StreamName"],
  ListShardsInput: ["ExclusiveStartShardId", "MaxResults", "NextToken"],
  ListStreamsInput: ["Limit", "ExclusiveStartStreamName"],
  ListTagsForStreamInput: ["Limit", "ExclusiveStartTagKey", "StreamName"],
  PutRecordInput: [
    "SequenceNumberForOrdering",
    "PartitionKey",
    "ExplicitHashKey",
    "Data",
    "StreamName",
  ],
  PutRecordsInput: ["Records", "StreamName"],
  PutRecordsRequestEntry: ["PartitionKey", "Data", "ExplicitHashKey"],
  RemoveTagsFromStreamInput: ["TagKeys", "StreamName"],
};

/** Enumerations in the order in which AWS prints them. */
const ENUM_ORDER: Record<string, readonly string[]> = {
  ShardIteratorType: [
    "AFTER_SEQUENCE_NUMBER",
    "LATEST",
    "AT_TIMESTAMP",
    "AT_SEQUENCE_NUMBER",
    "TRIM_HORIZON",
  ],
};

/** A partition key may be missing only on streams that distribute records themselves, which Millrace has none of. */
const STILL_REQUIRED: Record<string, readonly string[]> = {
  PutRecordInput: ["PartitionKey"],
  PutRecordsRequestEntry: ["PartitionKey"],
};

const DEFAULT_MODELS = fileURLToPath(new URL("../../shared/aws-models", import.meta.url));
const TARGET = fileURLToPath(
  new URL("../packages/gateway/src/gen/kinesis-tables.ts", import.meta.url),
);

/** Writes the tables, or says that there are no models to write them from. */
export function generateAwsTables(models: string = DEFAULT_MODELS): void {
  const path = join(models, "kinesis.botocore.json");
  if (!existsSync(path)) {
    console.log(`AWS tables: skipped, ${path} does not exist; the checked-in tables stand`);
    return;
  }
  const model = JSON.parse(readFileSync(path, "utf8")) as Model;
  const overlayPath = join(models, "kinesis.additions-2026H2.json");
  const overlay = existsSync(overlayPath)
    ? (JSON.parse(readFileSync(overlayPath, "utf8")) as Overlay)
    : undefined;
  writeFileSync(TARGET, render(overlay === undefined ? model : merge(model, overlay)));
  console.log(`AWS tables: wrote ${TARGET}`);
}

function merge(model: Model, overlay: Overlay): Model {
  const shapes: Record<string, ModelShape> = { ...model.shapes, ...overlay.shapes };
  for (const [name, added] of Object.entries(overlay.memberAdditions)) {
    const shape = shapes[name] ?? { type: "structure" };
    shapes[name] = { ...shape, members: { ...shape.members, ...added } };
  }
  for (const [name, removed] of Object.entries(overlay.requiredRemovals)) {
    const shape = shapes[name] ?? { type: "structure" };
    const kept = STILL_REQUIRED[name] ?? [];
    const required = (shape.required ?? []).filter(
      (member) => kept.includes(member) || !removed.includes(member),
    );
    shapes[name] = { ...shape, required };
  }
  return { shapes, operations: { ...model.operations, ...overlay.operations } };
}

function render(model: Model): string {
  const used = new Set<string>();
  for (const { input, output } of Object.values(model.operations)) {
    for (const root of [input, output]) if (root !== undefined) collect(model, root.shape, used);
  }
  const names = [...used].sort();
  const operations = Object.keys(model.operations).sort();
  return [
    "/**",
    " * The Kinesis API in tables: written by scripts/generate-aws-tables.ts, never by hand.",
    " *",
    " * API models Copyright Amazon.com, Inc. or its affiliates, Apache-2.0.",
    " */",
    'import type { OperationTable, ShapeTable } from "../protocol/shape-tables.ts";',
    "",
    "export const KINESIS_SHAPES: ShapeTable = {",
    ...names.map((name) => `  ${name}: ${JSON.stringify(shapeRow(model, name))},`),
    "};",
    "",
    "export const KINESIS_OPERATIONS = {",
    ...operations.map((name) => `  ${name}: ${JSON.stringify(operationRow(model, name))},`),
    "} as const satisfies OperationTable;",
    "",
    ...names.flatMap((name) => inputInterface(model, name)),
  ].join("\n");
}

function collect(model: Model, name: string, into: Set<string>): void {
  if (into.has(name)) return;
  into.add(name);
  const shape = shapeOf(model, name);
  const parts = [...Object.values(shape.members ?? {}), shape.member, shape.key, shape.value];
  for (const part of parts) if (part !== undefined) collect(model, part.shape, into);
}

function shapeRow(model: Model, name: string): object {
  const shape = shapeOf(model, name);
  const bounds = { min: shape.min, max: shape.max };
  switch (shape.type) {
    case "structure":
      return { type: "structure", members: memberRows(name, shape) };
    case "list":
      return { type: "list", member: shape.member?.shape, ...bounds };
    case "map":
      return { type: "map", key: shape.key?.shape, value: shape.value?.shape, ...bounds };
    case "string":
      return { type: "string", ...bounds, pattern: shape.pattern, enum: enumOf(name, shape) };
    default:
      return { type: shape.type, ...bounds };
  }
}

function enumOf(name: string, shape: ModelShape): readonly string[] | undefined {
  return ENUM_ORDER[name] ?? shape.enum;
}

function memberRows(name: string, shape: ModelShape): readonly object[] {
  return orderedMembers(name, shape).map((member) => ({
    name: member,
    shape: shape.members?.[member]?.shape,
    required: shape.required?.includes(member) ? true : undefined,
  }));
}

function orderedMembers(name: string, shape: ModelShape): readonly string[] {
  const all = Object.keys(shape.members ?? {});
  const first = ERROR_ORDER[name] ?? [];
  for (const member of first) {
    if (!all.includes(member)) throw new Error(`ERROR_ORDER of ${name}: no member ${member}`);
  }
  return [...first, ...all.filter((member) => !first.includes(member))];
}

function operationRow(model: Model, name: string): object {
  const { input, output } = model.operations[name] ?? {};
  return { input: input?.shape, output: output?.shape };
}

/** Inputs as types, after checking: blobs are base64 text or bytes, times are epoch milliseconds. */
function inputInterface(model: Model, name: string): readonly string[] {
  const shape = shapeOf(model, name);
  if (shape.type !== "structure" || !reachableFromInput(model).has(name)) return [];
  const lines = orderedMembers(name, shape).map((member) => {
    const optional = shape.required?.includes(member) ? "" : "?";
    return `  readonly ${member}${optional}: ${typeOf(model, shape.members?.[member]?.shape ?? "")};`;
  });
  return [`export interface ${name} {`, ...lines, "}", ""];
}

function reachableFromInput(model: Model): Set<string> {
  const inputs = new Set<string>();
  for (const { input } of Object.values(model.operations)) {
    if (input !== undefined) collect(model, input.shape, inputs);
  }
  return inputs;
}

function typeOf(model: Model, name: string): string {
  const shape = shapeOf(model, name);
  switch (shape.type) {
    case "structure":
      return name;
    case "list":
      return `readonly ${typeOf(model, shape.member?.shape ?? "")}[]`;
    case "map":
      return `Readonly<Record<string, ${typeOf(model, shape.value?.shape ?? "")}>>`;
    case "blob":
      return "string | Uint8Array";
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    default:
      return "number";
  }
}

function shapeOf(model: Model, name: string): ModelShape {
  const shape = model.shapes[name];
  if (shape === undefined) throw new Error(`the model has no shape ${name}`);
  return shape;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { models: { type: "string" } } });
  generateAwsTables(values.models);
}
