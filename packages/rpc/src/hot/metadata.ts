/**
 * Call metadata as HTTP/2 headers, and back. Values under names that end in `-bin` are base64.
 *
 * Source: gRPC over HTTP/2, "Custom-Metadata".
 */
import type { IncomingHttpHeaders } from "node:http2";

import { StreamError } from "@millrace/base";

import type { CallMetadata } from "./hot-stream.ts";

const NAME = /^[0-9a-z_.-]{1,128}$/;
/** Printable ASCII, as gRPC allows in a text value. */
const TEXT_VALUE = /^[\x20-\x7e]*$/;

/** @throws StreamError `invalid-argument` naming what is no header. */
export function encodeMetadata(metadata: CallMetadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) {
    if (!NAME.test(name) || name.startsWith("grpc-")) {
      throw new StreamError("invalid-argument", `metadata name ${name} is not allowed`);
    }
    headers[name] = encodeValue(name, value);
  }
  return headers;
}

function encodeValue(name: string, value: string | Uint8Array): string {
  const binary = name.endsWith("-bin");
  if (typeof value === "string") {
    if (!binary && TEXT_VALUE.test(value)) return value;
    throw new StreamError(
      "invalid-argument",
      `metadata ${name} must be ${binary ? "bytes" : "printable ASCII"}`,
    );
  }
  if (binary) return toBase64(value);
  throw new StreamError(
    "invalid-argument",
    `metadata ${name} holds bytes: its name must end in -bin`,
  );
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Bytes of a `-bin` header; the first one where several were joined. `undefined` when it is absent. */
export function binaryHeader(
  headers: Readonly<Record<string, string | undefined>>,
  name: string,
): Buffer | undefined {
  const value = headers[name];
  return value === undefined ? undefined : Buffer.from(value.split(",", 1)[0] ?? "", "base64");
}

/** Received headers without the pseudo headers, several values of a name joined by a comma. */
export function plainHeaders(received: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(received)) {
    if (name.startsWith(":") || value === undefined) continue;
    headers[name] = Array.isArray(value) ? value.join(",") : value;
  }
  return headers;
}
