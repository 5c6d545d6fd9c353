import { SeededRandom } from "@millrace/base/testing";
import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { PAGE_BYTES } from "./limits.ts";
import {
  allStampsCurrent,
  BatchBuilder,
  batchIsIntact,
  framesOf,
  readBatchHeader,
} from "./wal-batch.ts";

const SECTOR = 512;
const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 100);

function batchOf(batchSeq: number, fileSeq: number, frames: Buffer): Buffer {
  const builder = new BatchBuilder();
  const identity = { batchSeq, fileSeq, durableSeqBefore: batchSeq - 1, flags: 0 };
  builder.begin(identity, frames.byteLength);
  builder.put(frames);
  return Buffer.from(builder.finish());
}

/** Frames of up to four pages: bytes at random, zeros, or what a batch itself looks like. */
function someFrames(random: SeededRandom): Buffer {
  const bytes = random.uniform(4 * PAGE_BYTES);
  const kind = random.uniform(3);
  if (kind === 0) return Buffer.alloc(bytes);
  if (kind === 1) return Buffer.from(random.bytes(bytes));
  return batchOf(1 + random.uniform(20), 1, Buffer.alloc(bytes, 3)).subarray(0, bytes);
}

describe("stamps of sectors (W4)", () => {
  it("give back every byte that they displaced", () => {
    assert(
      property(integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const frames = someFrames(new SeededRandom(seed));
        const batch = batchOf(2 ** 33 + 7, 2 ** 32 + 5, frames);
        const header = readBatchHeader(batch, 0);
        if (header === undefined) throw new Error("no header");
        expect([batchIsIntact(batch, header), allStampsCurrent(batch, header)]).toEqual([
          true,
          true,
        ]);
        expect(framesOf(batch, header).equals(frames)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it("are never all current when one sector or more still holds older bytes", () => {
    assert(
      property(integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const random = new SeededRandom(seed);
        const batch = batchOf(100 + random.uniform(50), 9, someFrames(random));
        const header = readBatchHeader(batch, 0);
        if (header === undefined) throw new Error("no header");
        // What lay there: zeros, an earlier batch of this file, or of the file's last use.
        const older = Buffer.alloc(batch.byteLength);
        if (random.uniform(4) > 0) {
          const fileSeq = random.uniform(2) === 0 ? 9 : 5;
          const seq = fileSeq === 9 ? 1 + random.uniform(99) : 100 + random.uniform(50);
          batchOf(seq, fileSeq, Buffer.alloc(batch.byteLength, 1)).copy(older);
        }
        const torn = Buffer.from(batch);
        const sectors = batch.byteLength / SECTOR;
        const lost = random.uniform(sectors);
        for (let sector = 0; sector < sectors; sector++) {
          if (sector !== lost && random.uniform(2) === 0) continue;
          older.copy(torn, sector * SECTOR, sector * SECTOR, (sector + 1) * SECTOR);
        }
        expect(allStampsCurrent(torn, header)).toBe(false);
      }),
      { numRuns: 4 * RUNS },
    );
  });

  it("stay current, and the batch proven or damaged, when any one bit flips", () => {
    const batch = batchOf(77, 3, Buffer.from(new SeededRandom(1).bytes(PAGE_BYTES)));
    const header = readBatchHeader(batch, 0);
    if (header === undefined) throw new Error("no header");
    const verdicts = { intact: 0, damaged: 0 };
    for (let bit = 0; bit < batch.byteLength * 8; bit += bit < 400 ? 1 : 7) {
      const flipped = Buffer.from(batch);
      const byte = Math.floor(bit / 8);
      flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << (bit % 8)), byte);
      expect(allStampsCurrent(flipped, header), `bit ${bit}`).toBe(true);
      const inPage = byte % PAGE_BYTES;
      const isStamp = inPage >= PAGE_BYTES - 16 || (inPage % SECTOR >= 508 && inPage < 4052);
      expect(batchIsIntact(flipped, header), `bit ${bit}`).toBe(isStamp);
      verdicts[isStamp ? "intact" : "damaged"]++;
    }
    expect(Math.min(verdicts.intact, verdicts.damaged)).toBeGreaterThan(50);
  });
});
