/** DataService.Fetch: pipelined reads and long polls of one caller; a poll ends with its stream. */
import { asStreamError, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import { decodeFetchRequest, encodeFetchResponse } from "@millrace/rpc";

import { FETCHES_PER_STREAM_MAX } from "../bounds.ts";
import type { MessageStream } from "../ports.ts";
import type { Shards } from "../shards.ts";
import { StreamWindow } from "./stream-window.ts";

export function serveFetchStream(
  shards: Shards,
  stream: MessageStream,
  principal: Principal,
): void {
  const window = new StreamWindow(stream, FETCHES_PER_STREAM_MAX, Infinity);
  const waiting = new Set<() => void>();
  stream.onMessage((message) => {
    try {
      const request = decodeFetchRequest(message);
      const { requestId } = request;
      window.began(0);
      let answered = false;
      const cancel = shards.fetch(request.groupId, request, principal, (outcome) => {
        answered = true;
        waiting.delete(cancelled);
        const response =
          outcome instanceof StreamError
            ? { requestId, failure: outcome }
            : { requestId, ...outcome };
        window.answered(0, encodeFetchResponse(response));
      });
      function cancelled(): void {
        cancel();
      }
      if (!answered) waiting.add(cancelled);
    } catch (error) {
      stream.end(asStreamError(error)); // bytes that are no request: nothing after them can be trusted
    }
  });
  stream.onEnd(() => {
    window.ended();
    for (const cancel of waiting) cancel();
    waiting.clear();
  });
}
