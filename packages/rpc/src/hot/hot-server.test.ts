/** What the interop scenarios do not reach: refusals, limits, lost connections, shutdown, flow control. */
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";

import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { RecordingLogger } from "@millrace/base/testing";
import { afterEach, describe, expect, it } from "vitest";

import { SYSTEM_CLOCK } from "../testing/system-clock.ts";
import type { HotChannelOptions } from "./hot-channel.ts";
import { HotChannel, systemCodeOf } from "./hot-channel.ts";
import type { HotServer, HotServerOptions } from "./hot-server.ts";
import { createHotServer } from "./hot-server.ts";
import type { HotStream } from "./hot-stream.ts";

const PATH = "/test.v1.Test/Talk";
const MIB = 1024 * 1024;

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanup.splice(0).toReversed()) await run();
});

const echo = (stream: HotStream): void =>
  stream.onMessage((message) => void stream.send([message]));

async function serve(options: Partial<HotServerOptions<unknown>> = {}): Promise<HotServer> {
  const server = await createHotServer({
    host: "127.0.0.1",
    port: 0,
    services: { [PATH]: echo },
    authenticate: () => undefined,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
    ...options,
  });
  cleanup.push(() => server.close(0));
  return server;
}

function dial(port: number, options: Partial<HotChannelOptions> = {}): HotChannel {
  const channel = new HotChannel({
    address: `127.0.0.1:${port}`,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
    ...options,
  });
  cleanup.push(() => channel.close());
  return channel;
}

const endOf = (stream: HotStream): Promise<StreamError | undefined> =>
  new Promise((resolve) => {
    stream.onEnd(resolve);
  });
const messageOf = (stream: HotStream): Promise<Buffer> =>
  new Promise((resolve) => {
    stream.onMessage((message) => resolve(Buffer.from(message)));
  });
const codeAndText = (error: StreamError | undefined) => [error?.code, error?.message];

/** A call made with node:http2 alone, so that it may break every rule. */
async function rawCall(port: number, headers: OutgoingHttpHeaders): Promise<IncomingHttpHeaders> {
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  cleanup.push(() => session.destroy());
  const request = session.request(headers, { endStream: false });
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
}

describe("a refused call", () => {
  it("of a method that is not served is unsupported", async () => {
    const { port } = await serve();
    const stream = dial(port).open("/test.v1.Test/Other");
    expect(codeAndText(await endOf(stream))).toEqual([
      "unsupported",
      "method /test.v1.Test/Other is not served on this port",
    ]);
  });

  it("gives the code and hint that authenticate threw, and the handler never runs", async () => {
    let handled = 0;
    const { port } = await serve({
      services: { [PATH]: () => void (handled += 1) },
      authenticate: async ({ headers }) => {
        await Promise.resolve();
        throw new StreamError("unauthenticated", `key ${headers["x-key"] ?? "?"} is not known`);
      },
    });
    const stream = dial(port, { metadata: () => ({ "x-key": "K1" }) }).open(PATH);
    stream.send([Buffer.from("early")]);
    expect(codeAndText(await endOf(stream))).toEqual(["unauthenticated", "key K1 is not known"]);
    expect(handled).toBe(0);
  });

  it("with compression, another content type or a bad timeout is told so in headers alone", async () => {
    const { port } = await serve();
    const good = { ":method": "POST", ":path": PATH, "content-type": "application/grpc" };
    const answers = await Promise.all(
      [
        { ...good, "grpc-encoding": "gzip" },
        { ...good, "content-type": "application/json" },
        { ...good, "grpc-timeout": "soon" },
      ].map((headers) => rawCall(port, headers)),
    );
    expect(answers.map((one) => [one[":status"], one["grpc-status"]])).toEqual([
      [200, "12"],
      [200, "12"],
      [200, "3"],
    ]);
  });

  it("by a handler with a bug is internal, and the stack is logged", async () => {
    const logger = new RecordingLogger();
    const { port } = await serve({
      logger,
      services: {
        [PATH]: () => {
          throw new TypeError("x is undefined");
        },
      },
    });
    const stream = dial(port).open(PATH);
    stream.onMessage(() => {});
    expect(codeAndText(await endOf(stream))).toEqual(["internal", "x is undefined"]);
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ["error", "data call failed"],
    ]);
  });
});

describe("the principal", () => {
  it("of authenticate reaches the handler, with path, metadata and peer", async () => {
    const seen: unknown[] = [];
    const { port } = await serve({
      authenticate: (call) => Promise.resolve(`${call.headers["x-key"] ?? ""}!`),
      services: {
        [PATH]: (stream, call) => {
          seen.push(call.principal, call.path, call.peer.startsWith("127.0.0.1:"));
          echo(stream);
        },
      },
    });
    const stream = dial(port).open(PATH, { "x-key": "K1" });
    stream.send([Buffer.from("hello")]);
    expect(String(await messageOf(stream))).toBe("hello");
    expect(seen).toEqual(["K1!", PATH, true]);
  });
});

