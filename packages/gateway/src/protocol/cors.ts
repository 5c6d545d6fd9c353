/** What browsers need to be told before they let a page speak to the endpoint. Source: reference/kinesis-api 2.13. */
import type { WireReply, WireRequest } from "../http/wire.ts";
import { commonHeaders } from "./reply.ts";

const EXPOSED =
  "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";

/** The answer to a browser's preliminary question, or `undefined` for any other request. */
export function preflightReply(request: WireRequest): WireReply | undefined {
  if (request.method !== "OPTIONS" || request.header("origin") === undefined) return undefined;
  const { "x-amz-id-2": _, ...headers } = commonHeaders();
  const wanted = {
    "Access-Control-Allow-Headers": request.header("access-control-request-headers"),
    "Access-Control-Allow-Methods": request.header("access-control-request-method"),
  };
  for (const [name, value] of Object.entries(wanted)) {
    if (value !== undefined) headers[name] = value;
  }
  headers["Access-Control-Allow-Origin"] = "*";
  headers["Access-Control-Max-Age"] = "172800";
  return { status: 200, headers, body: "" };
}

/** Adds to `reply` what a page of another origin may see. */
export function exposeTo(request: WireRequest, reply: WireReply): WireReply {
  if (request.header("origin") === undefined) return reply;
  reply.headers["Access-Control-Allow-Origin"] ??= "*";
  reply.headers["Access-Control-Expose-Headers"] ??= EXPOSED;
  return reply;
}
