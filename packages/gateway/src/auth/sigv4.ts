/**
 * Who sent a request: AWS Signature Version 4, in the Authorization header or in the query.
 *
 * Everything that SDKs do differently is taken: `:authority` in place of `host` among the signed
 * headers (JavaScript over HTTP/2), `host` signed while only `:authority` is sent (Java over
 * HTTP/2), a payload hash in `x-amz-content-sha256` or none, UNSIGNED-PAYLOAD.
 *
 * Source: AWS General Reference, "Signature Version 4"; texts: reference/kinesis-api 2.13.
 */
import type { AccessKeyRecord, CredentialScope } from "@millrace/model";
import {
  amzDate,
  canonicalRequest,
  constantTimeEqual,
  parseAmzDate,
  parseCredential,
  SIGV4_ALGORITHM,
  signature,
} from "@millrace/model";

import type { WireRequest } from "../http/wire.ts";
import { AwsError } from "../protocol/aws-error.ts";
import type { SigningKeys } from "./credentials.ts";
import { NODE_HASHES } from "./credentials.ts";

/** A request is refused when its date is further away than this. */
export const SKEW_MS_MAX = 5 * 60_000;
/** Longest life of a presigned request, seconds, as everywhere in AWS. */
const PRESIGNED_SEC_MAX = 604_800;
const SIGNED_HEADERS_MAX = 100;
const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
const MISMATCH =
  "The request signature we calculated does not match the signature you provided. " +
  "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

export interface Caller {
  readonly accessKeyId: string;
  /** Twelve digits. */
  readonly account: string;
}

export interface SignedParts {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  /** The query that was signed. */
  readonly query: string;
  /** How long the signature holds from its date on; absent for header signatures. */
  readonly expiresSec?: number;
}

export interface VerifyDeps {
  readonly keys: SigningKeys;
  readonly nowMs: number;
  /** Scope that requests must be signed for, `kinesis`. */
  readonly service: string;
  /** The key's record, or `undefined` when the cluster has no such key. */
  readonly accessKey: (accessKeyId: string) => Promise<AccessKeyRecord | undefined>;
}

/** @throws AwsError: what AWS answers to a request that is not, or not rightly, signed. */
export async function verifyRequest(request: WireRequest, deps: VerifyDeps): Promise<Caller> {
  const parts = signedParts(request);
  checkDate(parts, deps.nowMs);
  checkScope(parts, deps.service);
  const record = await deps.accessKey(parts.accessKeyId);
  if (record === undefined) {
    throw new AwsError(
      "UnrecognizedClientException",
      "The security token included in the request is invalid.",
    );
  }
  const expected = signature(
    NODE_HASHES,
    deps.keys.of(record, parts.scope),
    parts.amzDate,
    parts.scope,
    canonicalRequest({
      method: request.method,
      path: request.path,
      query: parts.query,
      signedHeaders: parts.signedHeaders,
      header: (name) => signedHeader(request, name),
      payloadHash: payloadHash(request),
    }),
  );
  if (!constantTimeEqual(expected, parts.signature)) throw badSignature(MISMATCH);
  return { accessKeyId: record.accessKeyId, account: record.account };
}

function signedParts(request: WireRequest): SignedParts {
  const header = request.header("authorization");
  const query = new URLSearchParams(request.query);
  const inQuery = query.has("X-Amz-Algorithm");
  if (header !== undefined && inQuery) {
    throw badSignature(
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
  }
  if (header !== undefined) return headerParts(request, header);
  if (inQuery) return queryParts(request, query);
  throw new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token");
}

function headerParts(request: WireRequest, header: string): SignedParts {
  const fields = authorizationFields(header);
  const date = request.header("x-amz-date") ?? plainDate(request.header("date"));
  const missing = ["Credential", "Signature", "SignedHeaders"]
    .filter((name) => !fields.get(name))
    .map((name) => `Authorization header requires '${name}' parameter. `);
  if (date === undefined) {
    missing.push(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    );
  }
  if (missing.length > 0) throw incomplete(`${missing.join("")}Authorization=${header}`);
  if (!header.startsWith(`${SIGV4_ALGORITHM} `)) {
    throw incomplete(`Unsupported AWS 'algorithm': '${header.split(" ", 1)[0]}'.`);
  }
  return {
    ...credentialOf(fields.get("Credential") ?? ""),
    signedHeaders: headerNames(fields.get("SignedHeaders") ?? ""),
    signature: fields.get("Signature") ?? "",
    amzDate: date ?? "",
    query: request.query,
  };
}

function authorizationFields(header: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of header.split(/[, ]/).slice(1)) {
    const at = part.indexOf("=");
    if (at > 0) fields.set(part.slice(0, at), part.slice(at + 1));
  }
  return fields;
}

