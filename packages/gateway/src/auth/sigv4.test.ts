import { amzDate, canonicalRequest, signature, signingKey } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { ACCESS_KEY, ACCOUNT, FakeBackend, openSecret, SECRET } from "../testing/fake-backend.ts";
import type { RequestParts, Signer } from "../testing/test-service.ts";
import { sign, wireRequest } from "../testing/test-service.ts";
import { NODE_HASHES, SigningKeys } from "./credentials.ts";
import { verifyRequest } from "./sigv4.ts";

const NOW = Date.UTC(2026, 10, 25, 2, 0, 0);
const caller = { accessKeyId: ACCESS_KEY, account: ACCOUNT };
const backend = new FakeBackend(NOW);
backend.addKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ACCOUNT);

const verify = (parts: RequestParts, nowMs = NOW, service = "kinesis") =>
  verifyRequest(wireRequest(parts), {
    keys: new SigningKeys(openSecret),
    nowMs,
    service,
    accessKey: async (id) => backend.view.accessKey(id),
  });

const refusal = async (parts: RequestParts, nowMs = NOW) => {
  const error: unknown = await verify(parts, nowMs).catch((caught: unknown) => caught);
  const { type, message } = error as { type: string; message: string };
  return `${type}: ${message}`;
};

describe("signatures in headers", () => {
  it("accepts AWS's published example (get-vanilla of the signature test suite)", async () => {
    const parts = {
      method: "GET",
      headers: {
        host: "example.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        authorization:
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
          "SignedHeaders=host;x-amz-date, " +
          "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      },
    };
    const then = Date.UTC(2015, 7, 30, 12, 36, 0);
    expect(await verify(parts, then, "service")).toEqual({
      accessKeyId: "AKIDEXAMPLE",
      account: ACCOUNT,
    });
  });

  it("accepts a signed body and refuses another body under the same signature", async () => {
    const signed = sign({ body: "{}" }, NOW);
    expect(await verify(signed)).toEqual(caller);
    expect(await refusal({ ...signed, body: "[]" })).toMatch(
      /^InvalidSignatureException: The request signature we calculated does not match the signature you provided\./,
    );
  });

  it("accepts `:authority` signed, and `host` signed where only `:authority` was sent", async () => {
    const headers = { ":authority": "localhost:4567" };
    const signed = sign({ headers }, NOW, { signedHeaders: [":authority", "x-amz-date"] });
    const { host: _, ...sent } = signed.headers ?? {};
    expect(await verify({ ...signed, headers: sent })).toEqual(caller);
    const java = sign({ headers: { host: "localhost:4567" } }, NOW);
    const { host, ...rest } = java.headers ?? {};
    const overHttp2 = { ...java, headers: { ...rest, ":authority": host ?? "" } };
    expect(await verify(overHttp2)).toEqual(caller);
  });

  it("refuses a stated payload hash that is not the body's", async () => {
    const lie = NODE_HASHES.sha256Hex("another body");
    const headers = { "x-amz-content-sha256": lie };
    expect(await verify(sign({ body: "{}", headers }, NOW))).toEqual(caller);
    const forged = sign({ body: "another body", headers }, NOW);
    expect(await refusal({ ...forged, body: "{}" })).toMatch(/^InvalidSignatureException/);
  });

  it("accepts any region but no other service", async () => {
    expect(await verify(sign({}, NOW, { region: "mars-north-1" }))).toEqual(caller);
    expect(await refusal(sign({}, NOW, { service: "s3" }))).toBe(
      "InvalidSignatureException: Credential should be scoped to correct service: 'kinesis'. ",
    );
  });

  it.each<[string, Signer, RegExp]>([
    [
      "an unknown key",
      { accessKeyId: "AKIDNOBODY" },
      /^UnrecognizedClientException: The security token included in the request is invalid\.$/,
    ],
    [
      "a wrong secret",
      { secret: "wrong" },
      /^InvalidSignatureException: The request signature we calculated/,
    ],
    [
      "a signature without host",
      { signedHeaders: ["x-amz-date"] },
      /^InvalidSignatureException: 'Host' or ':authority'/,
    ],
  ])("refuses %s", async (_, signer, text) => {
    expect(await refusal(sign({ body: "{}" }, NOW, signer))).toMatch(text);
  });

  it("refuses a date more than five minutes away, and takes one that is five", async () => {
    expect(await refusal(sign({}, NOW - 301_000))).toBe(
      "InvalidSignatureException: Signature expired: 20261125T015459Z is now earlier than " +
        "20261125T015500Z (20261125T020000Z - 5 min.)",
    );
    expect(await refusal(sign({}, NOW + 301_000))).toBe(
      "InvalidSignatureException: Signature not yet current: 20261125T020501Z is still later than " +
        "20261125T020500Z (20261125T020000Z + 5 min.)",
    );
    expect(await verify(sign({}, NOW - 300_000))).toEqual(caller);
    expect(await verify(sign({}, NOW + 300_000))).toEqual(caller);
  });

  it("names everything that an Authorization header lacks", async () => {
    expect(await refusal({ headers: { authorization: "X" } })).toBe(
      "IncompleteSignatureException: Authorization header requires 'Credential' parameter. " +
        "Authorization header requires 'Signature' parameter. " +
        "Authorization header requires 'SignedHeaders' parameter. " +
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
        "Authorization=X",
    );
    const signed = sign({}, NOW).headers;
    const half = { ...signed, authorization: "AWS4-HMAC-SHA256 Signature=b,Credential=a" };
    expect(await refusal({ headers: half })).toBe(
      "IncompleteSignatureException: Authorization header requires 'SignedHeaders' parameter. " +
        "Authorization=AWS4-HMAC-SHA256 Signature=b,Credential=a",
    );
  });

  it.each(["a/b", "a/20261125/r/kinesis/other", "///kinesis/aws4_request"])(
    "refuses the credential %s",
    async (credential) => {
      const authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host,Signature=a`;
      const headers = { authorization, "x-amz-date": amzDate(NOW), host: "x" };
      expect(await refusal({ headers })).toMatch(/^IncompleteSignatureException: Credential must/);
    },
  );

  it("refuses a scope of another day than the date's", async () => {
    const signed = sign({}, NOW);
    const headers = { ...signed.headers };
    headers["authorization"] = (headers["authorization"] ?? "").replace("20261125", "20261124");
    expect(await refusal({ headers })).toMatch(
      /^InvalidSignatureException: Date in Credential scope does not match/,
    );
  });

  it("refuses a request that is signed in both places, or nowhere", async () => {
    const both = { ...sign({}, NOW), query: "X-Amz-Algorithm=AWS4-HMAC-SHA256" };
    expect(await refusal(both)).toBe(
      "InvalidSignatureException: Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
    expect(await refusal({})).toBe(
      "MissingAuthenticationTokenException: Missing Authentication Token",
    );
  });
});

describe("signatures in the query", () => {
  const presign = (nowMs: number, expires: number, body = "{}"): RequestParts => {
    const date = amzDate(nowMs);
    const scope = { date: date.slice(0, 8), region: "eu-west-1", service: "kinesis" };
    const credential = `${ACCESS_KEY}/${scope.date}/${scope.region}/kinesis/aws4_request`;
    const query =
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(credential)}` +
      `&X-Amz-Date=${date}&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=host`;
    const headers = { host: "localhost" };
    const canonical = canonicalRequest({
      ...wireRequest({ query, headers, body }),
      signedHeaders: ["host"],
      payloadHash: NODE_HASHES.sha256Hex(body),
    });
    const key = signingKey(NODE_HASHES, SECRET, scope);
    const given = signature(NODE_HASHES, key, date, scope, canonical);
    return { query: `${query}&X-Amz-Signature=${given}`, headers, body };
  };

  it("holds as long as it says, and not longer", async () => {
    expect(await verify(presign(NOW, 3600), NOW + 3_600_000)).toEqual(caller);
    expect(await refusal(presign(NOW, 3600), NOW + 3_601_000)).toBe(
      "InvalidSignatureException: Signature expired: 20261125T020000Z is now earlier than " +
        "20261125T020001Z (20261125T030001Z - 60 min.)",
    );
  });

  it("refuses another body under the same signature", async () => {
    expect(await refusal({ ...presign(NOW, 60), body: "[]" })).toMatch(
      /^InvalidSignatureException: The request signature/,
    );
  });

  it("refuses a life beyond seven days", async () => {
    expect(await refusal(presign(NOW, 604_801))).toMatch(
      /^IncompleteSignatureException: X-Amz-Expires must be a whole number in 1\.\.604800\./,
    );
  });

  it("names everything that is missing", async () => {
    expect(await refusal({ query: "X-Amz-Algorithm=x&X-Amz-Date=y" })).toBe(
      "IncompleteSignatureException: AWS query-string parameters must include 'X-Amz-Credential'. " +
        "AWS query-string parameters must include 'X-Amz-Signature'. " +
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. " +
        "Re-examine the query-string parameters.",
    );
  });
});
