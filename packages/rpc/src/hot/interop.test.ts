/**
 * Our codec against grpc-js, in both directions, and against itself: the same scenario for each pair.
 */
import * as grpc from "@grpc/grpc-js";
import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { DataService } from "@millrace/proto";
import { afterEach, describe, expect, it } from "vitest";

import { errorOfStatus, ERROR_KEY } from "../status.ts";
import { SYSTEM_CLOCK } from "../testing/system-clock.ts";
import { HotChannel } from "./hot-channel.ts";
import { createHotServer } from "./hot-server.ts";
import type { CallInfo, HotStream } from "./hot-stream.ts";

const MIB = 1024 * 1024;
const PATH = DataService.Append.path;

/** What the scenario needs of a client stream, whoever made it. */
interface Caller {
  send(message: Buffer): void;
  halfClose(): void;
  cancel(): void;
  readonly messages: Buffer[];
  /** Resolves with the error, or undefined for status 0. */
  readonly end: Promise<StreamError | undefined>;
  /** Resolves when `messages` has this many. */
  received(count: number): Promise<void>;
}

/** What the server saw, whoever it was. */
interface Seen {
  cancelled: number;
  halfClosed: number;
  headers: Record<string, string>;
}
interface Served {
  readonly port: number;
  readonly seen: Seen;
}

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanup.splice(0).toReversed()) await run();
});

