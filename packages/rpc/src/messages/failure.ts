/**
 * `Failure` of data.proto: a `StreamError` inside a pipelined stream, where one refused request must
 * not end the stream for the others.
 */
import type { ErrorHint } from "@millrace/base";
import { isErrorCode, StreamError } from "@millrace/base";

import { WireReader } from "./wire-reader.ts";
import { LENGTH_BYTES_MAX, SCALAR_BYTES_MAX, WireWriter } from "./wire-writer.ts";

/** Longest text of a failure on the wire, characters. */
const MESSAGE_CHARACTERS_MAX = 2048;
const SCALARS = 7;

/** Encoded `Failure`; 0 in a number field means "not told". */
export function encodeFailure(error: StreamError): Uint8Array {
  const { code, hint } = error;
  const texts = [
    code,
    error.message.slice(0, MESSAGE_CHARACTERS_MAX),
    hint.leaderAddress ?? "",
  ].map((text) => Buffer.from(text, "utf8"));
  const textBytes = texts.reduce((sum, text) => sum + text.length + LENGTH_BYTES_MAX, 0);
  const writer = new WireWriter(textBytes + SCALARS * SCALAR_BYTES_MAX);
  const [codeText, message, address] = texts as [Buffer, Buffer, Buffer];
  writer.bytes(1, codeText);
  if (message.length > 0) writer.bytes(2, message);
  writer.uint32(3, "leaderNodeId", hint.leaderNodeId ?? 0);
  if (address.length > 0) writer.bytes(4, address);
  writer.uint64(5, "term", hint.term ?? 0);
  writer.uint64(6, "shardEpoch", hint.shardEpoch ?? 0);
  writer.uint32(7, "recordsFree", hint.recordsFree ?? 0);
  writer.uint32(8, "bytesFree", hint.bytesFree ?? 0);
  writer.uint32(9, "retryAfterMs", Math.ceil(hint.retryAfterMs ?? 0));
  writer.bool(10, hint.sealed ?? false);
  return Buffer.concat(writer.finish());
}

const HINT_FIELDS: Readonly<Record<number, Exclude<keyof ErrorHint, "leaderAddress" | "sealed">>> =
  {
    3: "leaderNodeId",
    5: "term",
    6: "shardEpoch",
    7: "recordsFree",
    8: "bytesFree",
    9: "retryAfterMs",
  };

/** The error that was sent; a code of a later version becomes `internal` and keeps its name in the text. */
export function decodeFailure(bytes: Buffer): StreamError {
  const reader = new WireReader("Failure", bytes);
  let code = "";
  let message = "";
  const hint: { -readonly [Name in keyof ErrorHint]: ErrorHint[Name] } = {};
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const number = HINT_FIELDS[field];
    if (number !== undefined) hint[number] = reader.uint64(number);
    else if (field === 1) code = reader.string("code");
    else if (field === 2) message = reader.string("message");
    else if (field === 4) hint.leaderAddress = reader.string("leaderAddress");
    else if (field === 10) hint.sealed = reader.bool("sealed");
    else reader.skip();
  }
  // The fields have no presence: with `throttled`, "nothing fits" and "not told" are both 0.
  if (code === "throttled") {
    hint.recordsFree ??= 0;
    hint.bytesFree ??= 0;
  }
  if (isErrorCode(code)) return new StreamError(code, message, { hint });
  return new StreamError("internal", `unknown error code "${code}": ${message}`, { hint });
}