function queryParts(request: WireRequest, query: URLSearchParams): SignedParts {
  const names = ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date"];
  const missing = names
    .filter((name) => !query.get(`X-Amz-${name}`))
    .map((name) => `AWS query-string parameters must include 'X-Amz-${name}'. `);
  if (missing.length > 0) {
    throw incomplete(`${missing.join("")}Re-examine the query-string parameters.`);
  }
  if (query.get("X-Amz-Algorithm") !== SIGV4_ALGORITHM) {
    throw incomplete(`Unsupported AWS 'algorithm': '${query.get("X-Amz-Algorithm")}'.`);
  }
  const expires = Number(query.get("X-Amz-Expires") ?? SKEW_MS_MAX / 1000);
  if (!Number.isInteger(expires) || expires < 1 || expires > PRESIGNED_SEC_MAX) {
    throw incomplete(`X-Amz-Expires must be a whole number in 1..${PRESIGNED_SEC_MAX}.`);
  }
  return {
    ...credentialOf(query.get("X-Amz-Credential") ?? ""),
    signedHeaders: headerNames(query.get("X-Amz-SignedHeaders") ?? ""),
    signature: query.get("X-Amz-Signature") ?? "",
    amzDate: query.get("X-Amz-Date") ?? "",
    query: request.query
      .split("&")
      .filter((pair) => !pair.startsWith("X-Amz-Signature="))
      .join("&"),
    expiresSec: expires,
  };
}

function credentialOf(credential: string) {
  const parsed = parseCredential(credential);
  if (parsed !== undefined) return parsed;
  throw incomplete(
    "Credential must have exactly 5 slash-delimited elements, e.g. " +
      `keyid/date/region/service/term, got '${credential}'`,
  );
}

function headerNames(text: string): readonly string[] {
  const names = text.split(";");
  if (names.length > SIGNED_HEADERS_MAX) {
    throw incomplete(`SignedHeaders names ${names.length} headers, at most ${SIGNED_HEADERS_MAX}.`);
  }
  if (!names.includes("host") && !names.includes(":authority")) {
    throw badSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  return names;
}

function checkDate(parts: SignedParts, nowMs: number): void {
  const signedMs = parseAmzDate(parts.amzDate);
  if (signedMs === undefined) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${parts.amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  const lifeMs = parts.expiresSec === undefined ? SKEW_MS_MAX : parts.expiresSec * 1000;
  const now = amzDate(nowMs);
  if (signedMs + lifeMs < nowMs) {
    const limit = amzDate(nowMs - lifeMs);
    throw badSignature(
      `Signature expired: ${parts.amzDate} is now earlier than ${limit} (${now} - ${span(lifeMs)}.)`,
    );
  }
  if (signedMs - SKEW_MS_MAX > nowMs) {
    const limit = amzDate(nowMs + SKEW_MS_MAX);
    throw badSignature(
      `Signature not yet current: ${parts.amzDate} is still later than ${limit} (${now} + ${span(SKEW_MS_MAX)}.)`,
    );
  }
}

function checkScope({ scope, amzDate: date }: SignedParts, service: string): void {
  if (scope.date !== date.slice(0, 8)) {
    throw badSignature(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
        `'${scope.date}' != '${date.slice(0, 8)}', from '${date}'.`,
    );
  }
  if (scope.service !== service) {
    throw badSignature(`Credential should be scoped to correct service: '${service}'. `);
  }
}

/** Both protocols' name of the host stand for each other, whichever one was sent. */
function signedHeader(request: WireRequest, name: string): string | undefined {
  if (name === "host") return request.header("host") ?? request.header(":authority");
  if (name === ":authority") return request.header(":authority") ?? request.header("host");
  return request.header(name);
}

/** A hash that the caller states is not believed: what was signed must be the hash of what came. */
function payloadHash(request: WireRequest): string {
  const unsigned = request.header("x-amz-content-sha256") === UNSIGNED_PAYLOAD;
  return unsigned ? UNSIGNED_PAYLOAD : NODE_HASHES.sha256Hex(request.body);
}

/** `Date` of HTTP, "Wed, 25 Nov 2026 02:18:58 GMT", or the basic form, in the basic form. */
function plainDate(value: string | undefined): string | undefined {
  if (value === undefined || parseAmzDate(value) !== undefined) return value;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? value : amzDate(ms);
}

const span = (ms: number) => (ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} sec`);
const badSignature = (message: string) => new AwsError("InvalidSignatureException", message);
const incomplete = (message: string) => new AwsError("IncompleteSignatureException", message);
