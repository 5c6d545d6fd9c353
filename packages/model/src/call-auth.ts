/**
 * How gRPC callers prove who they are: SigV4 over method path, date and host in call metadata,
 * signed per stream and again at least every 15 minutes. Processes of the cluster use the same
 * scheme with the cluster secret under a reserved key id, so there is one verifier.
 */
import { StreamError } from "@millrace/base";

import type { CredentialScope, SigningHashes } from "./sigv4.ts";
import {
  amzDate,
  canonicalRequest,
  constantTimeEqual,
  parseAmzDate,
  parseAuthorization,
  SIGV4_ALGORITHM,
  signature,
  signingKey,
} from "./sigv4.ts";

/** Key id of the cluster's own processes; its secret is the cluster secret. */
export const CLUSTER_KEY_ID = "millrace-cluster";
export const CALL_SERVICE = "millrace";
/** A call is refused when its date is further away than this. */
export const CALL_SKEW_MS_MAX = 15 * 60_000;
const SIGNED_HEADERS = ["x-amz-date", "x-millrace-host"] as const;
const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface CallCredentials {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly region: string;
}

export interface Principal {
  /** `cluster` may do everything; `key` what a caller with an access key may. */
  readonly kind: "cluster" | "key";
  readonly accessKeyId: string;
  readonly account: string;
}

/** Metadata that signs a call to `path` (`/package.Service/Method`) of `host` (`host:port` as dialled). */
export function signCall(
  hashes: SigningHashes,
  credentials: CallCredentials,
  path: string,
  host: string,
  nowMs: number,
): Record<string, string> {
  const date = amzDate(nowMs);
  const scope = { date: date.slice(0, 8), region: credentials.region, service: CALL_SERVICE };
  const given = sign(hashes, credentials.secret, scope, path, date, host);
  const credential = `${credentials.accessKeyId}/${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  return {
    "x-amz-date": date,
    "x-millrace-host": host,
    authorization: `${SIGV4_ALGORITHM} Credential=${credential}, SignedHeaders=${SIGNED_HEADERS.join(";")}, Signature=${given}`,
  };
}

/**
 * Who made a call.
 *
 * @param secretOf Secret and account of an access key id, or `undefined` for an unknown key.
 * @throws StreamError `unauthenticated`, saying what is missing or does not match.
 */
export function verifyCall(
  hashes: SigningHashes,
  path: string,
  header: (name: string) => string | undefined,
  secretOf: (
    accessKeyId: string,
  ) => { readonly secret: string; readonly account: string } | undefined,
  nowMs: number,
): Principal {
  const value = header("authorization");
  const date = header("x-amz-date");
  const host = header("x-millrace-host");
  if (value === undefined || date === undefined || host === undefined) {
    throw refuse(
      "the call is not signed: authorization, x-amz-date and x-millrace-host are needed",
    );
  }
  const authorization = parseAuthorization(value);
  if (authorization === undefined || authorization.scope.service !== CALL_SERVICE) {
    throw refuse(`authorization is not ${SIGV4_ALGORITHM} for service ${CALL_SERVICE}`);
  }
  const signedAtMs = parseAmzDate(date);
  if (signedAtMs === undefined || date.slice(0, 8) !== authorization.scope.date) {
    throw refuse(`x-amz-date ${date} is no date or not that of the credential`);
  }
  if (Math.abs(nowMs - signedAtMs) > CALL_SKEW_MS_MAX) {
    throw refuse(`the call was signed at ${date}, more than 15 minutes from ${amzDate(nowMs)}`);
  }
  const known = secretOf(authorization.accessKeyId);
  if (known === undefined) throw refuse(`access key ${authorization.accessKeyId} is not known`);
  const expected = sign(hashes, known.secret, authorization.scope, path, date, host);
  if (!constantTimeEqual(expected, authorization.signature)) {
    throw refuse("the signature does not match: check the secret and the host that was signed");
  }
  const kind = authorization.accessKeyId === CLUSTER_KEY_ID ? "cluster" : "key";
  return { kind, accessKeyId: authorization.accessKeyId, account: known.account };
}

function sign(
  hashes: SigningHashes,
  secret: string,
  scope: CredentialScope,
  path: string,
  date: string,
  host: string,
): string {
  const canonical = canonicalRequest({
    method: "POST",
    path,
    query: "",
    signedHeaders: SIGNED_HEADERS,
    header: (name) => (name === "x-amz-date" ? date : host),
    payloadHash: EMPTY_HASH,
  });
  return signature(hashes, signingKey(hashes, secret, scope), date, scope, canonical);
}

function refuse(message: string): StreamError {
  return new StreamError("unauthenticated", message);
}
