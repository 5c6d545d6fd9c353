import { describe, expect, it } from "vitest";

import { AwsError } from "../protocol/aws-error.ts";
import { FakeBackend, openSecret } from "../testing/fake-backend.ts";
import { decodeNextToken, encodeNextToken } from "./next-token.ts";
import { decodeShardIterator, encodeShardIterator } from "./shard-iterator.ts";
import { javaDate, TokenSealer } from "./token-sealer.ts";

const NOW = Date.UTC(2015, 0, 22, 1, 22, 2);
const sealerOfAnyNode = () => new TokenSealer(new FakeBackend(NOW).view, openSecret);
const sealer = sealerOfAnyNode();
const position = (streamName: string) => ({
  account: "123456789012",
  streamName,
  streamId: "aaaaaaaaaaaaaaaaaaa1-000",
  shardIndex: 2_147_483_647,
  offset: Number.MAX_SAFE_INTEGER,
});
const refusal = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof AwsError) return `${error.type}: ${error.message}`;
    throw error;
  }
  return "accepted";
};
const INVALID = "InvalidArgumentException: Invalid ShardIterator.";

describe("shard iterators (reference/kinesis-api 2.4)", () => {
  it.each([1, 13, 14, 29, 30, 77, 128])(
    "have AWS's length for a stream name of %d letters",
    (letters) => {
      const name = "n".repeat(letters);
      const token = encodeShardIterator(sealer, position(name), NOW);
      const bytes = Buffer.from(token, "base64");
      expect([bytes.byteLength, bytes.toString("hex", 0, 8), token.length <= 512]).toEqual([
        152 + 16 * Math.floor((letters + 2) / 16),
        "0000000000000001",
        true,
      ]);
      expect(decodeShardIterator(sealer, token, NOW)).toEqual(position(name));
    },
  );

  it("are opened by another node, inside quotes, and as often as wanted", () => {
    const token = encodeShardIterator(sealer, position("orders"), NOW);
    for (const given of [token, `"${token}"`, token]) {
      expect(decodeShardIterator(sealerOfAnyNode(), given, NOW)).toEqual(position("orders"));
    }
  });

  it("differ each time", () => {
    const tokens = [1, 2].map(() => encodeShardIterator(sealer, position("orders"), NOW));
    expect(tokens[0]).not.toBe(tokens[1]);
  });

  it("live for 300 seconds, and then say so in AWS's words", () => {
    const token = encodeShardIterator(sealer, position("orders"), NOW);
    expect(decodeShardIterator(sealer, token, NOW + 300_000)).toEqual(position("orders"));
    expect(refusal(() => decodeShardIterator(sealer, token, NOW + 368_000))).toBe(
      "ExpiredIteratorException: Iterator expired. The iterator was created at time " +
        "Thu Jan 22 01:22:02 UTC 2015 while right now it is Thu Jan 22 01:28:10 UTC 2015 " +
        "which is further in the future than the tolerated delay of 300000 milliseconds.",
    );
  });

  it("are refused when they come from the future", () => {
    const token = encodeShardIterator(sealer, position("orders"), NOW + 301_000);
    expect(refusal(() => decodeShardIterator(sealer, token, NOW))).toBe(INVALID);
  });

  it("are refused when any bit of them was changed", () => {
    const bytes = Buffer.from(encodeShardIterator(sealer, position("orders"), NOW), "base64");
    for (let index = 0; index < bytes.byteLength; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(refusal(() => decodeShardIterator(sealer, changed.toString("base64"), NOW))).toBe(
        INVALID,
      );
    }
  });

  it.each(["", "AAAA", "not base64!", `AAAAAAAAAAE=`, "A".repeat(512), '"'])(
    "are not %j",
    (token) => {
      expect(refusal(() => decodeShardIterator(sealer, token, NOW))).toBe(INVALID);
    },
  );
});

describe("page tokens", () => {
  const page = {
    account: "123456789012",
    streamName: "orders",
    streamId: "aaaaaaaaaaaaaaaaaaa1-000",
    afterShardIndex: 999,
    filter: { type: "AT_TIMESTAMP", atMs: 5 },
  };

  it("carry the whole query for 300 seconds", () => {
    const token = encodeNextToken(sealer, page, NOW);
    expect(decodeNextToken(sealerOfAnyNode(), token, NOW + 300_000)).toEqual(page);
    expect(refusal(() => decodeNextToken(sealer, token, NOW + 300_001))).toMatch(
      /^ExpiredNextTokenException: /,
    );
  });

  it("are refused when they are none, and a shard iterator is none", () => {
    const iterator = encodeShardIterator(sealer, position("orders"), NOW);
    for (const token of ["x", "", iterator]) {
      expect(refusal(() => decodeNextToken(sealer, token, NOW))).toBe(
        "InvalidArgumentException: Invalid NextToken.",
      );
    }
  });
});

it("shows times as Java does", () => {
  expect(javaDate(NOW)).toBe("Thu Jan 22 01:22:02 UTC 2015");
});
