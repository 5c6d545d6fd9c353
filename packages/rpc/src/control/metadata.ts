import { Metadata } from "@grpc/grpc-js";

import type { CallMetadata } from "../hot/hot-stream.ts";

/** Our form of call metadata in that of grpc-js, which checks names and values. */
export function toGrpcMetadata(metadata: CallMetadata): Metadata {
  const result = new Metadata();
  for (const [name, value] of Object.entries(metadata)) {
    result.set(
      name,
      typeof value === "string"
        ? value
        : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    );
  }
  return result;
}

/** First text value of `name`, or `undefined`. */
export function textOf(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === "string" ? value : undefined;
}

/** First binary value of `name` (which ends in `-bin`), or `undefined`. */
export function bytesOf(metadata: Metadata, name: string): Buffer | undefined {
  const value = metadata.get(name)[0];
  return Buffer.isBuffer(value) ? value : undefined;
}
