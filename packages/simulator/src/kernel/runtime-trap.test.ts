import * as crypto from "node:crypto";
import * as fs from "node:fs";

import { afterEach, describe, expect, it } from "vitest";

import type { Trap } from "./runtime-trap.ts";
import { setTrap } from "./runtime-trap.ts";

/** Ways to the real world, as a careless line of code would take them. */
const LEAKS: Readonly<Record<string, () => unknown>> = {
  "Date.now": () => Date.now(),
  "new Date()": () => new Date(),
  "performance.now": () => performance.now(),
  setTimeout: () => setTimeout(() => {}, 0),
  setInterval: () => setInterval(() => {}, 1000),
  setImmediate: () => setImmediate(() => {}),
  "Math.random": () => Math.random(),
  randomBytes: () => crypto.randomBytes(4),
  randomUUID: () => crypto.randomUUID(),
  writeFileSync: () => fs.writeFileSync("/nowhere/x", ""),
};

let trap: Trap | undefined;
afterEach(() => {
  trap?.release();
  trap = undefined;
});

describe("while a simulation runs", () => {
  it.each(Object.entries(LEAKS))("%s throws", (_, leak) => {
    trap = setTrap();
    let said = "nothing was thrown";
    try {
      leak();
    } catch (error) {
      said = String(error);
    }
    trap.release();
    expect(said).toMatch(/was used inside a simulation/);
  });

  it("given moments can be written as dates", () => {
    trap = setTrap();
    const written = new Date(0).toISOString();
    trap.release();
    expect(written).toBe("1970-01-01T00:00:00.000Z");
  });

  it("and afterwards the process has its world back", () => {
    setTrap().release();
    expect([typeof Date.now(), Math.random() < 1, crypto.randomBytes(4).length]).toEqual([
      "number",
      true,
      4,
    ]);
  });
});
