/** Refusals, limits and ends of hot streams that the interop scenarios do not reach. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import { StreamError } from "@millrace/base";
import { RecordingLogger } from "@millrace/base/testing";
import { afterEach, describe, expect, it } from "vitest";

import { echo, endOf, HotWorld, messageOf, TEST_PATH } from "../testing/hot-world.ts";

const PATH = TEST_PATH;
const world = new HotWorld();
afterEach(() => world.close());
const codeAndText = (error: StreamError | undefined) => [error?.code, error?.message];

/** A call made with node:http2 alone, so that it may break every rule. */
async function rawCall(port: number, headers: OutgoingHttpHeaders): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  world.onClose(() => session.destroy());
  const request = session.request(headers, { endStream: false });
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
}

describe("a refused call", () => {
  it("of a method that is not served is unsupported", async () => {
    const { port } = await world.serve();
    const stream = world.dial(port).open("/test.v1.Test/Other");
    expect(codeAndText(await endOf(stream))).toEqual([
      "unsupported",
      "method /test.v1.Test/Other is not served on this port",
    ]);
  });

  it("gives the code and hint that authenticate threw, and the handler never runs", async () => {
    let handled = 0;
    const { port } = await world.serve({
      services: { [PATH]: () => void (handled += 1) },
      authenticate: async ({ headers }) => {
        await Promise.resolve();
        throw new StreamError("unauthenticated", `key ${headers["x-key"] ?? "?"} is not known`);
      },
    });
    const stream = world.dial(port, { metadata: () => ({ "x-key": "K1" }) }).open(PATH);
    stream.send([Buffer.from("early")]);
    expect(codeAndText(await endOf(stream))).toEqual(["unauthenticated", "key K1 is not known"]);
    expect(handled).toBe(0);
  });

  it("with compression, another content type or a bad timeout is told so in headers alone", async () => {
    const { port } = await world.serve();
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
    const { port } = await world.serve({
      logger,
      services: {
        [PATH]: () => {
          throw new TypeError("x is undefined");
        },
      },
    });
    const stream = world.dial(port).open(PATH);
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
    const { port } = await world.serve({
      authenticate: (call) => Promise.resolve(`${call.headers["x-key"] ?? ""}!`),
      services: {
        [PATH]: (stream, call) => {
          seen.push(call.principal, call.path, call.peer.startsWith("127.0.0.1:"));
          echo(stream);
        },
      },
    });
    const stream = world.dial(port).open(PATH, { "x-key": "K1" });
    stream.send([Buffer.from("hello")]);
    expect(String(await messageOf(stream))).toBe("hello");
    expect(seen).toEqual(["K1!", PATH, true]);
  });
});

describe("a message above the bound", () => {
  const limits = { messageBytesMax: 1000 };

  it("ends its stream with limit-exceeded at the server, and the connection goes on", async () => {
    const { port } = await world.serve({ limits });
    const channel = world.dial(port);
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
    const { port } = await world.serve({
      services: { [PATH]: (stream) => void stream.send([Buffer.alloc(1001)]) },
    });
    const stream = world.dial(port, { limits }).open(PATH);
    stream.onMessage(() => {});
    expect((await endOf(stream))?.code).toBe("limit-exceeded");
  });
});

describe("a compressed message", () => {
  it("is refused as unsupported", async () => {
    const { port } = await world.serve();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    world.onClose(() => session.destroy());
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

describe("the end of a stream", () => {
  it("drops what the server sends after its own end", async () => {
    const { port } = await world.serve({
      services: {
        [PATH]: (stream) => {
          stream.onMessage((message) => {
            stream.send([message]);
            stream.end();
            stream.send([Buffer.from("too late")]);
            stream.end(new StreamError("internal", "a second end changes nothing"));
          });
        },
      },
    });
    const stream = world.dial(port).open(PATH);
    const received: string[] = [];
    stream.onMessage((message) => received.push(message.toString()));
    stream.send([Buffer.from("one")]);
    expect([await endOf(stream), received]).toEqual([undefined, ["one"]]);
  });

  it("is told to the server as cancelled when the client cancels", async () => {
    const ends: unknown[] = [];
    const { port } = await world.serve({
      services: {
        [PATH]: (stream) => {
          echo(stream);
          stream.onEnd((error) => ends.push(error?.code));
        },
      },
    });
    const stream = world.dial(port).open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const reason = new StreamError("overloaded", "enough");
    stream.cancel(reason);
    expect(await endOf(stream)).toBe(reason);
    await expect.poll(() => ends).toEqual(["cancelled"]);
  });

  it("frees the stream of a client that never closes its half", async () => {
    const served: ServerEnd[] = [];
    const { port } = await world.serve({
      services: {
        [PATH]: (stream) => {
          const end: ServerEnd = { error: "open" };
          served.push(end);
          stream.onEnd((error) => {
            end.error = error;
          });
          stream.end();
        },
      },
    });
    const answer = await rawCall(port, {
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
    });
    expect(answer[":status"]).toBe(200);
    await expect.poll(() => served, { timeout: 5000 }).toEqual([{ error: undefined }]);
  });
});

interface ServerEnd {
  error: unknown;
}
