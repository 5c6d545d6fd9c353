/**
 * What a shard does with appends, in its simplest form: a list of records, and per producer the last
 * five sequences. The judge of what was stored, for tests alone.
 */
import { StreamError } from "@millrace/base";
import { BATCH_HEADER_BYTES, checkBatch, HashKeyBounds, readRecord, viewOf } from "@millrace/model";
import type { HashKeyRange } from "@millrace/model";

import { testCrc32 } from "./fixtures.ts";

interface Stored {
  readonly sequence: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
}

export interface Appended {
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
  readonly duplicate: boolean;
}

const WINDOW = 5;
const RING: HashKeyRange = {
  startingHashKey: 0n as HashKeyRange["startingHashKey"],
  endingHashKey: ((1n << 128n) - 1n) as HashKeyRange["endingHashKey"],
};

export class ModelShard {
  /** Data of each record, as text, by offset. */
  readonly log: string[] = [];
  readonly sequences: number[] = [];
  /** `sealing`: refuses, and may still be opened again. `sealed`: says for ever what it holds. */
  state: "open" | "sealing" | "sealed" = "open";
  /** Of the seal. */
  sealEpoch = 0;
  readonly #bounds = new HashKeyBounds(RING);
  readonly #producers = new Map<string, Stored[]>();

  /**
   * @param free What the write limit takes now; `undefined` is no limit.
   * @throws StreamError as a broker: `stale-epoch`, `throttled`, `duplicate-stale`, and what is wrong with the batch.
   */
  append(
    batch: Uint8Array,
    nowMs: number,
    free?: { readonly records: number; readonly bytes: number },
  ): Appended {
    const rules = { bounds: this.#bounds, recordBytesMax: 1024 * 1024, crc32: testCrc32 };
    const header = checkBatch(batch, rules);
    if (this.state === "sealing") throw this.#stale(false);
    const window = this.#producers.get(header.producerId) ?? [];
    const known = window.find((stored) => stored.sequence === header.producerSequence);
    if (known !== undefined) return { ...known, duplicate: true };
    const newest = Math.max(0, ...window.map((stored) => stored.sequence));
    if (header.producerSequence <= newest - WINDOW) {
      throw new StreamError("duplicate-stale", `sequence ${header.producerSequence} is too old`);
    }
    if (this.state === "sealed") throw this.#stale(true);
    if (free !== undefined && (header.count > free.records || header.payloadBytes > free.bytes)) {
      throw new StreamError("throttled", "write limit", {
        hint: { recordsFree: free.records, bytesFree: free.bytes, retryAfterMs: 10 },
      });
    }
    const baseOffset = this.log.length;
    const stored = { sequence: header.producerSequence, baseOffset, count: header.count };
    this.log.push(...valuesOf(batch, header.count));
    this.sequences.push(header.producerSequence);
    const entry = { ...stored, arrivalMs: nowMs };
    this.#producers.set(
      header.producerId,
      [...window, entry].sort((a, b) => a.sequence - b.sequence).slice(-WINDOW),
    );
    return { ...entry, duplicate: false };
  }

  #stale(sealed: boolean): StreamError {
    const hint = { shardEpoch: this.sealEpoch, ...(sealed ? { sealed } : {}) };
    return new StreamError("stale-epoch", "no more records", { hint });
  }
}

/** Data of `count` records behind the header of `batch`, as text. */
export function valuesOf(batch: Uint8Array, count: number): string[] {
  const view = viewOf(batch);
  const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
  const values: string[] = [];
  let at = BATCH_HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    at = readRecord(view, at, place);
    values.push(Buffer.from(batch.subarray(place.keyEnd, place.end)).toString());
  }
  return values;
}
