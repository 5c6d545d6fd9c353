/** Changes to streams, as administrators and gateways ask for them. */
import type { Clock, Random } from "@millrace/base";
import { safeInteger, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import {
  RECORD_SIZE_KIB_MAX,
  RECORD_SIZE_KIB_MIN,
  RETENTION_HOURS_MAX,
  RETENTION_HOURS_MIN,
  SHARDS_PER_STREAM_MAX,
  TAGS_PER_STREAM_MAX,
} from "@millrace/model";
import type {
  CreateStreamRequest,
  CreateStreamResponse,
  DeleteStreamRequest,
  DeleteStreamResponse,
  UpdateRetentionRequest,
  UpdateRetentionResponse,
  UpdateTagsRequest,
  UpdateTagsResponse,
} from "@millrace/proto";

import type { BrokerLoads } from "../broker-loads.ts";
import { REPLICATION_FACTOR_MAX } from "../placement.ts";
import type { Proposer } from "../proposer.ts";
import { newStreamId } from "../stream-id.ts";
import { requireAccount } from "./authorize.ts";
import { requireAccountId, requireOneOf, requireStreamName, requireTags } from "./checks.ts";

export interface StreamHandlersDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly proposer: Proposer;
  readonly loads: BrokerLoads;
}

/**
 * CreateStream: CREATING when this returns; ACTIVE once every shard has a majority and a leader.
 *
 * @throws StreamError `already-exists`, `limit-exceeded` with too few hosts for the replicas,
 * `unavailable` with too few of them alive.
 */
export async function createStream(
  { clock, random, proposer, loads }: StreamHandlersDeps,
  request: CreateStreamRequest,
  principal: Principal,
): Promise<CreateStreamResponse> {
  const name = requireTarget(request, principal);
  const shardCount = safeInteger("shardCount", request.shardCount, 1, SHARDS_PER_STREAM_MAX);
  const factor = request.replicationFactor;
  const replicationFactor = safeInteger("replicationFactor", factor, 0, REPLICATION_FACTOR_MAX);
  const mode = request.streamMode === "" ? "PROVISIONED" : request.streamMode;
  const streamMode = requireOneOf("streamMode", mode, ["PROVISIONED", "ON_DEMAND"]);
  const maxRecordSizeKib = recordSizeKib(request.maxRecordSizeKib);
  const tags = requireTags(request.tags);
  proposer.requireLeader();
  const placement = loads.place(shardCount, replicationFactor);
  try {
    const metadataIndex = await proposer.propose({
      kind: "create-stream",
      ...name,
      streamId: newStreamId(random),
      streamMode,
      retentionHours: RETENTION_HOURS_MIN,
      maxRecordSizeKib,
      tags,
      nowMs: clock.nowMs(),
      brokers: placement.brokers,
      placements: placement.placements,
    });
    return { metadataIndex };
  } finally {
    placement.release();
  }
}

function recordSizeKib(value: number): number {
  if (value === 0) return RECORD_SIZE_KIB_MIN;
  return safeInteger("maxRecordSizeKib", value, RECORD_SIZE_KIB_MIN, RECORD_SIZE_KIB_MAX);
}

/** DeleteStream: DELETING when this returns. @throws StreamError `not-found`, `wrong-state`. */
export async function deleteStream(
  { clock, proposer }: StreamHandlersDeps,
  request: DeleteStreamRequest,
  principal: Principal,
): Promise<DeleteStreamResponse> {
  const name = requireTarget(request, principal);
  const { streamId } = request;
  const nowMs = clock.nowMs();
  const metadataIndex = await proposer.propose({ kind: "delete-stream", ...name, streamId, nowMs });
  return { metadataIndex };
}

/** UpdateRetention: an equal value is accepted in both directions, as Terraform relies on. */
export async function updateRetention(
  { proposer }: StreamHandlersDeps,
  request: UpdateRetentionRequest,
  principal: Principal,
): Promise<UpdateRetentionResponse> {
  const name = requireTarget(request, principal);
  const { retentionHours: hours } = request;
  const metadataIndex = await proposer.propose({
    kind: "update-retention",
    ...name,
    retentionHours: safeInteger("retentionHours", hours, RETENTION_HOURS_MIN, RETENTION_HOURS_MAX),
    direction: requireOneOf("direction", request.direction, ["increase", "decrease"]),
  });
  return { metadataIndex };
}

/** UpdateTags: what is both removed and set ends up set. */
export async function updateTags(
  { proposer }: StreamHandlersDeps,
  request: UpdateTagsRequest,
  principal: Principal,
): Promise<UpdateTagsResponse> {
  const name = requireTarget(request, principal);
  const set = requireTags(request.set);
  const remove = request.remove;
  if (remove.length > TAGS_PER_STREAM_MAX) {
    throw new StreamError(
      "invalid-argument",
      `remove is ${remove.length} tags, but at most ${TAGS_PER_STREAM_MAX}`,
    );
  }
  return { metadataIndex: await proposer.propose({ kind: "update-tags", ...name, set, remove }) };
}

function requireTarget(
  request: { readonly account: string; readonly streamName: string },
  principal: Principal,
): { readonly account: string; readonly streamName: string } {
  const account = requireAccountId(request.account);
  requireAccount(principal, account);
  return { account, streamName: requireStreamName(request.streamName) };
}
