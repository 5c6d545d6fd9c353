/** The ports of a client in a Node process: system time, secure chance, hashing of node:crypto and zlib. */
import { createHash, createHmac, randomFillSync } from "node:crypto";
import { crc32 } from "node:zlib";

import type { Clock, Random, Timer } from "@millrace/base";
import type { SigningHashes } from "@millrace/model";

import type { ClientPorts } from "./options.ts";

export interface NodePorts extends ClientPorts {
  /** MD5 of `bytes`, 16 bytes: the hash key of a partition key. */
  readonly md5: (bytes: Uint8Array) => Uint8Array;
}

export function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}

/** One set for a whole process: the pool of random bytes and the cache of keys are shared. */
export function nodePorts(): NodePorts {
  return {
    clock: nodeClock,
    random: nodeRandom(),
    hashes: nodeHashes(),
    crc32: (bytes, seed = 0) => crc32(bytes, seed),
    md5,
    allocate: (bytes) => Buffer.allocUnsafeSlow(bytes),
  };
}

const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (run) => void setImmediate(run),
};

const POOL_BYTES = 4096;
const UNIFORM_RANGE = 2 ** 32;

/** Draws from a pool, because a system call per draw costs a microsecond. */
function nodeRandom(): Random {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let at = POOL_BYTES;
  const word = (): number => {
    if (at + 4 > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    at += 4;
    return pool.readUInt32LE(at - 4);
  };
  return {
    uniform(bound) {
      // Draws at the top, which do not fill a whole multiple of `bound`, would favour small numbers.
      const limit = UNIFORM_RANGE - (UNIFORM_RANGE % bound);
      let drawn = word();
      while (drawn >= limit) drawn = word();
      return drawn % bound;
    },
    bytes: (length) => randomFillSync(new Uint8Array(length)),
  };
}

const KEYS_CACHED_MAX = 256;

function nodeHashes(): SigningHashes {
  // The three inner steps of a signing key are the same for a whole day.
  const cached = new Map<string, Uint8Array>();
  return {
    sha256Hex: (data) => createHash("sha256").update(data).digest("hex"),
    hmacSha256(key, data) {
      // Only short inputs recur (date, region, service); a text to sign never does.
      if (data.length > 64) return createHmac("sha256", key).update(data).digest();
      const name = `${typeof key === "string" ? key : Buffer.from(key).toString("latin1")}\n${data}`;
      const known = cached.get(name);
      if (known !== undefined) return known;
      const digest = createHmac("sha256", key).update(data).digest();
      if (cached.size >= KEYS_CACHED_MAX) cached.clear();
      cached.set(name, digest);
      return digest;
    },
  };
}
