/** `ExchangeRequest` and `ExchangeResponse` of replication.proto: the envelope of a Raft frame. */
import { WireReader } from "./wire-reader.ts";
import { LENGTH_BYTES_MAX, SCALAR_BYTES_MAX, WireWriter } from "./wire-writer.ts";

/** Who answered a link, sent once when it is accepted. */
export interface ExchangeResponseMessage {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
}

/** The message around a frame that is made of `frame`; nothing is copied. */
export function encodeExchangeRequest(frame: readonly Uint8Array[]): Uint8Array[] {
  const writer = new WireWriter(LENGTH_BYTES_MAX);
  writer.payload(1, frame);
  return writer.finish();
}

/** The frame, a view of `bytes`. @throws StreamError `invalid-argument` for bytes that are no ExchangeRequest. */
export function decodeExchangeRequest(bytes: Buffer): Buffer {
  const reader = new WireReader("ExchangeRequest", bytes);
  let frame = bytes.subarray(0, 0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) frame = reader.bytes("frame");
    else reader.skip();
  }
  return frame;
}

export function encodeExchangeResponse(response: ExchangeResponseMessage): Uint8Array[] {
  const incarnation = Buffer.from(response.incarnation, "utf8");
  const writer = new WireWriter(2 * SCALAR_BYTES_MAX + LENGTH_BYTES_MAX + incarnation.length);
  writer.uint32(1, "nodeId", response.nodeId);
  if (incarnation.length > 0) writer.bytes(2, incarnation);
  writer.uint64(3, "bootEpoch", response.bootEpoch);
  return writer.finish();
}

/** @throws StreamError `invalid-argument` for bytes that are no ExchangeResponse. */
export function decodeExchangeResponse(bytes: Buffer): ExchangeResponseMessage {
  const reader = new WireReader("ExchangeResponse", bytes);
  let nodeId = 0;
  let incarnation = "";
  let bootEpoch = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) nodeId = reader.uint32("nodeId");
    else if (field === 2) incarnation = reader.string("incarnation");
    else if (field === 3) bootEpoch = reader.uint64("bootEpoch");
    else reader.skip();
  }
  return { nodeId, incarnation, bootEpoch };
}
