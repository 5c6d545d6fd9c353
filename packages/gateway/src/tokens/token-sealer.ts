/**
 * Tokens that any gateway of the cluster can open and nobody else can make: shard iterators and
 * page tokens. Nothing is stored, so a token outlives the process that gave it.
 *
 *   byte 0      4       16    32
 *        | hour | nonce | tag | ciphertext
 *        | u32  | 12    | 16  | as long as the plain text
 *
 * AES-256-GCM. The key is derived from the cluster's token key, the purpose and the hour, because a
 * random nonce may serve one key about 2^32 times only, and a busy cluster gives more tokens than
 * that in its life. The hour is authenticated with the rest.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

import type { MetadataView } from "@millrace/model";

import { BoundedCache } from "../auth/bounded-cache.ts";
import type { OpenSecret } from "../auth/credentials.ts";
import { unavailable } from "../protocol/aws-error.ts";

export type TokenPurpose = "shard-iterator" | "next-token";

export const TOKEN_LIFE_MS = 300_000;
/** What sealing adds to the plain text. */
export const SEAL_BYTES = 32;
const HOUR_MS = 3_600_000;
const HOUR_KEYS_MAX = 64;

export class TokenSealer {
  readonly #view: MetadataView;
  readonly #openSecret: OpenSecret;
  readonly #keys = new BoundedCache<Buffer>(HOUR_KEYS_MAX);

  constructor(view: MetadataView, openSecret: OpenSecret) {
    this.#view = view;
    this.#openSecret = openSecret;
  }

  seal(purpose: TokenPurpose, plain: Uint8Array, nowMs: number): Buffer {
    const hour = Math.floor(nowMs / HOUR_MS);
    const sealed = Buffer.allocUnsafe(SEAL_BYTES + plain.byteLength);
    sealed.writeUInt32BE(hour, 0);
    randomBytes(12).copy(sealed, 4);
    const cipher = createCipheriv("aes-256-gcm", this.#key(purpose, hour), sealed.subarray(4, 16));
    cipher.setAAD(sealed.subarray(0, 4));
    cipher.update(plain).copy(sealed, SEAL_BYTES);
    cipher.final();
    cipher.getAuthTag().copy(sealed, 16);
    return sealed;
  }

  /** The plain text, or `undefined` for bytes that no gateway of this cluster sealed for this purpose. */
  open(purpose: TokenPurpose, sealed: Buffer): Buffer | undefined {
    if (sealed.byteLength < SEAL_BYTES) return undefined;
    const key = this.#key(purpose, sealed.readUInt32BE(0));
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(4, 16));
    decipher.setAAD(sealed.subarray(0, 4));
    decipher.setAuthTag(sealed.subarray(16, SEAL_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(SEAL_BYTES)), decipher.final()]);
    } catch {
      return undefined; // the tag does not match: the only way that final() fails
    }
  }

  #key(purpose: TokenPurpose, hour: number): Buffer {
    const sealedKey = this.#view.cluster()?.sealedTokenKey;
    if (sealedKey === undefined) throw unavailable("The cluster's metadata is not complete yet.");
    return this.#keys.get(`${purpose}/${hour}/${sealedKey}`, () => {
      const secret = this.#openSecret(sealedKey, "iterator-token-key");
      return Buffer.from(hkdfSync("sha256", secret, "", `millrace ${purpose} ${hour}`, 32));
    });
  }
}

/** Bytes of canonical base64, or `undefined` for anything else. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** A time as AWS's texts show it: `Thu Jan 22 01:22:02 UTC 2015`. */
export function javaDate(ms: number): string {
  const [weekday, day, month, year, time] = new Date(ms).toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}
