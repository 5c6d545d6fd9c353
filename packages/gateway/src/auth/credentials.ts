/**
 * Where the secret of an access key comes from: sealed in metadata, opened with the cluster secret
 * by a function that the process injects. Opened secrets and day keys are held, because deriving a
 * day key costs more than checking a signature with it.
 */
import { createHash, createHmac } from "node:crypto";

import type { AccessKeyRecord, CredentialScope, SigningHashes } from "@millrace/model";
import { signingKey } from "@millrace/model";

import { BoundedCache } from "./bounded-cache.ts";

/**
 * Opens a value that metadata holds sealed.
 *
 * @param sealedBase64 As it stands in metadata.
 * @param label What the value is, authenticated with it: `access-key/<id>` or `iterator-token-key`.
 * @throws StreamError `corrupt` when it was sealed under another cluster secret.
 */
export type OpenSecret = (sealedBase64: string, label: string) => string;

const SIGNING_KEYS_MAX = 4096;

export const NODE_HASHES: SigningHashes = {
  sha256Hex: (data) => createHash("sha256").update(data).digest("hex"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
};

export class SigningKeys {
  readonly #openSecret: OpenSecret;
  readonly #keys = new BoundedCache<Uint8Array>(SIGNING_KEYS_MAX);

  constructor(openSecret: OpenSecret) {
    this.#openSecret = openSecret;
  }

  /** The key that signs for `scope`; a key that got another secret has another sealed form, so it is never served stale. */
  of(record: AccessKeyRecord, scope: CredentialScope): Uint8Array {
    const { accessKeyId, sealedSecret } = record;
    const name = [accessKeyId, sealedSecret, scope.date, scope.region, scope.service].join("/");
    return this.#keys.get(name, () => {
      const secret = this.#openSecret(sealedSecret, `access-key/${accessKeyId}`);
      return signingKey(NODE_HASHES, secret, scope);
    });
  }
}
