import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { RecordingLogger } from "@millrace/base/testing";
import type { StatusResponse, TailResponse } from "@millrace/proto";
import { MetadataService, NodeService } from "@millrace/proto";
import { afterEach, describe, expect, it } from "vitest";

import { SYSTEM_CLOCK } from "../testing/system-clock.ts";
import { ControlChannel } from "./control-channel.ts";
import type { ControlServerOptions } from "./control-server.ts";
import { createControlServer } from "./control-server.ts";
import type { ControlHandlers, MessageSink } from "./control-service.ts";
import { controlService } from "./control-service.ts";

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanup.splice(0).toReversed()) await run();
});

async function serve(
  node: ControlHandlers<typeof NodeService, string>,
  metadata: ControlHandlers<typeof MetadataService, string> = {},
  options: Partial<ControlServerOptions<string>> = {},
): Promise<number> {
  const server = await createControlServer<string>({
    host: "127.0.0.1",
    port: 0,
    services: [controlService(NodeService, node), controlService(MetadataService, metadata)],
    authenticate: (call) => call.header("x-key") ?? "nobody",
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
    ...options,
  });
  cleanup.push(() => server.close(0));
  return server.port;
}

function dial(port: number, key?: string): ControlChannel {
  const channel = new ControlChannel({
    address: `127.0.0.1:${port}`,
    metadata: () => (key === undefined ? {} : { "x-key": key }),
  });
  cleanup.push(() => channel.close());
  return channel;
}

const thrownBy = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );
const status = (port: number, deadlineMs = 5000): Promise<StatusResponse> =>
  dial(port, "K1").call(NodeService.Status, {}, { deadlineMs });

describe("a unary call", () => {
  it("gives the handler the request, path, principal and metadata, and the caller the answer", async () => {
    const seen: unknown[] = [];
    const port = await serve({
      unary: {
        Locate: (request, call) => {
          seen.push(request.groupId, call.path, call.principal, call.header("x-key"));
          return { offset: request.timestampMs };
        },
      },
    });
    const request = { groupId: 7, position: "AT_TIMESTAMP", timestampMs: 1_700_000_000_000 };
    const answer = await dial(port, "K1").call(NodeService.Locate, request, { deadlineMs: 5000 });
    expect(answer).toEqual({ offset: 1_700_000_000_000, trimOffset: 0, endOffset: 0 });
    expect(seen).toEqual([7, NodeService.Locate.path, "K1", "K1"]);
  });

  it("fails with the code, text and hint that the handler threw", async () => {
    const hint = { leaderNodeId: 2, leaderAddress: "10.0.0.2:7000" };
    const port = await serve({
      unary: {
        Status: () => {
          throw new StreamError("not-leader", "node 2 leads", { hint });
        },
      },
    });
    expect(await thrownBy(status(port))).toMatchObject({
      name: "StreamError",
      code: "not-leader",
      message: "node 2 leads",
      hint,
    });
  });

  it("fails as internal for a bug, whose stack is logged", async () => {
    const logger = new RecordingLogger();
    const bug = async (): Promise<never> => {
      await Promise.resolve();
      throw new TypeError("x is undefined");
    };
    const port = await serve({ unary: { Status: bug } }, {}, { logger });
    expect(await thrownBy(status(port))).toMatchObject({ code: "internal" });
    expect(logger.lines).toMatchObject([
      { level: "error", message: "call failed", fields: { path: NodeService.Status.path } },
    ]);
    expect(String(logger.lines[0]?.fields["error"])).toContain("TypeError: x is undefined\n");
  });

  it("is refused with what authenticate threw", async () => {
    const refuse = (): never => {
      throw new StreamError("unauthenticated", "key K1 is not known");
    };
    const port = await serve({ unary: { Status: () => ({}) } }, {}, { authenticate: refuse });
    expect(await thrownBy(status(port))).toMatchObject({
      code: "unauthenticated",
      message: "key K1 is not known",
    });
  });

  it("is unsupported where no handler is", async () => {
    expect(await thrownBy(status(await serve({})))).toMatchObject({ code: "unsupported" });
  });

  it("fails with deadline, and the handler's signal is aborted", async () => {
    const aborted = { count: 0 };
    const port = await serve({
      unary: {
        Status: (_request, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener("abort", () => {
              aborted.count += 1;
              resolve({});
            });
          }),
      },
    });
    expect(await thrownBy(status(port, 50))).toMatchObject({ code: "deadline" });
    await expect.poll(() => aborted.count).toBe(1);
  });

  it("fails with cancelled when the caller's signal is aborted, before or during the call", async () => {
    const port = await serve({ unary: { Status: () => new Promise(() => {}) } });
    const abort = new AbortController();
    const call = dial(port).call(
      NodeService.Status,
      {},
      { deadlineMs: 5000, signal: abort.signal },
    );
    abort.abort();
    expect(await thrownBy(call)).toMatchObject({ code: "cancelled" });
    const late = dial(port).call(
      NodeService.Status,
      {},
      { deadlineMs: 5000, signal: abort.signal },
    );
    expect(await thrownBy(late)).toMatchObject({ code: "cancelled" });
  });

  it("is unavailable where nobody listens: nothing can have been stored", async () => {
    const server = await createControlServer({
      host: "127.0.0.1",
      port: 0,
      services: [],
      authenticate: () => undefined,
      clock: SYSTEM_CLOCK,
      logger: SILENT_LOGGER,
    });
    await server.close(0);
    expect(await thrownBy(status(server.port))).toMatchObject({ code: "unavailable" });
  });

  it("needs a deadline of at least 1 ms", async () => {
    expect(await thrownBy(status(1, 0))).toMatchObject({
      code: "invalid-argument",
      message: "deadlineMs is 0, but must be in 1..600000",
    });
  });
});

