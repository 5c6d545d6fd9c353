import * as fc from "fast-check";
import { expect, it } from "vitest";

import { KINESIS_OPERATIONS, KINESIS_SHAPES } from "../gen/kinesis-tables.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { sign, TestService } from "../testing/test-service.ts";
import { encodeCbor } from "./cbor.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
console.log(`service properties: SEED=${seed}`);

const NOW = Date.UTC(2026, 10, 25);
const operations = Object.keys(KINESIS_OPERATIONS);
const members = [
  ...new Set(
    Object.values(KINESIS_SHAPES).flatMap((shape) =>
      shape.type === "structure" ? shape.members.map(({ name }) => name) : [],
    ),
  ),
];
const texts = fc.constantFrom(
  "orders",
  "shardId-000000000000",
  "TRIM_HORIZON",
  "AT_TIMESTAMP",
  "LATEST",
  "AT_SEQUENCE_NUMBER",
  "AFTER_SHARD_ID",
  "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
  "49646437577108476416916876405825929425585429676275269634",
  "QUJD",
  "0",
  "",
);
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    texts,
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -2, max: 200 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...members), fc.string()), tie("value"), { maxKeys: 4 }),
  ),
}));
const inputs = fc.dictionary(fc.constantFrom(...members), values, {
  maxKeys: 8,
  noNullPrototype: true,
});

function expectWellFormed(status: number, body: Readonly<Record<string, unknown>>): void {
  if (status === 200) return;
  expect([400, 403, 404]).toContain(status); // nothing here may look like a failure of the gateway
  expect(body["__type"] ?? body["message"]).toEqual(expect.any(String));
}

it("answers any members of any operation, in both encodings", async () => {
  const backend = new FakeBackend(NOW);
  const service = new TestService(backend);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...operations),
      inputs,
      fc.constantFrom("json" as const, "cbor" as const),
      async (operation, input, encoding) => {
        if (backend.view.list("stream").length === 0) backend.addStream({ streamName: "orders" });
        const { status, body } = await service.call(operation, input, {
          encoding,
        });
        expectWellFormed(status, { ...body });
      },
    ),
    { seed, numRuns: 2000 },
  );
});

it("answers any bytes under any content type", async () => {
  const service = new TestService(new FakeBackend(NOW));
  const types = [
    "application/x-amz-json-1.1",
    "application/x-amz-cbor-1.1",
    "application/json",
    "x",
  ];
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.json().map((text) => Buffer.from(text)),
    values.map((value) => encodeCbor(value)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...types),
      fc.constantFrom(...operations, "", "x"),
      bodies,
      async (type, operation, body) => {
        const headers = { "content-type": type, "x-amz-target": `Kinesis_20131202.${operation}` };
        const { status, body: answer } = await service.send(sign({ headers, body }, NOW));
        if (type === "application/json") expect([400, 404]).toContain(status);
        else expectWellFormed(status, { ...answer });
      },
    ),
    { seed, numRuns: 1500 },
  );
});
