/** Puts answers and errors into bytes: JSON, CBOR, and the XML that AWS falls back to. */
import { randomBytes, randomUUID } from "node:crypto";

import type { WireReply } from "../http/wire.ts";
import type { AwsError } from "./aws-error.ts";
import { encodeCbor } from "./cbor.ts";
import type { Encoding } from "./types.ts";

export const CONTENT_TYPE: Record<Encoding, string> = {
  json: "application/x-amz-json-1.1",
  cbor: "application/x-amz-cbor-1.1",
};

const EXTENDED_ID_BYTES = 72;
const POOL_IDS = 256;
let pool = Buffer.alloc(0);
let poolAt = 0;

/** `x-amz-id-2`: random, made from a pool, because a system call per answer is dear. */
function extendedId(): string {
  if (poolAt >= pool.byteLength) {
    pool = randomBytes(EXTENDED_ID_BYTES * POOL_IDS);
    poolAt = 0;
  }
  const id = pool.toString("base64", poolAt, poolAt + EXTENDED_ID_BYTES);
  poolAt += EXTENDED_ID_BYTES;
  return id;
}

/** Headers of every answer. */
export function commonHeaders(): Record<string, string> {
  return { "x-amzn-RequestId": randomUUID(), "x-amz-id-2": extendedId() };
}

/** An operation's answer; without one the body is empty, as the service leaves it. */
export function answerReply(answer: object | undefined, encoding: Encoding): WireReply {
  const body = answer === undefined ? "" : encode(answer, encoding);
  return encodedReply(body, encoding);
}

export function encodedReply(body: Buffer | string, encoding: Encoding): WireReply {
  const headers = { ...commonHeaders(), "Content-Type": CONTENT_TYPE[encoding] };
  return { status: 200, headers, body };
}

/** The type goes out in the header as well, because SDKs look there first. */
export function errorReply(error: AwsError, encoding: Encoding): WireReply {
  const headers = {
    ...commonHeaders(),
    "Content-Type": CONTENT_TYPE[encoding],
    "x-amzn-ErrorType": error.type,
  };
  return { status: error.status, headers, body: encode(error.body, encoding) };
}

/** For requests of which not even the service can be told. */
export function xmlReply(status: number, type: string, message?: string): WireReply {
  const inner =
    message === undefined ? undefined : `>\n  <Message>${message}</Message>\n</${type}>`;
  const body = `<${type}${inner ?? "/>"}\n`;
  return { status, headers: { ...commonHeaders(), "x-amzn-ErrorType": type }, body };
}

/** What plain `application/json` gets: the envelope of the framework behind the service. */
export function coralReply(status: number, type: string): WireReply {
  const headers = { ...commonHeaders(), "Content-Type": "application/json" };
  const output = { Output: { __type: `com.amazon.coral.service#${type}` }, Version: "1.0" };
  return {
    status,
    headers: { ...headers, "x-amzn-ErrorType": type },
    body: JSON.stringify(output),
  };
}

function encode(value: object, encoding: Encoding): Buffer | string {
  return encoding === "cbor" ? encodeCbor(value) : JSON.stringify(value);
}
