/**
 * The two values that JSON and CBOR write differently. Operations put them into their answers and
 * never see which encoding the caller speaks.
 */

/** A point in time. JSON: epoch seconds with a fraction. CBOR: tag 1 around whole epoch milliseconds. */
export class EpochMs {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  toJSON(): number {
    return this.ms / 1000;
  }
}

/** Bytes. JSON: base64 text. CBOR: a byte string. */
export class Blob {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  toJSON(): string {
    const { buffer, byteOffset, byteLength } = this.bytes;
    return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
  }
}

/** Bytes of a checked blob of a request: base64 text (JSON) or bytes (CBOR). */
export function blobBytes(blob: string | Uint8Array): number {
  if (typeof blob !== "string") return blob.byteLength;
  if (blob === "") return 0;
  const padding = blob.endsWith("==") ? 2 : blob.endsWith("=") ? 1 : 0;
  return (blob.length / 4) * 3 - padding;
}
