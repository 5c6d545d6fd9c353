import { StreamError } from "@millrace/base";
import { sleep } from "@millrace/base";
import { nodePorts } from "@millrace/client";

import type { Connection } from "../../connect.ts";
import { remark } from "../../output.ts";

/** Longest wait until a new stream takes records. */
const ACTIVE_DEADLINE_MS = 30_000;
const POLL_MS = 50;

export interface CreateOptions {
  readonly shards: number;
  readonly retentionHours: number | undefined;
}

/** Creates a stream and waits until it takes records. */
export async function createStream(
  { client, account }: Connection,
  streamName: string,
  options: CreateOptions,
): Promise<void> {
  await client.admin.createStream({ account, streamName, shardCount: options.shards });
  await untilActive({ client, account }, streamName);
  if (options.retentionHours !== undefined && options.retentionHours !== 24) {
    await client.admin.updateRetention({
      account,
      streamName,
      retentionHours: options.retentionHours,
      direction: "increase",
    });
  }
  remark(`stream ${streamName} is ACTIVE with ${options.shards} shard(s)`);
}

async function untilActive(
  { client, account }: Pick<Connection, "client" | "account">,
  streamName: string,
): Promise<void> {
  const { clock } = nodePorts();
  const deadline = clock.monotonicMs() + ACTIVE_DEADLINE_MS;
  while (client.view.stream(account, streamName)?.status !== "ACTIVE") {
    if (clock.monotonicMs() > deadline) {
      const missing = "are three nodes up? see millrace status";
      throw new StreamError(
        "unavailable",
        `stream ${streamName} is not ACTIVE after 30 s: ${missing}`,
      );
    }
    await sleep(clock, POLL_MS);
  }
}
