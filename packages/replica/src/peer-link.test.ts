import { SILENT_LOGGER, type Clock } from "@millrace/base";
import { createHotServer, type HotServer } from "@millrace/rpc";
import { afterEach, describe, expect, it } from "vitest";

import { EXCHANGE_PATH, HotPeerTransport } from "./index.ts";

/** The real clock: these tests are about real sockets. */
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (run) => {
    setImmediate(run);
  },
};

interface Node {
  readonly transport: HotPeerTransport;
  readonly server: HotServer;
  readonly links: string[];
  readonly frames: string[];
}

const nodes: Node[] = [];

async function startNode(nodeId: number): Promise<Node> {
  const incarnation = String(nodeId).padStart(32, "0");
  const transport = new HotPeerTransport({
    nodeId,
    incarnation,
    bootEpoch: 1,
    clock,
    logger: SILENT_LOGGER,
    metadata: () => ({ "millrace-secret": "open" }),
  });
  const server = await createHotServer({
    host: "127.0.0.1",
    port: 0,
    services: { [EXCHANGE_PATH]: (stream, call) => transport.acceptPeerStream(stream, call) },
    authenticate: (call) => call.headers["millrace-secret"],
    clock,
    logger: SILENT_LOGGER,
  });
  const links: string[] = [];
  const frames: string[] = [];
  transport.onLink((peer, state) => links.push(`${peer} ${state}`));
  transport.onFrame((from, trafficClass, frame) => {
    frames.push(
      `${from} ${trafficClass} ${frame.length} ${Buffer.from(frame).toString("latin1", 0, 8)}`,
    );
  });
  const node = { transport, server, links, frames };
  nodes.push(node);
  return node;
}

/** Waits for what the sockets bring. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not come within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

afterEach(async () => {
  for (const { transport } of nodes) transport.close();
  await Promise.all(nodes.splice(0).map(({ server }) => server.close(0)));
});

describe("links between nodes over sockets", () => {
  it("carry frames of each class in order, up to the largest", async () => {
    const [a, b] = [await startNode(1), await startNode(2)];
    a.transport.connect(2, `127.0.0.1:${b.server.port}`);
    await until(() => a.links.includes("2 up"));
    await until(() => a.transport.send(2, "bulk", [Buffer.from("warm")]));
    await until(() => a.transport.send(2, "append", [Buffer.from("first "), Buffer.from("frame")]));
    a.transport.send(2, "append", [Buffer.alloc(16 * 1024 * 1024, "x")]);
    a.transport.send(2, "control", [Buffer.from("vote")]);
    await until(() => b.frames.length === 4);
    expect(b.frames.filter((frame) => frame.includes("append"))).toEqual([
      "1 append 11 first fr",
      `1 append ${16 * 1024 * 1024} xxxxxxxx`,
    ]);
    expect(b.frames).toContain("1 control 4 vote");
    expect(b.frames).toContain("1 bulk 4 warm");
  });

  it("tell at once when the process at the other end is gone, and come up again", async () => {
    const [a, b] = [await startNode(1), await startNode(2)];
    const { port } = b.server;
    a.transport.connect(2, `127.0.0.1:${port}`);
    await until(() => a.links.includes("2 up"));
    b.transport.close();
    await b.server.close(0);
    nodes.splice(nodes.indexOf(b), 1);
    await until(() => a.links.includes("2 refused"));
    expect(a.transport.send(2, "control", [Buffer.from("lost")])).toBe(false);
  });

  it("do not take another node's answer for the peer's", async () => {
    const [a, b] = [await startNode(1), await startNode(2)];
    a.transport.connect(3, `127.0.0.1:${b.server.port}`);
    a.transport.connect(2, `127.0.0.1:${b.server.port}`);
    await until(() => a.links.includes("2 up"));
    expect(a.links).not.toContain("3 up");
    expect(a.transport.send(3, "control", [Buffer.from("x")])).toBe(false);
  });

  it("refuse to wait for more than 32 MiB", async () => {
    const [a, b] = [await startNode(1), await startNode(2)];
    a.transport.connect(2, `127.0.0.1:${b.server.port}`);
    await until(() => a.links.includes("2 up"));
    await until(() => a.transport.send(2, "append", [Buffer.from("warm")]));
    const frame = Buffer.alloc(8 * 1024 * 1024);
    const taken = Array.from({ length: 8 }, () => a.transport.send(2, "append", [frame]));
    expect(taken.filter((one) => one).length).toBeLessThanOrEqual(5);
    expect(taken.at(-1)).toBe(false);
  });
});
