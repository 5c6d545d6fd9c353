import { describe, expect, it } from "vitest";

import { DISK_READS_MAX, DISK_READS_QUEUED_MAX } from "./bounds.ts";
import { DiskReads } from "./disk-reads.ts";

describe("reads from disk", () => {
  it("run a bounded number at a time, queue a bounded number, and refuse the rest", async () => {
    const reads = new DiskReads();
    const finish: (() => void)[] = [];
    const read = () => new Promise<void>((resolve) => finish.push(resolve));
    const all = Array.from({ length: DISK_READS_MAX + DISK_READS_QUEUED_MAX }, () =>
      reads.run(read),
    );
    expect(finish.length).toBe(DISK_READS_MAX);
    await expect(reads.run(read)).rejects.toMatchObject({ code: "overloaded" });
    for (let done = 0; done < all.length; done++) {
      finish[done]?.();
      await all[done];
      await Promise.resolve();
    }
    expect(finish.length).toBe(all.length);
  });

  it("make room when one fails", async () => {
    const reads = new DiskReads();
    const fail = () => Promise.reject(new Error("EIO"));
    for (let count = 0; count < DISK_READS_MAX * 2; count++) {
      await expect(reads.run(fail)).rejects.toThrow("EIO");
    }
    await expect(reads.run(() => Promise.resolve(7))).resolves.toBe(7);
  });
});
