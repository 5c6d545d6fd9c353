/**
 * Makes the real world's time, chance and timers throw while a simulation runs.
 *
 * One forgotten Date.now makes a run that cannot be replayed, and nobody would notice until a
 * failing seed passes. So the leak itself fails, with its stack.
 */
import crypto from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

import type { RealLoop } from "./scheduler.ts";

export interface Trap {
  readonly loop: RealLoop;
  /** Gives the process its world back. */
  release(): void;
}

type Members = Record<string, unknown>;

const CHANCE = ["randomBytes", "randomFillSync", "randomFill", "randomInt", "randomUUID"] as const;
const WRITES = ["writeFileSync", "writeSync", "openSync", "mkdirSync", "unlinkSync"] as const;

export function setTrap(): Trap {
  const restore: (() => void)[] = [];
  const replace = (holder: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(holder, name);
    Object.defineProperty(holder, name, { configurable: true, writable: true, value });
    restore.push(() => {
      if (before === undefined) delete (holder as Members)[name];
      else Object.defineProperty(holder, name, before);
    });
  };
  const forbid = (holder: object, name: string): void => {
    replace(holder, name, () => {
      throw new Error(`${name} was used inside a simulation`);
    });
  };
  const loop: RealLoop = { setImmediate, nextTick: process.nextTick.bind(process) };
  for (const name of ["setTimeout", "setInterval", "setImmediate"]) forbid(globalThis, name);
  forbid(Math, "random");
  forbid(performance, "now");
  for (const name of CHANCE) forbid(crypto, name);
  for (const name of WRITES) forbid(fs, name);
  replace(globalThis, "Date", timelessDate());
  syncBuiltinESMExports();
  return {
    loop,
    release: () => {
      for (const undo of restore.toReversed()) undo();
      syncBuiltinESMExports();
    },
  };
}

/** Dates of given moments work; the present does not. */
function timelessDate(): DateConstructor {
  return new Proxy(Date, {
    construct: (target, given: readonly unknown[]) => {
      if (given.length === 0) throw new Error("new Date() was used inside a simulation");
      return Reflect.construct(target, given) as Date;
    },
    apply: () => {
      throw new Error("Date() was used inside a simulation");
    },
    get: (target, name) => {
      if (name === "now") throw new Error("Date.now was used inside a simulation");
      return Reflect.get(target, name) as unknown;
    },
  });
}
