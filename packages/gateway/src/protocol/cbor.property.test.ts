import { Decoder } from "cbor-x";
import * as fc from "fast-check";
import { expect, it } from "vitest";

import { CborError, decodeCbor, encodeCbor } from "./cbor.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
console.log(`cbor properties: SEED=${seed}`);

it("agrees with an independent implementation, and reads back what it wrote", () => {
  const independent = new Decoder({ mapsAsObjects: true, useRecords: false });
  const leaf = fc.oneof(
    fc.string(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const key = fc.string().filter((text) => text !== "__proto__");
  const { value: values } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value")),
      fc.dictionary(key, tie("value"), { noNullPrototype: true }),
    ),
  }));
  const plain = (value: unknown) =>
    JSON.stringify(value, (_, held: unknown) => (typeof held === "bigint" ? Number(held) : held));
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encodeCbor(value);
      expect([plain(decodeCbor(bytes)), plain(independent.decode(bytes))]).toEqual([
        plain(value),
        plain(value),
      ]);
    }),
    { seed, numRuns: 2000 },
  );
});

it("reads any bytes as a value or refuses them, and does nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeCbor(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CborError);
      }
    }),
    { seed, numRuns: 20_000 },
  );
});
