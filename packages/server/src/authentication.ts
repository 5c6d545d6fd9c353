/** Who calls: one verifier for the `rpc` and the `data` port, for cluster processes and access keys alike. */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { SecretBox } from "@millrace/client";
import { SEALED } from "@millrace/client";
import type { MetadataView, Principal, SigningHashes } from "@millrace/model";
import { CLUSTER_KEY_ID, verifyCall } from "@millrace/model";

export interface AuthenticationDeps {
  readonly clock: Clock;
  readonly hashes: SigningHashes;
  readonly clusterSecret: string;
  readonly box: SecretBox;
  /** Copies of metadata to look a key up in; the first that knows it answers. */
  readonly views: readonly MetadataView[];
}

interface IncomingCall {
  readonly path: string;
  readonly header: (name: string) => string | undefined;
}

/** Opened secrets kept, so that a call costs no decryption. */
const OPENED_MAX = 4096;

/**
 * @returns The check of one call: its principal, or a thrown `StreamError`: `unauthenticated`, or
 *   `unavailable` while this process does not know any keys yet.
 */
export function authenticator(deps: AuthenticationDeps): (call: IncomingCall) => Principal {
  const secretOf = secretLookup(deps);
  return ({ path, header }) => verifyCall(deps.hashes, path, header, secretOf, deps.clock.nowMs());
}

function secretLookup({ clusterSecret, box, views }: AuthenticationDeps) {
  const opened = new Map<string, string>();
  return (
    accessKeyId: string,
  ): { readonly secret: string; readonly account: string } | undefined => {
    if (accessKeyId === CLUSTER_KEY_ID) return { secret: clusterSecret, account: "" };
    const ready = views.filter((view) => view.ready);
    if (ready.length === 0) {
      throw new StreamError(
        "unavailable",
        "this node has no metadata yet and knows no keys; retry",
      );
    }
    const record = ready
      .map((view) => view.accessKey(accessKeyId))
      .find((one) => one !== undefined);
    if (record === undefined) return undefined;
    const { account, sealedSecret } = record;
    let secret = opened.get(sealedSecret);
    if (secret === undefined) {
      if (opened.size >= OPENED_MAX) opened.clear();
      secret = box
        .open(SEALED.accessKey(accessKeyId), Buffer.from(sealedSecret, "base64"))
        .toString();
      opened.set(sealedSecret, secret);
    }
    return { secret, account };
  };
}
