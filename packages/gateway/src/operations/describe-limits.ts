/**
 * DescribeLimits: how many shards and streams the account has. Millrace sets no quota of its own
 * below what one stream may have, so the limits told are those that AWS accounts start from at most.
 *
 * Source: Kinesis API reference, DescribeLimits.
 */
import type { Answer, Call } from "./call.ts";
import { awaitBarrier } from "./call.ts";

export const SHARD_LIMIT = 20_000;
export const ON_DEMAND_STREAM_LIMIT = 50;

export async function describeLimits(call: Call): Promise<Answer> {
  await awaitBarrier(call);
  const { view } = call.backend;
  const mine = ({ account }: { readonly account: string }) => account === call.caller.account;
  return {
    ShardLimit: SHARD_LIMIT,
    OpenShardCount: view.list("shard").filter((shard) => mine(shard) && shard.state === "open")
      .length,
    OnDemandStreamCount: view
      .list("stream")
      .filter((stream) => mine(stream) && stream.streamMode === "ON_DEMAND").length,
    OnDemandStreamCountLimit: ON_DEMAND_STREAM_LIMIT,
  };
}
