import {
  decodeAppendResponse,
  decodeFetchResponse,
  encodeAppendRequest,
  encodeFetchRequest,
} from "@millrace/rpc";
import { describe, expect, it } from "vitest";

import { FETCHES_PER_STREAM_MAX } from "../bounds.ts";
import { CLUSTER, encodeBatch, EPOCH, GROUP_ID, recordTexts } from "../testing/fixtures.ts";
import { MessagePipe } from "../testing/message-pipe.ts";
import { ShardBench } from "../testing/shard-bench.ts";
import { serveAppendStream } from "./append-stream.ts";
import { serveFetchStream } from "./fetch-stream.ts";

const appending = () => {
  const bench = new ShardBench();
  const pipe = new MessagePipe();
  serveAppendStream(bench.shards(), pipe, CLUSTER);
  const put = (requestId: number, text: string, shardEpoch = EPOCH) => {
    const header = { requestId, groupId: GROUP_ID, shardEpoch, expectedTerm: 0 };
    pipe.receive(encodeAppendRequest(header, [encodeBatch([text])]));
  };
  return { bench, pipe, put };
};

const fetching = () => {
  const bench = new ShardBench();
  const pipe = new MessagePipe();
  serveFetchStream(bench.shards(), pipe, CLUSTER);
  const fetch = (requestId: number, offset: number, waitMs = 0) => {
    const rest = { maxBytes: 1000, maxRecords: 100, waitMs, limited: false };
    pipe.receive(encodeFetchRequest({ requestId, groupId: GROUP_ID, offset, ...rest }));
  };
  return { bench, pipe, fetch };
};

describe("the append stream", () => {
  it("answers each request by its id, refusals too", () => {
    const { bench, pipe, put } = appending();
    put(1, "a");
    put(2, "b", EPOCH - 1);
    put(3, "c");
    bench.settle();
    const answers = pipe.sent.map((message) => decodeAppendResponse(message));
    expect(answers).toEqual([
      { requestId: 2, failure: expect.objectContaining({ code: "stale-epoch" }) },
      expect.objectContaining({ requestId: 1, baseOffset: 0, count: 1, term: 1 }),
      expect.objectContaining({ requestId: 3, baseOffset: 1, count: 1, term: 1 }),
    ]);
  });

  it("reads no further while its caller does not take the answers", () => {
    const { bench, pipe, put } = appending();
    pipe.takes = false;
    put(1, "a");
    bench.settle();
    expect(pipe.paused).toBe(true);
    pipe.drain();
    expect(pipe.paused).toBe(false);
  });

  it("carries puts through whose caller went away, and sends nothing", () => {
    const { bench, pipe, put } = appending();
    put(1, "a");
    pipe.lose();
    bench.settle();
    expect([pipe.sent, bench.texts()]).toEqual([[], ["a"]]);
  });

  it("ends after the last answer once its caller has sent the last request", () => {
    const { bench, pipe, put } = appending();
    put(1, "a");
    pipe.halfClose();
    expect(pipe.ended).toBeUndefined();
    bench.settle();
    expect([pipe.ended, pipe.sent.length]).toEqual(["good", 1]);
  });

  it("ends on bytes that are no request", () => {
    const { pipe } = appending();
    pipe.receive([Uint8Array.of(0xff, 0xff)]);
    expect(pipe.ended).toMatchObject({ code: "invalid-argument" });
  });
});

describe("the fetch stream", () => {
  it("answers polls as their records come, in any order", () => {
    const { bench, pipe, fetch } = fetching();
    fetch(1, 1, 1000);
    fetch(2, 0, 1000);
    bench.put(["a"]);
    bench.settle();
    bench.put(["b"]);
    bench.settle();
    const answers = pipe.sent.map((message) => decodeFetchResponse(message));
    const texts = answers.map((answer) =>
      answer.failure === undefined
        ? [answer.requestId, answer.slices.flatMap(({ records }) => recordTexts([records]))]
        : answer.failure,
    );
    expect(texts).toEqual([
      [2, ["a"]],
      [1, ["b"]],
    ]);
  });

  it("ends its polls when its caller goes away", () => {
    const { bench, pipe, fetch } = fetching();
    fetch(1, 0, 1000);
    expect(bench.leader.hosted.tail.size).toBe(1);
    pipe.lose();
    expect(bench.leader.hosted.tail.size).toBe(0);
  });

  it("reads no further than a bounded number of unanswered polls", () => {
    const { bench, pipe, fetch } = fetching();
    for (let id = 1; id < FETCHES_PER_STREAM_MAX; id++) fetch(id, 0, 1000);
    expect(pipe.paused).toBe(false);
    fetch(FETCHES_PER_STREAM_MAX, 0, 1000);
    expect(pipe.paused).toBe(true);
    bench.clock.advance(1000);
    expect([pipe.paused, pipe.sent.length]).toEqual([false, FETCHES_PER_STREAM_MAX]);
  });
});
