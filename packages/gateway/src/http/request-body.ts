/**
 * Reads request bodies within two bounds: one for each body, one for all that are in memory at a
 * time, so that many callers with large bodies meet a refusal they retry and not the end of memory.
 */
import type { Readable } from "node:stream";

export type BodyResult =
  | { readonly kind: "body"; readonly body: Buffer }
  | { readonly kind: "too-large" }
  | { readonly kind: "no-room" }
  /** The caller went away. */
  | { readonly kind: "aborted" };

export class BodyReader {
  readonly #bodyBytesMax: number;
  readonly #totalBytesMax: number;
  #heldBytes = 0;

  constructor(bodyBytesMax: number, totalBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#totalBytesMax = totalBytesMax;
  }

  /** Whether a body of the announced length can be taken now. */
  admits(announcedBytes: number | undefined): BodyResult["kind"] {
    if (announcedBytes === undefined) return "body";
    if (announcedBytes > this.#bodyBytesMax) return "too-large";
    return this.#heldBytes + announcedBytes > this.#totalBytesMax ? "no-room" : "body";
  }

  /** The whole body. Its bytes count until `release`. */
  read(stream: Readable): Promise<BodyResult> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      let settled = false;
      const settle = (result: BodyResult) => {
        if (settled) return;
        settled = true;
        stream.off("data", take);
        if (result.kind !== "body") this.release(bytes);
        resolve(result);
      };
      const take = (chunk: Buffer) => {
        bytes += chunk.byteLength;
        this.#heldBytes += chunk.byteLength;
        if (bytes > this.#bodyBytesMax) settle({ kind: "too-large" });
        else if (this.#heldBytes > this.#totalBytesMax) settle({ kind: "no-room" });
        else chunks.push(chunk);
      };
      stream.on("data", take);
      stream.once("end", () => settle({ kind: "body", body: joined(chunks) }));
      stream.once("error", () => settle({ kind: "aborted" }));
      stream.once("close", () => settle({ kind: "aborted" }));
    });
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}