describe("a message above the bound", () => {
  const limits = { messageBytesMax: 1000 };

  it("ends its stream with limit-exceeded at the server, and the connection goes on", async () => {
    const { port } = await serve({ limits });
    const channel = dial(port);
    const other = channel.open(PATH);
    const answered = messageOf(other);
    const stream = channel.open(PATH);
    stream.onMessage(() => {});
    stream.send([Buffer.alloc(1001)]);
    expect(codeAndText(await endOf(stream))).toEqual([
      "limit-exceeded",
      "message length is 1001 bytes, but must be in 0..1000",
    ]);
    other.send([Buffer.from("still here")]);
    expect(String(await answered)).toBe("still here");
  });

  it("ends its stream at the client too", async () => {
    const { port } = await serve({
      services: { [PATH]: (stream) => void stream.send([Buffer.alloc(1001)]) },
    });
    const stream = dial(port, { limits }).open(PATH);
    stream.onMessage(() => {});
    expect((await endOf(stream))?.code).toBe("limit-exceeded");
  });
});

describe("a compressed message", () => {
  it("is refused as unsupported", async () => {
    const { port } = await serve();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    cleanup.push(() => session.destroy());
    const request = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
    });
    request.write(Buffer.from([1, 0, 0, 0, 1, 0]));
    request.resume();
    const trailers = await new Promise<IncomingHttpHeaders>((resolve) => {
      request.on("trailers", resolve);
    });
    expect(trailers["grpc-status"]).toBe("12");
  });
});

describe("flow control", () => {
  it("bounds what a server that reads slowly makes the client hold, and loses nothing", async () => {
    const arrived: number[] = [];
    let served: HotStream | undefined;
    const { port } = await serve({
      services: {
        [PATH]: (stream) => {
          served = stream;
          stream.onMessage((message) => {
            arrived.push(message.readUInt32BE(0));
            if (arrived.length === 1) stream.pause();
            stream.send([message.subarray(0, 4)]);
          });
        },
      },
    });
    const limits = { windowBytes: MIB, queuedBytesMark: 2 * MIB };
    const stream = dial(port, { limits }).open(PATH);
    const answers: number[] = [];
    let count = 0;
    const fill = (): void => {
      for (let more = true; more && count < 400; count += 1) {
        const message = Buffer.alloc(256 * 1024);
        message.writeUInt32BE(count);
        more = stream.send([message]);
      }
    };
    stream.onMessage((message) => answers.push(message.readUInt32BE(0)));
    stream.onDrain(fill);
    fill();
    await expect.poll(() => arrived.length).toBe(1);
    // 16 MiB of the server's window, and the mark of the client's queue with one message above it.
    await expect.poll(() => count * 256 * 1024 >= 16 * MIB).toBe(true);
    expect(stream.queuedBytes).toBeLessThanOrEqual(2 * MIB + 256 * 1024 + 9 * 5);
    expect(count * 256 * 1024).toBeLessThanOrEqual(16 * MIB + 3 * MIB);
    served?.resume();
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(400);
    expect(answers).toEqual(Array.from({ length: 400 }, (_, index) => index));
  });

  it("bounds what a client that reads slowly makes the server hold", async () => {
    let served: HotStream | undefined;
    let sent = 0;
    const { port } = await serve({
      limits: { queuedBytesMark: MIB },
      services: {
        [PATH]: (stream) => {
          served = stream;
          const fill = (): void => {
            for (let more = true; more && sent < 100; sent += 1) {
              more = stream.send([Buffer.alloc(256 * 1024)]);
            }
            if (sent === 100) stream.end();
          };
          stream.onMessage(fill);
          stream.onDrain(fill);
        },
      },
    });
    const stream = dial(port, { limits: { windowBytes: MIB } }).open(PATH);
    let received = 0;
    stream.onMessage(() => {
      received += 1;
      if (received === 1) stream.pause();
    });
    const ended = endOf(stream);
    stream.send([Buffer.from("go")]);
    await expect.poll(() => received).toBe(1);
    await expect.poll(() => (served?.queuedBytes ?? 0) > MIB / 2).toBe(true);
    expect(sent).toBeLessThan(20);
    stream.resume();
    expect([await ended, received]).toEqual([undefined, 100]);
  });

  it("of one paused stream does not hold up another on the same connection", async () => {
    const { port } = await serve({
      services: {
        [PATH]: echo,
        "/test.v1.Test/Stuck": (stream) => {
          stream.onMessage(() => {});
          stream.pause();
        },
      },
    });
    const channel = dial(port);
    const stuck = channel.open("/test.v1.Test/Stuck");
    stuck.onEnd(() => {});
    for (let index = 0; index < 24; index += 1) stuck.send([Buffer.alloc(MIB)]);
    const stream = channel.open(PATH);
    stream.send([Buffer.from("past it")]);
    expect(String(await messageOf(stream))).toBe("past it");
  });
});

