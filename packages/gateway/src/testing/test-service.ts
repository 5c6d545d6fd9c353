/** Requests to the service without a socket: signed as an SDK signs them, answered in plain values. */
import { SILENT_LOGGER } from "@millrace/base";
import { amzDate, canonicalRequest, signature, signingKey } from "@millrace/model";

import { NODE_HASHES, SigningKeys } from "../auth/credentials.ts";
import type { WireRequest } from "../http/wire.ts";
import { decodeCbor, encodeCbor } from "../protocol/cbor.ts";
import type { KinesisServiceDeps } from "../protocol/kinesis-service.ts";
import { serveKinesis } from "../protocol/kinesis-service.ts";
import { TokenSealer } from "../tokens/token-sealer.ts";
import type { FakeBackend } from "./fake-backend.ts";
import { ACCESS_KEY, openSecret, REGION, SECRET } from "./fake-backend.ts";
import { TestClock } from "./test-gateway.ts";

export interface RequestParts {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export function wireRequest(parts: RequestParts): WireRequest {
  const headers = new Map(Object.entries(parts.headers ?? {}));
  return {
    method: parts.method ?? "POST",
    path: parts.path ?? "/",
    query: parts.query ?? "",
    header: (name) => headers.get(name),
    body: Buffer.from(parts.body ?? ""),
  };
}

export interface Signer {
  readonly accessKeyId?: string;
  readonly secret?: string;
  readonly region?: string;
  readonly service?: string;
  readonly signedHeaders?: readonly string[];
}

/** The same request with the headers that sign it. */
export function sign(parts: RequestParts, nowMs: number, signer: Signer = {}): RequestParts {
  const date = amzDate(nowMs);
  const { accessKeyId = ACCESS_KEY, secret = SECRET } = signer;
  const scope = {
    date: date.slice(0, 8),
    region: signer.region ?? REGION,
    service: signer.service ?? "kinesis",
  };
  const headers = { host: "localhost", "x-amz-date": date, ...parts.headers };
  const signedHeaders = signer.signedHeaders ?? ["host", "x-amz-date"];
  const request = wireRequest({ ...parts, headers });
  const given = signature(
    NODE_HASHES,
    signingKey(NODE_HASHES, secret, scope),
    date,
    scope,
    canonicalRequest({
      ...request,
      signedHeaders,
      payloadHash: NODE_HASHES.sha256Hex(request.body),
    }),
  );
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.date}/${scope.region}/${scope.service}/aws4_request, ` +
    `SignedHeaders=${signedHeaders.join(";")}, Signature=${given}`;
  return { ...parts, headers: { ...headers, authorization } };
}

/** The members of answers that tests take further; whole answers are compared as they are. */
export interface AnswerBody {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
  readonly ShardIterator?: string;
  readonly NextShardIterator?: string;
  readonly NextToken?: string;
  readonly ShardId?: string;
  readonly SequenceNumber?: string;
  readonly FailedRecordCount?: number;
  readonly MillisBehindLatest?: number;
  readonly ChildShards?: readonly unknown[];
  readonly Records?: readonly {
    readonly ShardId?: string;
    readonly SequenceNumber?: string;
    readonly ErrorCode?: string;
    readonly Data?: string;
  }[];
  readonly Shards?: readonly { readonly ShardId: string }[];
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The decoded body; empty for an empty one. */
  readonly body: AnswerBody;
}

export class TestService {
  readonly backend: FakeBackend;
  readonly deps: KinesisServiceDeps;
  /** The gateway's wall clock. */
  nowMs: number;

  constructor(backend: FakeBackend) {
    this.backend = backend;
    this.nowMs = backend.nowMs;
    this.deps = {
      backend,
      clock: new TestClock(() => this.nowMs),
      logger: SILENT_LOGGER,
      keys: new SigningKeys(openSecret),
      tokens: new TokenSealer(backend.view, openSecret),
      deadlines: { barrierMs: 100, putMs: 100, readMs: 100, answerMs: 150 },
    };
  }

  /** Calls an operation as a signed caller. */
  async call(
    operation: string,
    input: unknown,
    options: Signer & { readonly encoding?: "json" | "cbor" } = {},
  ): Promise<ServiceAnswer> {
    const { encoding = "json" } = options;
    const headers = {
      "content-type": `application/x-amz-${encoding}-1.1`,
      "x-amz-target": `Kinesis_20131202.${operation}`,
    };
    const body = encoding === "cbor" ? encodeCbor(input) : JSON.stringify(input);
    return this.send(sign({ headers, body }, this.nowMs, options));
  }

  /** Sends a request as it is. */
  async send(parts: RequestParts): Promise<ServiceAnswer> {
    const { reply } = await serveKinesis(this.deps, wireRequest(parts));
    return { status: reply.status, headers: reply.headers, body: decode(reply) };
  }
}

function decode(reply: {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}): AnswerBody {
  if (reply.body.length === 0) return {};
  const type = reply.headers["Content-Type"] ?? "";
  if (type.includes("cbor")) return decodeCbor(Buffer.from(reply.body)) as AnswerBody;
  if (type.includes("json")) return JSON.parse(reply.body.toString()) as AnswerBody;
  return { message: reply.body.toString() };
}
