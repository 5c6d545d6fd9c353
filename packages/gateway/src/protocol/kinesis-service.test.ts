import { StreamError } from "@millrace/base";
import { beforeEach, describe, expect, it } from "vitest";

import { KINESIS_OPERATIONS } from "../gen/kinesis-tables.ts";
import { SERVED_OPERATIONS } from "../operations/table.ts";
import { ACCOUNT, FakeBackend } from "../testing/fake-backend.ts";
import { sign, TestService } from "../testing/test-service.ts";

const NOW = Date.UTC(2026, 10, 25, 2, 0, 0);
const JSON_TYPE = "application/x-amz-json-1.1";
const target = (name: string) => ({ "x-amz-target": `Kinesis_20131202.${name}` });
const UNAUTHORIZED =
  "<AccessDeniedException>\n" +
  "  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
  "</AccessDeniedException>\n";

let service: TestService;
beforeEach(() => {
  service = new TestService(new FakeBackend(NOW));
});

describe("the order in which a request is looked at (reference/kinesis-api 2.13)", () => {
  it("answers a browser's preliminary question", async () => {
    const headers = {
      origin: "https://example.com",
      "access-control-request-headers": "x-amz-target",
      "access-control-request-method": "POST",
    };
    const reply = await service.send({ method: "OPTIONS", headers });
    expect(reply).toEqual({
      status: 200,
      headers: {
        "x-amzn-RequestId": expect.stringMatching(/^[0-9a-f-]{36}$/),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "x-amz-target",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Max-Age": "172800",
        "Access-Control-Expose-Headers":
          "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date",
      },
      body: {},
    });
  });

  it.each(["GET", "PUT", "OPTIONS", "DELETE"])("refuses %s with XML", async (method) => {
    expect(await service.send({ method })).toMatchObject({
      status: 403,
      body: { message: UNAUTHORIZED },
    });
  });

  it.each([
    [{ "content-type": JSON_TYPE, ...target("ListStreams") }, "SerializationException"],
    [{ "content-type": JSON_TYPE, ...target("Nothing") }, "UnknownOperationException"],
    [{ "content-type": JSON_TYPE }, "UnknownOperationException"],
    [target("ListStreams"), "SerializationException"],
    [{}, "UnknownOperationException"],
  ])("refuses an empty body under %j as %s", async (headers, type) => {
    const reply = await service.send({ headers });
    expect(reply).toMatchObject({ status: 400, body: { __type: type } });
    expect(reply.headers["Content-Type"]).toBe(
      "content-type" in headers ? JSON_TYPE : "application/x-amz-cbor-1.1",
    );
  });

  it("refuses a content type that it does not know, with and without a target", async () => {
    const headers = { "content-type": "text/plain" };
    expect(await service.send({ headers, body: "{}" })).toMatchObject({
      status: 403,
      body: { message: UNAUTHORIZED },
    });
    const targeted = { headers: { ...headers, ...target("ListStreams") }, body: "{}" };
    expect(await service.send(targeted)).toMatchObject({
      status: 404,
      body: { message: "<UnknownOperationException/>\n" },
    });
  });

  it.each([
    ["{", 400, "SerializationException"],
    ["{}", 404, "UnknownOperationException"],
  ])("answers plain JSON %s with the envelope of the framework", async (body, status, type) => {
    const headers = { "content-type": "application/json", ...target("ListStreams") };
    expect(await service.send({ headers, body })).toMatchObject({
      status,
      body: { Output: { __type: `com.amazon.coral.service#${type}` }, Version: "1.0" },
    });
  });

  it.each(["{", "1", "null", '"x"', "\u0000"])(
    "refuses %j, which is no object, without a text",
    async (body) => {
      const headers = { "content-type": JSON_TYPE, ...target("ListStreams") };
      const reply = await service.send({ headers, body });
      expect(reply).toMatchObject({ status: 400, body: { __type: "SerializationException" } });
      expect(Object.keys(reply.body)).toEqual(["__type"]);
    },
  );

  it.each(["Kinesis_20131202.Nothing", "Other.ListStreams", "toString"])(
    "refuses the target %s before it looks at the signature",
    async (name) => {
      const headers = { "content-type": JSON_TYPE, "x-amz-target": name };
      const reply = await service.send({ headers, body: "{}" });
      expect(reply).toMatchObject({ status: 400, body: { __type: "UnknownOperationException" } });
    },
  );

  it("looks at the signature before the types, at the types before the constraints", async () => {
    const headers = { "content-type": JSON_TYPE, ...target("PutRecord") };
    const body = JSON.stringify({ StreamName: 5, PartitionKey: "" });
    expect((await service.send({ headers, body })).body).toEqual({
      __type: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
    expect((await service.send(sign({ headers, body }, NOW))).body.__type).toBe(
      "SerializationException",
    );
  });

  it("tells of base64 that is none before it tells of a broken constraint or a missing stream", async () => {
    const Data = "????";
    const records = [
      { Data: "", PartitionKey: "" },
      { Data, PartitionKey: "a" },
    ];
    const constrained = await service.call("PutRecords", { StreamName: "x", Records: records });
    const unknown = await service.call("PutRecord", { StreamName: "x", PartitionKey: "a", Data });
    const body = {
      __type: "SerializationException",
      Message: "'????' can not be converted to a Blob: Invalid Base64 character: '?'",
    };
    expect([constrained.body, unknown.body]).toEqual([body, body]);
  });

  it("puts the type of an error into the header and both ids on every answer", async () => {
    const { headers } = await service.call("DescribeStream", { StreamName: "nothing" });
    expect(headers).toMatchObject({
      "x-amzn-ErrorType": "ResourceNotFoundException",
      "x-amzn-RequestId": expect.any(String),
      "x-amz-id-2": expect.stringMatching(/^[A-Za-z0-9+/]{96}$/),
    });
  });
});

describe("operations by name", () => {
  const others = Object.keys(KINESIS_OPERATIONS).filter(
    (name) => !(SERVED_OPERATIONS as readonly string[]).includes(name),
  );

  it("knows all 45 operations of the API", () => {
    expect([Object.keys(KINESIS_OPERATIONS).length, SERVED_OPERATIONS.length]).toEqual([45, 16]);
  });

  it.each(others)("never crashes on %s, which it does not serve", async (name) => {
    const { status, body } = await service.call(name, {});
    expect(status).toBe(400);
    expect(["UnsupportedOperationException", "ValidationException"]).toContain(body.__type);
  });

  it("says which operation it does not serve", async () => {
    expect((await service.call("DescribeAccountSettings", {})).body).toEqual({
      __type: "UnsupportedOperationException",
      message: "DescribeAccountSettings is not supported by this version of Millrace.",
    });
  });
});

describe("while metadata cannot be confirmed", () => {
  const negative: [string, object][] = [
    ["DescribeStream", { StreamName: "x" }],
    ["DescribeStreamSummary", { StreamName: "x" }],
    ["DeleteStream", { StreamName: "x" }],
    ["CreateStream", { StreamName: "x", ShardCount: 1 }],
    ["ListStreams", {}],
    ["ListShards", { StreamName: "x" }],
    ["ListTagsForStream", { StreamName: "x" }],
    ["DescribeLimits", {}],
    ["PutRecord", { StreamName: "x", PartitionKey: "a", Data: "" }],
    ["PutRecords", { StreamName: "x", Records: [{ PartitionKey: "a", Data: "" }] }],
    ["GetShardIterator", { StreamName: "x", ShardId: "0", ShardIteratorType: "LATEST" }],
    ["AddTagsToStream", { StreamName: "x", Tags: { a: "b" } }],
    ["RemoveTagsFromStream", { StreamName: "x", TagKeys: ["a"] }],
    ["IncreaseStreamRetentionPeriod", { StreamName: "x", RetentionPeriodHours: 48 }],
  ];

  it.each(negative)("%s answers 503, never a negative answer", async (operation, input) => {
    service.backend.barrierError = new StreamError("unavailable", "no quorum");
    const { status, body, headers } = await service.call(operation, input);
    expect([status, body.__type, headers["x-amzn-ErrorType"]]).toEqual([
      503,
      "ServiceUnavailable",
      "ServiceUnavailable",
    ]);
  });

  it.each(negative)("%s answers 503 before the first snapshot", async (operation, input) => {
    const young = new TestService(new FakeBackend(NOW, { ready: false }));
    expect((await young.call(operation, input)).status).toBe(503);
  });

  it("finds a key that came with the barrier", async () => {
    const { backend } = service;
    backend.onBarrier = () => backend.addKey("AKIDNEW", "new secret", ACCOUNT);
    const options = { accessKeyId: "AKIDNEW", secret: "new secret" };
    expect((await service.call("ListStreams", {}, options)).status).toBe(200);
  });
});
