/**
 * The cluster secret and what it seals.
 *
 * Secrets of access keys and the key of iterator tokens lie in metadata, which every process tails
 * and every snapshot holds; sealed, they are worth nothing without the file that only processes of
 * the cluster can read. AES-256-GCM: nonce, tag, ciphertext; the label is authenticated with it, so
 * that a sealed value cannot be moved to another place.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

import { StreamError } from "@millrace/base";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_PATTERN = /^[0-9a-f]{64}$/;

export class SecretBox {
  readonly #key: Buffer;

  /** @param clusterSecret 64 hexadecimal digits. */
  constructor(clusterSecret: string) {
    this.#key = Buffer.from(hkdfSync("sha256", clusterSecret, "", "millrace sealed values", 32));
  }

  seal(label: string, plain: Uint8Array): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(label));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws StreamError `corrupt` when the bytes were not sealed under this secret and label. */
  open(label: string, sealed: Uint8Array): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(label));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const rest = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(rest), decipher.final()]);
    } catch (error) {
      throw new StreamError(
        "corrupt",
        `${label} cannot be opened: it was sealed under another cluster secret, or is damaged`,
        { cause: error },
      );
    }
  }
}

/** Labels of what is sealed. */
export const SEALED = {
  accessKey: (accessKeyId: string) => `access-key/${accessKeyId}`,
  tokenKey: "iterator-token-key",
} as const;

/**
 * The secret in the file at `path`; a missing file is made with a new secret, mode 0600. Of several
 * processes that find it missing at once, one makes it and all have its secret.
 *
 * @throws StreamError `invalid-argument` for a file that holds anything else.
 */
export function clusterSecret(path: string): string {
  if (!existsSync(path)) makeSecret(path);
  const secret = readFileSync(path, "utf8").trim();
  if (SECRET_PATTERN.test(secret)) return secret;
  throw new StreamError(
    "invalid-argument",
    `cluster secret file ${path} must hold 64 hexadecimal digits; it holds ${secret.length} other characters`,
  );
}

/** Whole or not at all: a name is given to a finished file, and the first name stays. */
function makeSecret(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const secret = randomBytes(32).toString("hex");
  const aside = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    writeFileSync(aside, `${secret}\n`, { mode: 0o600, flag: "wx" });
    chmodSync(aside, 0o600);
    linkSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
