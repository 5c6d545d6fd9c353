/** NodeService.Locate, from the wire's words to the shard's. */
import { safeInteger, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import type { LocateRequest, LocateResponse } from "@millrace/proto";

import type { LocatePosition } from "../shard/locate.ts";
import type { Shards } from "../shards.ts";

const POSITIONS: Record<LocatePosition, true> = {
  TRIM_HORIZON: true,
  LATEST: true,
  AT_TIMESTAMP: true,
  NONE: true,
};

/** @throws StreamError `invalid-argument` for an unknown position or a number out of range. */
export function answerLocate(
  shards: Shards,
  request: LocateRequest,
  principal: Principal,
): Promise<LocateResponse> {
  if (!Object.hasOwn(POSITIONS, request.position)) {
    throw new StreamError(
      "invalid-argument",
      `position is ${request.position}, but must be one of ${Object.keys(POSITIONS).join(", ")}`,
    );
  }
  const located = {
    groupId: safeInteger("group_id", request.groupId, 1),
    position: request.position as LocatePosition,
    timestampMs: safeInteger("timestamp_ms", request.timestampMs),
    limited: request.limited,
  };
  return shards.locate(located, principal);
}
