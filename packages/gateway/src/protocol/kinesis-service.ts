/**
 * A Kinesis request from its bytes to its answer, in the order in which the service looks at it: a
 * caller with two mistakes must hear of the same one as from AWS.
 *
 *   1 browser questions      4 content type        7 signature      10 the operation
 *   2 method                 5 parsing             8 types
 *   3 empty body             6 target              9 constraints
 *
 * Source: reference/kinesis-api 2.13.
 */
import { isAscii } from "node:buffer";

import type { Clock, Logger } from "@millrace/base";

import type { SigningKeys } from "../auth/credentials.ts";
import { verifyRequest } from "../auth/sigv4.ts";
import type { GatewayBackend } from "../backend.ts";
import { KINESIS_OPERATIONS, KINESIS_SHAPES } from "../gen/kinesis-tables.ts";
import type { WireReply, WireRequest } from "../http/wire.ts";
import type { Deadlines } from "../operations/call.ts";
import { clusterOf, EncodedAnswer } from "../operations/call.ts";
import type { KinesisOperation } from "../operations/table.ts";
import { servedOperation } from "../operations/table.ts";
import type { TokenSealer } from "../tokens/token-sealer.ts";
import { asAwsError, AwsError, serialization, unavailable } from "./aws-error.ts";
import { decodeCbor } from "./cbor.ts";
import { checkConstraints } from "./constraints.ts";
import { exposeTo, preflightReply } from "./cors.ts";
import { answerReply, coralReply, encodedReply, errorReply, xmlReply } from "./reply.ts";
import type { Encoding } from "./types.ts";
import { checkBlobs, checkTypes } from "./types.ts";

export interface KinesisServiceDeps {
  readonly backend: GatewayBackend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keys: SigningKeys;
  readonly tokens: TokenSealer;
  readonly deadlines: Deadlines;
}

/** A served request and the label that metrics count it under. */
export interface ServedReply {
  readonly reply: WireReply;
  readonly operation: string;
}

const TARGET_PREFIX = "Kinesis_20131202.";
const NO_OPERATION = "unknown";
const UNAUTHORIZED = "Unable to determine service/operation name to be authorized";
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  "application/x-amz-json-1.1": "json",
  "application/x-amz-cbor-1.1": "cbor",
};

/** Never rejects: whatever goes wrong has an answer. */
export async function serveKinesis(
  deps: KinesisServiceDeps,
  request: WireRequest,
): Promise<ServedReply> {
  const target = operationOf(request.header("x-amz-target"));
  const served = preflightReply(request) ?? (await serve(deps, request, target));
  return { reply: exposeTo(request, served), operation: target ?? NO_OPERATION };
}

async function serve(
  deps: KinesisServiceDeps,
  request: WireRequest,
  operation: KinesisOperation | undefined,
): Promise<WireReply> {
  if (request.method !== "POST") return xmlReply(403, "AccessDeniedException", UNAUTHORIZED);
  const contentType = (request.header("content-type") ?? "").split(";", 1)[0]?.trim() ?? "";
  const encoding = Object.hasOwn(ENCODINGS, contentType) ? ENCODINGS[contentType] : undefined;
  if (request.body.byteLength === 0) return emptyBody(contentType, operation);
  if (contentType === "application/json") return plainJson(request);
  if (encoding === undefined) {
    return request.header("x-amz-target") === undefined
      ? xmlReply(403, "AccessDeniedException", UNAUTHORIZED)
      : xmlReply(404, "UnknownOperationException");
  }
  try {
    const input = parse(request.body, encoding);
    if (operation === undefined) throw new AwsError("UnknownOperationException", "");
    return await run(deps, request, operation, encoding, input);
  } catch (error) {
    const told = asAwsError(error);
    if (told.status === 500) {
      deps.logger.error("a request failed inside the gateway", { operation, error });
    }
    return errorReply(told, encoding);
  }
}

async function run(
  deps: KinesisServiceDeps,
  request: WireRequest,
  operation: KinesisOperation,
  encoding: Encoding,
  parsed: object,
): Promise<WireReply> {
  const startedMs = deps.clock.monotonicMs();
  const caller = await verifyRequest(request, {
    keys: deps.keys,
    nowMs: deps.clock.nowMs(),
    service: "kinesis",
    accessKey: (accessKeyId) => findAccessKey(deps, accessKeyId),
  });
  const { input: shape } = tableRow(operation);
  const input =
    shape === undefined ? parsed : (checkTypes(KINESIS_SHAPES, shape, parsed) as object);
  try {
    if (shape !== undefined) checkConstraints(KINESIS_SHAPES, shape, input);
    const serve = servedOperation(operation);
    if (serve === undefined) throw notServed(operation);
    const { backend, clock, tokens, deadlines } = deps;
    const call = { backend, caller, clock, tokens, deadlines, startedMs, operation, encoding };
    const answer = await serve(call, input);
    if (answer instanceof EncodedAnswer) return encodedReply(answer.body, encoding);
    return answerReply(answer, encoding);
  } catch (error) {
    // The base64 of blobs is looked at last, but it is a type error and so told first.
    if (shape !== undefined && asAwsError(error).status === 400) {
      checkBlobs(KINESIS_SHAPES, shape, input);
    }
    throw error;
  }
}

/** A key that this view lacks may be new: it is unknown only when metadata as of now lacks it. */
async function findAccessKey({ backend, deadlines }: KinesisServiceDeps, accessKeyId: string) {
  clusterOf(backend.view);
  const known = backend.view.accessKey(accessKeyId);
  if (known !== undefined) return known;
  try {
    await backend.barrier(deadlines.barrierMs);
  } catch (error) {
    throw unavailable("Access keys cannot be confirmed now.", error);
  }
  return backend.view.accessKey(accessKeyId);
}

function tableRow(operation: KinesisOperation): { readonly input?: string } {
  return KINESIS_OPERATIONS[operation];
}

function operationOf(target: string | undefined): KinesisOperation | undefined {
  if (target?.startsWith(TARGET_PREFIX) !== true) return undefined;
  const name = target.slice(TARGET_PREFIX.length);
  return Object.hasOwn(KINESIS_OPERATIONS, name) ? (name as KinesisOperation) : undefined;
}

function parse(body: Buffer, encoding: Encoding): object {
  let parsed: unknown;
  try {
    parsed = encoding === "cbor" ? decodeCbor(body) : JSON.parse(textOf(body));
  } catch {
    throw serialization(); // the service does not say what is wrong with the bytes
  }
  if (typeof parsed !== "object" || parsed === null) throw serialization();
  return parsed;
}

/** Base64 makes most bodies plain ASCII, and those are read as Latin-1 in a fraction of the time. */
function textOf(body: Buffer): string {
  return body.toString(isAscii(body) ? "latin1" : "utf8");
}

function emptyBody(contentType: string, operation: KinesisOperation | undefined): WireReply {
  const type = operation === undefined ? "UnknownOperationException" : "SerializationException";
  const encoding = contentType === "application/x-amz-json-1.1" ? "json" : "cbor";
  return errorReply(new AwsError(type, ""), encoding);
}

function plainJson(request: WireRequest): WireReply {
  try {
    parse(request.body, "json");
  } catch {
    return coralReply(400, "SerializationException");
  }
  return coralReply(404, "UnknownOperationException");
}

function notServed(operation: string): AwsError {
  return new AwsError(
    "UnsupportedOperationException",
    `${operation} is not supported by this version of Millrace.`,
  );
}