const identity = (bytes: Buffer): Buffer => bytes;
const RAW: grpc.MethodDefinition<Buffer, Buffer> = {
  path: PATH,
  requestStream: true,
  responseStream: true,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

/** Echoes; `fail` as a message ends the call with an error, `bye` with success. */
async function ownServer(): Promise<Served> {
  const seen: Seen = { cancelled: 0, halfClosed: 0, headers: {} };
  const echo = (stream: HotStream, call: CallInfo): void => {
    seen.headers = { ...call.headers };
    stream.onMessage((message) => {
      const text = message.length < 10 ? message.toString() : "";
      if (text === "fail") stream.end(NOT_LEADER);
      else if (text === "bye") stream.end();
      else stream.send([message]);
    });
    stream.onHalfClose(() => {
      seen.halfClosed += 1;
      stream.send([Buffer.from("after half close")]);
      stream.end();
    });
    stream.onEnd((error) => {
      if (error?.code === "cancelled") seen.cancelled += 1;
    });
  };
  const server = await createHotServer({
    host: "127.0.0.1",
    port: 0,
    services: { [PATH]: echo },
    authenticate: () => "anyone",
    logger: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
  cleanup.push(() => server.close(0));
  return { port: server.port, seen };
}

const NOT_LEADER = new StreamError("not-leader", "node 2 leads, 100 % sure: ü", {
  hint: { leaderNodeId: 2, leaderAddress: "10.0.0.2:7000", term: 9 },
});

async function grpcJsServer(): Promise<Served> {
  const seen: Seen = { cancelled: 0, halfClosed: 0, headers: {} };
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(
    { Append: RAW },
    {
      Append: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        for (const [name, value] of Object.entries(call.metadata.getMap())) {
          seen.headers[name] = typeof value === "string" ? value : value.toString("base64");
        }
        call.on("data", (message: Buffer) => {
          const text = message.length < 10 ? message.toString() : "";
          if (text === "fail") {
            const metadata = new grpc.Metadata();
            const { code, hint, message: details } = NOT_LEADER;
            metadata.set(ERROR_KEY, Buffer.from(JSON.stringify({ code, hint, message: details })));
            call.emit("error", { code: 9, details, metadata });
          } else if (text === "bye") call.end();
          else call.write(message);
        });
        call.on("end", () => {
          seen.halfClosed += 1;
          call.write(Buffer.from("after half close"));
          call.end();
        });
        call.on("cancelled", () => {
          seen.cancelled += 1;
        });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  cleanup.push(() => server.forceShutdown());
  return { port, seen };
}

class Inbox {
  readonly messages: Buffer[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  add(message: Buffer): void {
    this.messages.push(Buffer.from(message));
    const ready = this.#waiting.filter(({ count }) => this.messages.length >= count);
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
  received(count: number): Promise<void> {
    if (this.messages.length >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
    });
  }
}

type CallOptions = {
  readonly metadata?: Record<string, string | Buffer>;
  readonly timeoutMs?: number;
};

function ownCaller(port: number, { metadata = {}, timeoutMs }: CallOptions = {}): Caller {
  const channel = new HotChannel({
    address: `127.0.0.1:${port}`,
    logger: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
  cleanup.push(() => channel.close());
  const inbox = new Inbox();
  const stream = channel.open(PATH, metadata, timeoutMs === undefined ? {} : { timeoutMs });
  stream.onMessage((message) => inbox.add(message));
  return {
    send: (message) => void stream.send([message]),
    halfClose: () => stream.end(),
    cancel: () => stream.cancel(new StreamError("cancelled", "no longer wanted")),
    messages: inbox.messages,
    received: (count) => inbox.received(count),
    end: new Promise((resolve) => {
      stream.onEnd(resolve);
    }),
  };
}

function grpcJsCaller(port: number, { metadata = {}, timeoutMs }: CallOptions = {}): Caller {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.use_local_subchannel_pool": 1,
  });
  cleanup.push(() => client.close());
  const headers = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
  const call = client.makeBidiStreamRequest(
    PATH,
    identity,
    identity,
    headers,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
  const inbox = new Inbox();
  call.on("data", (message: Buffer) => inbox.add(message));
  call.on("error", () => {}); // told by status as well
  return {
    send: (message) => void call.write(message),
    halfClose: () => call.end(),
    cancel: () => call.cancel(),
    messages: inbox.messages,
    received: (count) => inbox.received(count),
    end: new Promise((resolve) => {
      call.on("status", ({ code, details, metadata: trailers }) => {
        const told = trailers.get(ERROR_KEY)[0];
        const bytes = told === undefined || typeof told === "string" ? undefined : told;
        resolve(code === grpc.status.OK ? undefined : errorOfStatus(code, details, bytes));
      });
    }),
  };
}

const PAIRS = [
  { name: "own client, own server", call: ownCaller, serve: ownServer },
  { name: "own client, grpc-js server", call: ownCaller, serve: grpcJsServer },
  { name: "grpc-js client, own server", call: grpcJsCaller, serve: ownServer },
] as const;

describe.each(PAIRS)("a bidirectional stream: $name", ({ call, serve }) => {
  it("carries 20000 messages of many sizes in order", async () => {
    const { port } = await serve();
    const caller = call(port);
    const sent = Array.from({ length: 20_000 }, (_, index) =>
      Buffer.alloc(10 + ((index * 37) % 300), index & 0xff),
    );
    for (const message of sent) caller.send(message);
    caller.halfClose();
    expect(await caller.end).toBeUndefined();
    expect(Buffer.concat(caller.messages.slice(0, -1)).equals(Buffer.concat(sent))).toBe(true);
    expect(caller.messages.length).toBe(sent.length + 1);
  });

  it("carries empty messages and messages of 1 MiB and 10 MiB", async () => {
    const { port } = await serve();
    const caller = call(port);
    const sent = [0, MIB, 10 * MIB, 3, 16_384, 65_531].map((length, index) =>
      Buffer.alloc(length, index + 1),
    );
    for (const message of sent) caller.send(message);
    await caller.received(sent.length);
    caller.halfClose();
    expect(await caller.end).toBeUndefined();
    expect(
      caller.messages.slice(0, -1).map((one, index) => one.equals(sent[index] as Buffer)),
    ).toEqual(sent.map(() => true));
  });

  it("answers after the half close and ends with success", async () => {
    const { port, seen } = await serve();
    const caller = call(port);
    caller.send(Buffer.from("one"));
    caller.halfClose();
    expect(await caller.end).toBeUndefined();
    expect(caller.messages.map(String)).toEqual(["one", "after half close"]);
    expect(seen.halfClosed).toBe(1);
  });

  it("ends with success before the client has half-closed", async () => {
    const { port } = await serve();
    const caller = call(port);
    caller.send(Buffer.from("one"));
    caller.send(Buffer.from("bye"));
    expect(await caller.end).toBeUndefined();
    expect(caller.messages.map(String)).toEqual(["one"]);
  });

  it("tells an error with its code, text and hint, after the messages before it", async () => {
    const { port } = await serve();
    const caller = call(port);
    caller.send(Buffer.from("one"));
    caller.send(Buffer.from("fail"));
    const error = await caller.end;
    expect([error?.code, error?.message, error?.hint]).toEqual([
      NOT_LEADER.code,
      NOT_LEADER.message,
      NOT_LEADER.hint,
    ]);
    expect(caller.messages.map(String)).toEqual(["one"]);
  });

  it("carries text and binary metadata", async () => {
    const { port, seen } = await serve();
    const key = Buffer.from([0, 255, 128, 1]);
    const caller = call(port, { metadata: { "x-kind": "bulk", "x-key-bin": key } });
    caller.send(Buffer.from("one"));
    await caller.received(1);
    expect(seen.headers["x-kind"]).toBe("bulk");
    expect(Buffer.from(seen.headers["x-key-bin"] ?? "", "base64")).toEqual(key);
  });

  it("ends with deadline when the time is up", async () => {
    const { port } = await serve();
    const caller = call(port, { timeoutMs: 50 });
    caller.send(Buffer.from("one"));
    expect((await caller.end)?.code).toBe("deadline");
  });

  it("cancels at both ends", async () => {
    const { port, seen } = await serve();
    const caller = call(port);
    caller.send(Buffer.from("one"));
    await caller.received(1);
    caller.cancel();
    expect((await caller.end)?.code).toBe("cancelled");
    await expect.poll(() => seen.cancelled).toBe(1);
  });
});
