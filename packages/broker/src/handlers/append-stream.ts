/** DataService.Append: pipelined puts of one caller; answers of one turn leave in one write of the codec. */
import { asStreamError, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import { decodeAppendRequest, encodeAppendResponse } from "@millrace/rpc";

import { APPEND_BYTES_PER_STREAM_MAX, APPENDS_PER_STREAM_MAX } from "../bounds.ts";
import type { MessageStream } from "../ports.ts";
import type { Shards } from "../shards.ts";
import { StreamWindow } from "./stream-window.ts";

export function serveAppendStream(
  shards: Shards,
  stream: MessageStream,
  principal: Principal,
): void {
  const window = new StreamWindow(stream, APPENDS_PER_STREAM_MAX, APPEND_BYTES_PER_STREAM_MAX);
  stream.onMessage((message) => {
    try {
      const request = decodeAppendRequest(message);
      const { requestId } = request;
      const bytes = message.byteLength;
      window.began(bytes);
      shards.append(request.groupId, request, principal, (outcome) => {
        const response =
          outcome instanceof StreamError
            ? { requestId, failure: outcome }
            : { requestId, ...outcome };
        window.answered(bytes, encodeAppendResponse(response));
      });
    } catch (error) {
      stream.end(asStreamError(error)); // bytes that are no request: nothing after them can be trusted
    }
  });
  // Puts of a caller that went away are carried through; their answers go nowhere.
  stream.onEnd(() => window.ended());
}
