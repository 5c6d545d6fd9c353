/** A proof over a proxy that cuts nothing proves nothing, so the proxy is tried by itself. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { pause, until } from "../../e2e/support/waiting.ts";
import { openDirection, TcpProxy } from "./tcp-proxy.ts";
import type { Direction } from "./tcp-proxy.ts";

/** Long enough for bytes of the loopback to arrive if nothing held them. */
const QUIET_MS = 100;
const ARRIVES_MS_MAX = 5000;

let server: Server;
let proxy: TcpProxy;
let there: Direction;
let back: Direction;
let received: string;
let accepted: Socket[];
const dialled: Socket[] = [];

beforeEach(async () => {
  received = "";
  accepted = [];
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString();
      socket.write(`echo ${bytes.toString()}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  [there, back] = [openDirection(), openDirection()];
  proxy = await TcpProxy.start((server.address() as AddressInfo).port, there, back);
});

afterEach(async () => {
  for (const socket of [...dialled.splice(0), ...accepted]) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): { readonly socket: Socket; text: string; ended: string | undefined } {
  const socket = connect(Number(proxy.address.split(":")[1]), "127.0.0.1");
  const caller: ReturnType<typeof dial> = { socket, text: "", ended: undefined };
  socket.on("data", (bytes) => (caller.text += bytes.toString()));
  socket.on("error", (error: NodeJS.ErrnoException) => (caller.ended = error.code));
  socket.on("close", () => (caller.ended ??= "closed"));
  dialled.push(socket);
  return caller;
}

const arrives = (check: () => boolean) => until("what was sent", ARRIVES_MS_MAX, check);

describe("a proxy between two nodes", () => {
  it("carries both ways, and the end of a connection too", async () => {
    const caller = dial();
    caller.socket.write("a");
    await arrives(() => caller.text === "echo a");
    accepted[0]?.destroySoon();
    await arrives(() => caller.ended === "closed");
  });

  it("holds what goes one way while that way is cut, and carries the other", async () => {
    const caller = dial();
    caller.socket.write("a");
    await arrives(() => caller.text === "echo a");
    there.isCut = true;
    caller.socket.write("b");
    accepted[0]?.write(" other way");
    await arrives(() => caller.text === "echo a other way");
    await pause(QUIET_MS);
    expect(received).toBe("a");
    there.isCut = false;
    await arrives(() => caller.text === "echo a other wayecho b");
  });

  it("hides the end of a connection behind a cut", async () => {
    const caller = dial();
    caller.socket.write("a");
    await arrives(() => caller.text === "echo a");
    back.isCut = true;
    accepted[0]?.destroy();
    await pause(QUIET_MS);
    expect(caller.ended).toBeUndefined();
    back.isCut = false;
    await arrives(() => caller.ended !== undefined);
  });

  it("delays and slows one way", async () => {
    there.delayMs = 100;
    there.bytesPerSecond = 10_000;
    const startedMs = performance.now();
    const caller = dial();
    caller.socket.write("x".repeat(2000));
    caller.socket.once("connect", () => setImmediate(() => caller.socket.write("y")));
    await arrives(() => received.endsWith("y"));
    expect(performance.now() - startedMs).toBeGreaterThan(100);
  });

  it("resets connections", async () => {
    const caller = dial();
    caller.socket.write("a");
    await arrives(() => caller.text === "echo a");
    expect(proxy.reset()).toBe(1);
    await arrives(() => caller.ended === "ECONNRESET");
  });

  it("leaves connections half-open, and carries new ones", async () => {
    const old = dial();
    old.socket.write("a");
    await arrives(() => old.text === "echo a");
    expect(proxy.freeze()).toBe(1);
    old.socket.write("b");
    const young = dial();
    young.socket.write("c");
    await arrives(() => young.text === "echo c");
    await pause(QUIET_MS);
    expect([received, old.text, old.ended]).toEqual(["ac", "echo a", undefined]);
  });
});
