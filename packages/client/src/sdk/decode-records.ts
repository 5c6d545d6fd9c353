/** A fetched page as records with their sequence numbers. */
import type { Shard } from "@millrace/model";
import { readRecord, SequenceNumbers, shardId, viewOf } from "@millrace/model";

import type { FetchPage } from "../types.ts";

export interface StreamRecordRead {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** A view of the page it came in: copy it to keep it alone. */
  readonly data: Uint8Array;
  /** Approximate arrival time, epoch milliseconds. */
  readonly arrivalMs: number;
}

const text = new TextDecoder();

/** The records of `page` from offset `from` on. @throws StreamError `corrupt` for records that leave their bytes. */
export function* decodeRecords(
  shard: Shard,
  page: FetchPage,
  from: number,
): Generator<StreamRecordRead, void, void> {
  const numbers = new SequenceNumbers(shard.createdAtSec, shard.shardIndex);
  const id = shardId(shard.shardIndex);
  const place = { start: 0, end: 0, keyStart: 0, keyEnd: 0 };
  for (const { baseOffset, count, arrivalMs, records } of page.slices) {
    const view = viewOf(records);
    let at = 0;
    for (let index = 0; index < count; index++) {
      at = readRecord(view, at, place);
      if (baseOffset + index < from) continue;
      yield {
        shardId: id,
        sequenceNumber: numbers.at(baseOffset + index, arrivalMs),
        partitionKey: text.decode(records.subarray(place.keyStart, place.keyEnd)),
        data: records.subarray(place.keyEnd, place.end),
        arrivalMs,
      };
    }
  }
}
