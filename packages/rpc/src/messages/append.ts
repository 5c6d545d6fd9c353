/** `AppendRequest` and `AppendResponse` of data.proto, without copying the batch. */
import type { StreamError } from "@millrace/base";

import { decodeFailure, encodeFailure } from "./failure.ts";
import { WireReader } from "./wire-reader.ts";
import { LENGTH_BYTES_MAX, SCALAR_BYTES_MAX, WireWriter } from "./wire-writer.ts";

export interface AppendHeader {
  /** Unique among the unanswered requests of the stream. */
  readonly requestId: number;
  readonly groupId: number;
  /** Epoch of the shard in the caller's shard map. */
  readonly shardEpoch: number;
  /** Term that the caller expects; 0 accepts any. */
  readonly expectedTerm: number;
}

export interface AppendRequestMessage extends AppendHeader {
  /** One record batch, a view of the message. */
  readonly batch: Buffer;
}

/** `failure` excludes all that follows it. */
export type AppendResponseMessage =
  | { readonly requestId: number; readonly failure: StreamError }
  | {
      readonly requestId: number;
      readonly failure?: undefined;
      readonly baseOffset: number;
      readonly count: number;
      readonly arrivalMs: number;
      readonly term: number;
      /** Stored before, under the same producer id and sequence: the offsets are those of then. */
      readonly duplicate: boolean;
    };

/** @throws StreamError `invalid-argument` naming a number that is not whole or above 2^53 - 1. */
export function encodeAppendRequest(
  header: AppendHeader,
  batch: readonly Uint8Array[],
): Uint8Array[] {
  const writer = new WireWriter(4 * SCALAR_BYTES_MAX + LENGTH_BYTES_MAX);
  writer.uint64(1, "requestId", header.requestId);
  writer.uint64(2, "groupId", header.groupId);
  writer.uint64(3, "shardEpoch", header.shardEpoch);
  writer.uint64(4, "expectedTerm", header.expectedTerm);
  writer.payload(5, batch);
  return writer.finish();
}

/** @throws StreamError `invalid-argument` for bytes that are no AppendRequest. */
export function decodeAppendRequest(bytes: Buffer): AppendRequestMessage {
  const reader = new WireReader("AppendRequest", bytes);
  let requestId = 0;
  let groupId = 0;
  let shardEpoch = 0;
  let expectedTerm = 0;
  let batch = bytes.subarray(0, 0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) requestId = reader.uint64("requestId");
    else if (field === 2) groupId = reader.uint64("groupId");
    else if (field === 3) shardEpoch = reader.uint64("shardEpoch");
    else if (field === 4) expectedTerm = reader.uint64("expectedTerm");
    else if (field === 5) batch = reader.bytes("batch");
    else reader.skip();
  }
  return { requestId, groupId, shardEpoch, expectedTerm, batch };
}

export function encodeAppendResponse(response: AppendResponseMessage): Uint8Array[] {
  const failure = response.failure === undefined ? undefined : encodeFailure(response.failure);
  const writer = new WireWriter(
    6 * SCALAR_BYTES_MAX + LENGTH_BYTES_MAX + (failure === undefined ? 0 : failure.length),
  );
  writer.uint64(1, "requestId", response.requestId);
  if (failure !== undefined) writer.bytes(2, failure);
  if (response.failure === undefined) {
    writer.uint64(3, "baseOffset", response.baseOffset);
    writer.uint32(4, "count", response.count);
    writer.uint64(5, "arrivalMs", response.arrivalMs);
    writer.uint64(6, "term", response.term);
    writer.bool(7, response.duplicate);
  }
  return writer.finish();
}

/** @throws StreamError `invalid-argument` for bytes that are no AppendResponse. */
export function decodeAppendResponse(bytes: Buffer): AppendResponseMessage {
  const reader = new WireReader("AppendResponse", bytes);
  let requestId = 0;
  let failure: StreamError | undefined;
  let baseOffset = 0;
  let count = 0;
  let arrivalMs = 0;
  let term = 0;
  let duplicate = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) requestId = reader.uint64("requestId");
    else if (field === 2) failure = decodeFailure(reader.bytes("failure"));
    else if (field === 3) baseOffset = reader.uint64("baseOffset");
    else if (field === 4) count = reader.uint32("count");
    else if (field === 5) arrivalMs = reader.uint64("arrivalMs");
    else if (field === 6) term = reader.uint64("term");
    else if (field === 7) duplicate = reader.bool("duplicate");
    else reader.skip();
  }
  if (failure !== undefined) return { requestId, failure };
  return { requestId, baseOffset, count, arrivalMs, term, duplicate };
}
