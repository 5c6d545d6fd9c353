/**
 * What a caller with an access key may see of metadata: where shards are, and no secret, sealed or
 * not. Another account's streams stay out. Which account a deleted shard belonged to cannot be told
 * from its key, which is a random id and a number, so those deletions pass.
 */
import { assertNever } from "@millrace/base";
import type { ClusterRecord, MetadataChange, ShardRecord } from "@millrace/model";
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  METADATA_KEY,
  metadataKind,
} from "@millrace/model";

/** The change as the `routes` scope shows it, or `undefined`. @param account All accounts without one. */
export function routesChange(
  change: MetadataChange,
  account: string | undefined,
): MetadataChange | undefined {
  const { key, json } = change;
  const kind = metadataKind(key);
  switch (kind) {
    case "cluster":
      return json === undefined ? change : { key, json: withoutTokenKey(key, json) };
    case "node":
      return change;
    case "stream":
      return account === undefined || key.startsWith(METADATA_KEY.stream(account, ""))
        ? change
        : undefined;
    case "shard":
      return ofAccount(change, account) ? change : undefined;
    case "key":
    case "tombstone":
    case "retired":
      return undefined;
    default:
      return assertNever(kind);
  }
}

function withoutTokenKey(key: string, json: string): string {
  const cluster = decodeMetadataRecord(key, json) as ClusterRecord;
  return encodeMetadataRecord({ ...cluster, sealedTokenKey: "" });
}

function ofAccount({ key, json }: MetadataChange, account: string | undefined): boolean {
  if (account === undefined || json === undefined) return true;
  return (decodeMetadataRecord(key, json) as ShardRecord).account === account;
}