describe("a server stream", () => {
  it("carries messages in order and the good end", async () => {
    const port = await serve(
      {},
      {
        streams: {
          Tail: ({ fromIndex }, sink) => {
            for (let index = 1; index <= 3; index += 1) {
              sink.send({ heartbeat: { index: fromIndex + index } });
            }
            sink.end();
          },
        },
      },
    );
    const events: TailResponse[] = [];
    const end = await new Promise((resolve) => {
      dial(port).serverStream(
        MetadataService.Tail,
        { fromIndex: 10 },
        { onMessage: (event) => events.push(event), onEnd: resolve },
      );
    });
    expect(end).toBeUndefined();
    expect(events.map(({ heartbeat }) => heartbeat?.index)).toEqual([11, 12, 13]);
  });

  it("ends with the handler's error after the messages before it", async () => {
    const port = await serve(
      {},
      {
        streams: {
          Tail: (_request, sink) => {
            sink.send({ heartbeat: { index: 1 } });
            throw new StreamError("stale-epoch", "another cluster", { hint: { shardEpoch: 3 } });
          },
        },
      },
    );
    const events: TailResponse[] = [];
    const end = await new Promise((resolve) => {
      dial(port).serverStream(
        MetadataService.Tail,
        {},
        { onMessage: (event) => events.push(event), onEnd: resolve },
      );
    });
    expect(end).toMatchObject({ code: "stale-epoch", hint: { shardEpoch: 3 } });
    expect(events.length).toBe(1);
  });

  it("tells the sink when the caller cancels, and the caller that it did", async () => {
    const over = { count: 0 };
    const port = await serve(
      {},
      {
        streams: {
          Tail: (_request, sink) => {
            sink.onEnd(() => void (over.count += 1));
            sink.send({ heartbeat: { index: 1 } });
          },
        },
      },
    );
    const end = await new Promise((resolve) => {
      const call = dial(port).serverStream(
        MetadataService.Tail,
        {},
        { onMessage: () => call.cancel(), onEnd: resolve },
      );
    });
    expect(end).toMatchObject({ code: "cancelled" });
    await expect.poll(() => over.count).toBe(1);
  });

  it("bounds what waits for a caller that does not read", async () => {
    let refused: unknown;
    const port = await serve(
      {},
      {
        streams: {
          Tail: (_request, sink: MessageSink<object>) => {
            const snapshot = { changes: [{ key: "k", value: Buffer.alloc(1024 * 1024) }] };
            try {
              for (let count = 0; count < 1000; count += 1) sink.send({ snapshot });
            } catch (error) {
              refused = error;
            }
            sink.end(new StreamError("overloaded", "too slow"));
          },
        },
      },
    );
    const end = await new Promise((resolve) => {
      dial(port).serverStream(MetadataService.Tail, {}, { onMessage: () => {}, onEnd: resolve });
    });
    expect(refused).toMatchObject({ code: "overloaded" });
    expect(end).toMatchObject({ code: "overloaded" });
  });
});
