import { describe, expect, it } from "vitest";

import { CborError, decodeCbor, encodeCbor } from "./cbor.ts";
import { Blob, EpochMs } from "./values.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const ascii = (text: string) => Buffer.from(text).toString("hex");

describe("CBOR as the service writes it", () => {
  it("writes an error as a map of indefinite length", () => {
    expect(encodeCbor({ __type: "SerializationException" }).toString("hex")).toBe(
      `bf66${ascii("__type")}76${ascii("SerializationException")}ff`,
    );
  });

  it("writes a time as tag 1 around whole epoch milliseconds", () => {
    expect(encodeCbor({ t: new EpochMs(1_545_084_650_987) }).toString("hex")).toBe(
      "bf6174c11b00000167be5af9ebff".replace(
        "00000167be5af9eb",
        (1_545_084_650_987).toString(16).padStart(16, "0"),
      ),
    );
  });

  it("writes blobs as byte strings and leaves absent members out", () => {
    const value = {
      a: new Blob(Buffer.from([1, 2])),
      b: undefined,
      c: [0, -1, 24, 256, 65_536, true],
    };
    expect(encodeCbor(value).toString("hex")).toBe(
      "bf616142010261639f002018181901001a00010000f5ffff",
    );
  });
});

describe("CBOR as clients write it", () => {
  it.each([
    ["definite lengths", "a2 6161 01 6162 82 02 03", { a: 1, b: [2, 3] }],
    ["indefinite lengths", "bf 6161 01 6162 9f 02 03 ff ff", { a: 1, b: [2, 3] }],
    ["text in parts", "7f 6161 6162 ff", "ab"],
    ["bytes in parts", "5f 4101 4102 ff", Buffer.from([1, 2])],
    ["a time as an integer", "c1 1b 000001681d000000", new EpochMs(0x1681d000000)],
    ["a time as a float", "c1 fb 41d9000000000000", new EpochMs(1_677_721_600)],
    ["negative numbers", "82 20 38 63", [-1, -100]],
    [
      "half, single and double floats",
      "83 f9 3e00 fa 3fc00000 fb 3ff8000000000000",
      [1.5, 1.5, 1.5],
    ],
    ["null and undefined", "82 f6 f7", [null, null]],
    ["tags that mean nothing here", "d9 d9f7 01", 1],
  ])("reads %s", (_, bytes, value) => {
    expect(decodeCbor(hex(bytes))).toEqual(value);
  });

  it("gives byte strings as views of the request", () => {
    const bytes = hex("43 010203");
    const view = decodeCbor(bytes) as Uint8Array;
    expect([view.buffer === bytes.buffer, Buffer.from(view)]).toEqual([
      true,
      Buffer.from([1, 2, 3]),
    ]);
  });

  it.each([
    ["nothing at all", ""],
    ["a cut off string", "45 0102"],
    ["a length beyond the bytes (C1)", "9b 7fffffffffffffff 01"],
    ["bytes left over (C1)", "01 02"],
    ["an endless array", "9f 01"],
    ["nesting beyond the bound (C2)", `${"81".repeat(33)}01`],
    ["a map key that is no text (C3)", "a1 01 02"],
    ["a key that would change the object's prototype", `a1 69 ${ascii("__proto__")} a0`],
    ["text that is not UTF-8", "61 ff"],
    ["a part of another kind", "7f 4101 ff"],
    ["a break with nothing to break", "ff"],
    ["a time that is text", "c1 6161"],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeCbor(hex(bytes))).toThrow(CborError);
  });
});
