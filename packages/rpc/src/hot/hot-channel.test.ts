/** Connections that are refused, lost, silent or closed. */
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";

import type { StreamError } from "@millrace/base";
import { afterEach, describe, expect, it } from "vitest";

import { echo, endOf, HotWorld, messageOf, TEST_PATH } from "../testing/hot-world.ts";
import { systemCodeOf } from "./hot-channel.ts";
import type { HotStream } from "./hot-stream.ts";

const PATH = TEST_PATH;
const MIB = 1024 * 1024;
const world = new HotWorld();
afterEach(() => world.close());

const codeAndText = (error: StreamError | undefined) => [error?.code, error?.message];

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
  world.onClose(() => {
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
    const { port } = await world.serve({
      services: {
        [PATH]: (stream) => {
          echo(stream);
          stream.onEnd((error) => ends.push(`server: ${error?.code}`));
        },
      },
    });
    const proxy = await proxyTo(port);
    const channel = world.dial(proxy.port);
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
    const { port } = await world.serve();
    const proxy = await proxyTo(port);
    const channel = world.dial(proxy.port, { limits: { pingIntervalMs: 30, pingTimeoutMs: 100 } });
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
    const server = await world.serve();
    await server.close(0);
    return server.port;
  }

  it("is told at once, with the system's code, as unavailable", async () => {
    const channel = world.dial(await freePort());
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
    const channel = world.dial(port);
    channel.connect();
    await expect.poll(() => channel.state).toBe("down");
    await world.serve({ port });
    await expect.poll(() => channel.state, { timeout: 5000 }).toBe("ready");
  });
});

describe("closing", () => {
  it("of a server lets streams end by themselves within the grace", async () => {
    let served: HotStream | undefined;
    const server = await world.serve({
      services: {
        [PATH]: (stream) => {
          served = stream;
          echo(stream);
        },
      },
    });
    const channel = world.dial(server.port);
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
    const server = await world.serve();
    const stream = world.dial(server.port).open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const ended = endOf(stream);
    await server.close(10);
    expect(codeAndText(await ended)).toEqual(["unavailable", "this process is shutting down"]);
  });

  it("of a channel ends streams that a leaving server still has", async () => {
    const server = await world.serve();
    const channel = world.dial(server.port);
    const stream = channel.open(PATH);
    const answer = messageOf(stream);
    stream.send([Buffer.from("one")]);
    await answer;
    const ended = endOf(stream);
    const closed = server.close(10_000);
    await expect.poll(() => channel.state).not.toBe("ready");
    channel.close();
    expect((await ended)?.code).toBe("indeterminate");
    await closed;
  });

  it("of a channel ends its streams, and later ones fail", async () => {
    const { port } = await world.serve();
    const channel = world.dial(port);
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
