import { createHash, createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import { nodePorts } from "./node-ports.ts";

const { hashes, random, crc32, md5, clock, allocate } = nodePorts();

describe("the ports of a Node process", () => {
  it("hash as node:crypto does, also when a key comes again", () => {
    for (const key of ["AWS4secret", Buffer.from([0, 255, 10, 128])]) {
      const expected = createHmac("sha256", key).update("20261125").digest();
      expect(hashes.hmacSha256(key, "20261125")).toEqual(expected);
      expect(hashes.hmacSha256(key, "20261125")).toEqual(expected);
      const text = "x".repeat(100);
      expect(hashes.hmacSha256(key, text)).toEqual(createHmac("sha256", key).update(text).digest());
    }
    expect(hashes.sha256Hex("abc")).toBe(createHash("sha256").update("abc").digest("hex"));
    expect(Buffer.from(md5(Buffer.from("a"))).toString("hex")).toBe(
      "0cc175b9c0f1b6a831c399e269772661",
    );
  });

  it("compute CRC-32 in one piece or several (check value of ISO-HDLC)", () => {
    const bytes = Buffer.from("123456789");
    expect(crc32(bytes)).toBe(0xcbf43926);
    expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  });

  it("draw numbers within their bound, and every one of them", () => {
    const drawn = new Set(Array.from({ length: 5000 }, () => random.uniform(7)));
    expect(drawn).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
    expect(random.uniform(1)).toBe(0);
    expect(random.uniform(2 ** 32)).toBeLessThan(2 ** 32);
    expect(random.bytes(8)).toHaveLength(8);
  });

  it("run a scheduled call once, and a cancelled one never", async () => {
    const ran: string[] = [];
    clock.schedule(0, () => ran.push("cancelled")).cancel();
    await new Promise<void>((resolve) => clock.schedule(1, resolve));
    await new Promise<void>((resolve) => clock.soon(resolve));
    expect([ran, allocate(3).byteLength]).toEqual([[], 3]);
  });
});
