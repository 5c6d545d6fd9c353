/** Names as AWS writes them: shard ids, ARNs, stream names. Source: reference/kinesis-api 1 and 2.3. */

export const STREAM_NAME_PATTERN = /^[a-zA-Z0-9_.-]{1,128}$/;
export const SHARD_INDEX_MAX = 2_147_483_647;

/** `shardId-000000000007`: twelve digits, because the producer library parses the number after the dash. */
export function shardId(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

/** The number in a shard id; AWS takes `shardId-7`, `anything-07` and `7` alike. `undefined` for what is none. */
export function parseShardId(text: string): number | undefined {
  const digits = /^(?:.*-)?(\d+)$/s.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const index = Number(digits);
  return index <= SHARD_INDEX_MAX ? index : undefined;
}

export function streamArn(region: string, account: string, streamName: string): string {
  return `arn:aws:kinesis:${region}:${account}:stream/${streamName}`;
}

/** Account, region and name of a stream ARN, or `undefined` for what is none. */
export function parseStreamArn(
  arn: string,
): { readonly region: string; readonly account: string; readonly streamName: string } | undefined {
  const match = /^arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream\/(\S+)$/.exec(arn);
  const [, region, account, streamName] = match ?? [];
  if (region === undefined || account === undefined || streamName === undefined) return undefined;
  return { region, account, streamName };
}
