import { describe, expect, it } from "vitest";

import { KINESIS_SHAPES } from "../gen/kinesis-tables.ts";
import type { AwsError } from "./aws-error.ts";
import { checkConstraints } from "./constraints.ts";

function problem(shape: string, value: object): string {
  try {
    checkConstraints(KINESIS_SHAPES, shape, value);
    return "no problem";
  } catch (error) {
    const { type, message } = error as AwsError;
    expect(type).toBe("ValidationException");
    return message;
  }
}

const at = (value: string, path: string, must: string) =>
  `Value ${value} at '${path}' failed to satisfy constraint: Member must ${must}`;
const told = (...errors: string[]) =>
  `${errors.length} validation error${errors.length > 1 ? "s" : ""} detected: ${errors.join("; ")}`;

const PATTERN = "satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
const ENUM =
  "satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]";

describe("constraints, in AWS's order and words (reference/kinesis-api 2.13)", () => {
  it("lists the members of GetShardIterator as the service does", () => {
    const value = {
      StreamName: "",
      ShardId: "",
      ShardIteratorType: "x",
      StartingSequenceNumber: "x",
    };
    expect(problem("GetShardIteratorInput", value)).toBe(
      told(
        at("''", "shardId", PATTERN),
        at("''", "shardId", "have length greater than or equal to 1"),
        at("'x'", "shardIteratorType", ENUM),
        at(
          "'x'",
          "startingSequenceNumber",
          "satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
        ),
        at("''", "streamName", PATTERN),
        at("''", "streamName", "have length greater than or equal to 1"),
      ),
    );
  });

  it("names missing members and empty lists", () => {
    expect(problem("PutRecordsInput", {})).toBe(told(at("null", "records", "not be null")));
    expect(problem("PutRecordsInput", { Records: [], StreamName: "a".repeat(129) })).toBe(
      told(
        at("'[]'", "records", "have length greater than or equal to 1"),
        at(`'${"a".repeat(129)}'`, "streamName", "have length less than or equal to 128"),
      ),
    );
  });

  it("counts list members from 1 and shows blobs by their length", () => {
    const Data = Buffer.alloc(10_485_761);
    const entry = { Data: Data.toString("base64"), PartitionKey: "", ExplicitHashKey: "01" };
    const buffer = "'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]'";
    const expected = told(
      at("''", "records.1.member.partitionKey", "have length greater than or equal to 1"),
      at(buffer, "records.1.member.data", "have length less than or equal to 10485760"),
      at(
        "'01'",
        "records.1.member.explicitHashKey",
        "satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      ),
      at("null", "records.2.member.data", "not be null"),
    );
    const Records = [entry, { PartitionKey: "a" }];
    expect(problem("PutRecordsInput", { Records })).toBe(expected);
    expect(problem("PutRecordsInput", { Records: [{ ...entry, Data }, Records[1]] })).toBe(
      expected,
    );
  });

  it("matches the whole value, though the pattern is printed without anchors", () => {
    expect(
      problem("PutRecordInput", { Data: "", PartitionKey: "a", ExplicitHashKey: "0abc" }),
    ).toBe(
      told(
        at("'0abc'", "explicitHashKey", "satisfy regular expression pattern: 0|([1-9]\\d{0,38})"),
      ),
    );
  });

  it("bounds numbers", () => {
    const iterator = { ShardIterator: "x" };
    expect(
      [0, 1, 10_000, 10_001].map((Limit) => problem("GetRecordsInput", { ...iterator, Limit })),
    ).toEqual([
      told(at("'0'", "limit", "have value greater than or equal to 1")),
      "no problem",
      "no problem",
      told(at("'10001'", "limit", "have value less than or equal to 10000")),
    ]);
  });

  it("judges keys and values of maps and members of lists as a whole", () => {
    const long = "k".repeat(129);
    expect(
      problem("AddTagsToStreamInput", { StreamName: "x", Tags: { [long]: "a", b: "c" } }),
    ).toBe(
      `1 validation error detected: Value '{${long}=a, b=c}' at 'tags' failed to satisfy constraint: ` +
        "Map keys must satisfy constraint: [Member must have length less than or equal to 128, " +
        "Member must have length greater than or equal to 1]",
    );
    expect(problem("RemoveTagsFromStreamInput", { StreamName: "x", TagKeys: ["", "b"] })).toBe(
      "1 validation error detected: Value '[, b]' at 'tagKeys' failed to satisfy constraint: " +
        "Member must satisfy constraint: [Member must have length less than or equal to 128, " +
        "Member must have length greater than or equal to 1]",
    );
  });

  it("refuses nulls inside lists and maps", () => {
    expect(problem("PutRecordsInput", { Records: [null] })).toBe(
      told(at("null", "records.1.member", "not be null")),
    );
    expect(problem("AddTagsToStreamInput", { Tags: { a: null } })).toBe(
      told(at("null", "tags.a.member", "not be null")),
    );
  });

  it("tells ten errors at most", () => {
    const Records = Array.from({ length: 20 }, () => ({ Data: "", PartitionKey: "" }));
    const message = problem("PutRecordsInput", { Records });
    expect(message).toMatch(/^10 validation errors detected: /);
    expect(message.split("; ").length).toBe(10);
  });
});
