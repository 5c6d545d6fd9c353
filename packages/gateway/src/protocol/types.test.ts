import { describe, expect, it } from "vitest";

import { KINESIS_SHAPES } from "../gen/kinesis-tables.ts";
import { AwsError } from "./aws-error.ts";
import { checkBlobs, checkTypes, writeBlob } from "./types.ts";
import { EpochMs } from "./values.ts";

const NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

function problem(shape: string, value: unknown): string {
  try {
    checkTypes(KINESIS_SHAPES, shape, value);
  } catch (error) {
    if (error instanceof AwsError && error.type === "SerializationException") return error.message;
    throw error;
  }
  return "no problem";
}

describe("types of request members (reference/kinesis-api 2.13)", () => {
  const record = (entry: unknown) => ({ StreamName: "x", Records: [entry] });

  it.each<[string, unknown, string]>([
    [
      "PutRecordsInput",
      { StreamName: true },
      "class java.lang.Boolean can not be converted to an String",
    ],
    ["PutRecordsInput", { StreamName: 1.5 }, `${NUMBER} can not be converted to an String`],
    ["PutRecordsInput", { StreamName: [] }, "Start of list found where not expected"],
    ["PutRecordsInput", { StreamName: {} }, "Start of structure or map found where not expected."],
    ["PutRecordsInput", { Records: "x" }, "Expected list or null"],
    ["PutRecordsInput", { Records: {} }, "Start of structure or map found where not expected."],
    ["PutRecordsInput", record(1), "Expected null"],
    ["PutRecordsInput", record([]), "Start of list found where not expected"],
    ["PutRecordsInput", record({ Data: 1 }), `${NUMBER} can not be converted to a Blob`],
    [
      "PutRecordsInput",
      record({ Data: "abc" }),
      "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 3",
    ],
    ["PutRecordsInput", [], "Start of list found where not expected"],
    [
      "GetRecordsInput",
      { Limit: "5" },
      "class java.lang.String can not be converted to an Integer",
    ],
    [
      "GetRecordsInput",
      { Limit: true },
      "class java.lang.Boolean can not be converted to an Integer",
    ],
    ["AddTagsToStreamInput", { Tags: 3 }, "Expected map or null"],
    ["AddTagsToStreamInput", { Tags: ["a"] }, "Start of list found where not expected"],
    ["AddTagsToStreamInput", { Tags: { a: 1 } }, `${NUMBER} can not be converted to an String`],
    [
      "GetShardIteratorInput",
      { Timestamp: "now" },
      "class java.lang.String can not be converted to milliseconds since epoch",
    ],
    [
      "DeleteStreamInput",
      { EnforceConsumerDeletion: "maybe" },
      "'MAYBE' can not be converted to an Boolean",
    ],
  ])("refuses in %s the value %j", (shape, value, text) => {
    expect(problem(shape, value)).toBe(text);
  });

  it("drops nulls, floors and clamps numbers, reads times of both encodings, keeps what it does not know", () => {
    const check = (shape: string, value: unknown) => checkTypes(KINESIS_SHAPES, shape, value);
    expect([
      check("GetRecordsInput", { ShardIterator: null, Limit: 5.9, Other: { a: 1 } }),
      check("GetRecordsInput", { Limit: 1e20 }),
      check("GetShardIteratorInput", { Timestamp: 1_545_084_650.987 }),
      check("GetShardIteratorInput", { Timestamp: new EpochMs(1_545_084_650_987) }),
      check("DeleteStreamInput", { EnforceConsumerDeletion: "yes" }),
    ]).toEqual([
      { Limit: 5, Other: { a: 1 } },
      { Limit: 2_147_483_647 },
      { Timestamp: 1_545_084_650_987 },
      { Timestamp: 1_545_084_650_987 },
      { EnforceConsumerDeletion: true },
    ]);
  });
});

describe("base64 of blobs", () => {
  const late = (text: string) => {
    try {
      checkBlobs(KINESIS_SHAPES, "PutRecordInput", { Data: text });
      return "no problem";
    } catch (error) {
      return (error as AwsError).message.replace(`'${text}' can not be converted to a Blob: `, "");
    }
  };

  it.each([
    ["AAA!", "Invalid Base64 character: '!'"],
    ["A===", "Invalid last non-pad Base64 character dectected"],
    ["=AAA", "Invalid Base64 character: '='"],
    ["AA-_", "Invalid Base64 character: '-'"],
    ["QR==", "Invalid last non-pad Base64 character dectected"],
    ["QQF=", "Invalid last non-pad Base64 character dectected"],
    ["QQ==", "no problem"],
    ["", "no problem"],
  ])("judges %j the same early and late", (text, expected) => {
    expect(late(text)).toBe(expected);
    const bytes = Buffer.from(text, "base64");
    const into = Buffer.alloc(bytes.byteLength + 3);
    const write = () =>
      writeBlob(text, into, 1, (text.length / 4) * 3 - (text.match(/=/g) ?? []).length);
    if (expected === "no problem") {
      write();
      expect(into.subarray(1, 1 + bytes.byteLength)).toEqual(bytes);
    } else {
      expect(write).toThrow(`'${text}' can not be converted to a Blob: ${expected}`);
    }
  });
});