/** Forwards to `port` until told to cut or to go silent. */
async function proxyTo(port: number) {
  const sockets = new Set<Socket>();
  const proxy = createTcpServer((near) => {
    const far = connectTcp(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("data", (bytes) => void other.write(bytes));
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  cleanup.push(() => {
    cut();
    proxy.close();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    cut,
    silence: () => {
      for (const socket of sockets) socket.pause();
    },
  };
}

describe("a lost connection", () => {
  it("ends the streams of both sides exactly once, as indeterminate, and the channel comes back", async () => {
    const ends: string[] = [];
    const { port } = await serve({
      services: {
        [PATH]: (stream) => {
          echo(stream);
          stream.onEnd((error) => ends.push(`server: ${error?.code}`));
        },
      },
    });
    const proxy = await proxyTo(port);
    const channel = dial(proxy.port);
    const states: string[] = [];
    channel.onState((state) => states.push(state));
    const stream = channel.open(PATH);
    stream.onEnd((error) => ends.push(`client: ${error?.code}`));
    const first = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await first;
    for (let index = 0; index < 40; index += 1) stream.send([Buffer.alloc(MIB)]);
    proxy.cut();
    await expect.poll(() => ends.length).toBe(2);
    await expect.poll(() => channel.state).toBe("ready");
    expect(ends.toSorted()).toEqual(["client: indeterminate", "server: indeterminate"]);
    expect(states).toEqual(["connecting", "ready", "down", "connecting", "ready"]);
    const again = channel.open(PATH);
    again.send([Buffer.from("two")]);
    expect(String(await messageOf(again))).toBe("two");
  });

  it("is noticed by ping when the peer falls silent", async () => {
    const { port } = await serve();
    const proxy = await proxyTo(port);
    const channel = dial(proxy.port, { limits: { pingIntervalMs: 30, pingTimeoutMs: 100 } });
    const stream = channel.open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const states: string[] = [];
    channel.onState((state) => states.push(state));
    proxy.silence();
    expect(codeAndText(await endOf(stream))[0]).toBe("indeterminate");
    await expect.poll(() => states[0]).toBe("down");
  });
});

describe("a port where nobody listens", () => {
  async function freePort(): Promise<number> {
    const server = await serve();
    await server.close(0);
    return server.port;
  }

  it("is told at once, with the system's code, as unavailable", async () => {
    const channel = dial(await freePort());
    const told = new Promise<unknown>((resolve) => {
      channel.onState((state, error) => {
        if (state === "down") resolve([error?.code, systemCodeOf(error)]);
      });
    });
    const stream = channel.open(PATH);
    stream.send([Buffer.from("nobody hears")]);
    expect((await endOf(stream))?.code).toBe("unavailable");
    expect(await told).toEqual(["unavailable", "ECONNREFUSED"]);
    const during = await endOf(channel.open(PATH));
    expect([during?.code, systemCodeOf(during)]).toEqual(["unavailable", "ECONNREFUSED"]);
  });

  it("is tried again until somebody does", async () => {
    const port = await freePort();
    const channel = dial(port);
    channel.connect();
    await expect.poll(() => channel.state).toBe("down");
    await serve({ port });
    await expect.poll(() => channel.state, { timeout: 5000 }).toBe("ready");
  });
});

describe("closing", () => {
  it("of a server lets streams end by themselves within the grace", async () => {
    let served: HotStream | undefined;
    const server = await serve({
      services: {
        [PATH]: (stream) => {
          served = stream;
          echo(stream);
        },
      },
    });
    const channel = dial(server.port);
    const stream = channel.open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const ended = endOf(stream);
    const closed = server.close(10_000);
    await expect.poll(() => channel.state).not.toBe("ready"); // told by GOAWAY
    served?.end();
    expect(await ended).toBeUndefined();
    await closed;
  });

  it("of a server ends the streams that remain as unavailable", async () => {
    const server = await serve();
    const stream = dial(server.port).open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const ended = endOf(stream);
    await server.close(10);
    expect(codeAndText(await ended)).toEqual(["unavailable", "this process is shutting down"]);
  });

  it("of a channel ends its streams, and later ones fail", async () => {
    const { port } = await serve();
    const channel = dial(port);
    const stream = channel.open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const ended = endOf(stream);
    channel.close();
    expect((await ended)?.code).toBe("indeterminate");
    expect(codeAndText(await endOf(channel.open(PATH)))[0]).toBe("unavailable");
    expect(channel.state).toBe("closed");
  });
});
