import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

import { afterEach, describe, expect, it } from "vitest";

import type { GatewayOptions } from "../gateway.ts";
import type { GatewayPutOutcome } from "../backend.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import type { RequestParts } from "../testing/test-service.ts";
import { sign } from "../testing/test-service.ts";
import type { TestGateway } from "../testing/test-gateway.ts";
import { startGateway } from "../testing/test-gateway.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../testdata/localhost-${name}.pem`, import.meta.url));
const tls = { cert: pem("cert"), key: pem("key") };

const opened: { readonly gateways: TestGateway[]; readonly sockets: Socket[] } = {
  gateways: [],
  sockets: [],
};
afterEach(async () => {
  for (const socket of opened.sockets.splice(0)) socket.destroy();
  for (const { gateway } of opened.gateways.splice(0)) await gateway.close(0);
});

async function start(options: Partial<GatewayOptions> & { backend?: FakeBackend } = {}) {
  const test = await startGateway(options);
  opened.gateways.push(test);
  return test;
}

function dial({ gateway }: TestGateway): Socket {
  const socket = connect(gateway.port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  opened.sockets.push(socket);
  return socket;
}

/** Everything that comes until `enough` says so, or until the far end closes. */
function receive(socket: Socket, enough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const take = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (enough(text)) finish();
    };
    const finish = () => {
      socket.off("data", take);
      resolve(text);
    };
    socket.on("data", take);
    socket.once("close", finish);
    if (socket.destroyed) finish();
  });
}

const listStreams = (): RequestParts =>
  sign(
    {
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Kinesis_20131202.ListStreams",
      },
      body: "{}",
    },
    Date.now(),
  );

function rawRequest(parts: RequestParts, more: Readonly<Record<string, string>> = {}): string {
  const body = String(parts.body ?? "");
  const headers = { ...parts.headers, "content-length": String(Buffer.byteLength(body)), ...more };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${parts.method ?? "POST"} / HTTP/1.1`, ...lines, "", body].join("\r\n");
}

const LISTED = JSON.stringify({ StreamNames: [], HasMoreStreams: false, StreamSummaries: [] });
const statusOf = (answer: string) => Number(answer.split(" ")[1]);

function overHttp2(
  session: ClientHttp2Session,
  parts: RequestParts,
): Promise<{ status: number; body: string; date: string | undefined }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": "/", ...parts.headers });
    let status = 0;
    let body = "";
    let date: string | undefined;
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      ({ date } = headers);
    });
    stream.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    stream.on("end", () => resolve({ status, body, date }));
    stream.on("error", reject);
    stream.end(parts.body);
  });
}

describe("HTTP/1.1 on the port", () => {
  it("keeps a connection for many requests, also when they come byte by byte", async () => {
    const socket = dial(await start());
    for (let count = 1; count <= 2; count++) {
      const answer = receive(socket, (text) => text.endsWith(LISTED));
      for (const byte of rawRequest(listStreams())) socket.write(byte);
      expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    }
  });

  it("takes a path and a query that mean nothing", async () => {
    const socket = dial(await start());
    const { path: _, ...parts } = listStreams();
    socket.write(rawRequest(parts).replace("POST / ", "GET /some/where?x=1 "));
    expect(statusOf(await receive(socket, (text) => text.includes("</AccessDenied")))).toBe(403);
  });

  it("lets a caller that asks first go on, and refuses one that announces too much before it sends", async () => {
    const test = await start();
    const socket = dial(test);
    const [head, body] = rawRequest(listStreams(), { expect: "100-continue" }).split("\r\n\r\n");
    const goOn = receive(socket, (text) => text.includes("\r\n\r\n"));
    socket.write(`${head}\r\n\r\n`);
    expect(await goOn).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    const answer = receive(socket, (text) => text.endsWith(LISTED));
    socket.write(body ?? "");
    expect(statusOf(await answer)).toBe(200);
    const greedy = dial(test);
    greedy.write(
      `POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 20971521\r\n\r\n`,
    );
    expect(statusOf(await receive(greedy))).toBe(413);
  });

  it("refuses a body that grows beyond the bound without having been announced", async () => {
    const socket = dial(await start({ limits: { bodyBytesMax: 1000 } }));
    const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${chunk}${chunk}`,
    );
    expect(statusOf(await receive(socket))).toBe(413);
  });

  it("takes a body of exactly the bound", async () => {
    const parts = listStreams();
    const test = await start({ limits: { bodyBytesMax: 2 } });
    const socket = dial(test);
    socket.write(rawRequest(parts));
    expect(statusOf(await receive(socket, (text) => text.endsWith(LISTED)))).toBe(200);
  });

  it("answers 503 in the caller's encoding when bodies fill what they may fill together", async () => {
    const socket = dial(await start({ limits: { bodiesBytesMax: 1 } }));
    socket.write(rawRequest(listStreams()));
    const answer = await receive(socket);
    expect([statusOf(answer), answer.includes('{"__type":"ServiceUnavailable"')]).toEqual([
      503,
      true,
    ]);
  });

  it("answers 503 beyond the requests that it serves at a time", async () => {
    const socket = dial(await start({ limits: { requestsMax: 0 } }));
    socket.write(rawRequest(listStreams()));
    expect(statusOf(await receive(socket))).toBe(503);
  });

  it("cuts a connection that says nothing, or half a request, for too long", async () => {
    const test = await start({ limits: { headersMs: 50 } });
    const silent = dial(test);
    const half = dial(test);
    half.write("PR");
    const inHeaders = dial(test);
    inHeaders.write("POST / HTTP/1.1\r\nhost: x\r\n");
    const answers = await Promise.all([silent, half, inHeaders].map((socket) => receive(socket)));
    expect(answers).toEqual(["", "", expect.stringMatching(/^HTTP\/1\.1 408 /)]);
  });

  it("closes a connection that speaks nothing that it knows", async () => {
    const test = await start();
    const garbage = dial(test);
    garbage.write("hello there\r\n\r\n");
    expect(statusOf(await receive(garbage))).toBe(400);
    const untrusted = dial(test);
    untrusted.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])); // TLS, where none is set up
    expect(await receive(untrusted)).toBe("");
  });
});

describe("HTTP/2 on the port", () => {
  it("serves many requests at once and answers PINGs", async () => {
    const { url } = await start();
    const session = connectHttp2(url);
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => overHttp2(session, listStreams())),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(
      new Set([`200 ${LISTED}`]),
    );
    expect(session.remoteSettings.maxConcurrentStreams).toBeGreaterThanOrEqual(4096);
    const pinged = await new Promise((resolve) => {
      session.ping((error) => resolve(error));
    });
    expect(pinged).toBeNull();
    session.close();
  });

  it("takes a body of 14 MB and refuses one beyond the bound", async () => {
    const { url } = await start();
    const session = connectHttp2(url);
    session.on("error", () => {});
    const large = { ...listStreams(), body: " ".repeat(14_000_000) };
    expect((await overHttp2(session, large)).status).toBe(400);
    const tooLarge = { ...listStreams(), body: " ".repeat(20 * 1024 * 1024 + 1) };
    expect((await overHttp2(session, tooLarge)).status).toBe(413);
    session.destroy();
  });

  it("answers an empty body with headers alone", async () => {
    const { url, backend } = await start();
    backend.addStream({ streamName: "orders" });
    const session = connectHttp2(url);
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.DeleteStream",
    };
    const parts = sign({ headers, body: '{"StreamName":"orders"}' }, Date.now());
    expect(await overHttp2(session, parts)).toEqual({
      status: 200,
      body: "",
      date: expect.any(String),
    });
    session.close();
  });
});

describe("TLS on the same port", () => {
  const overTls = async (ALPNProtocols: string[] | undefined) => {
    const { gateway } = await start({ tls });
    const options = {
      port: gateway.port,
      host: "127.0.0.1",
      ca: tls.cert,
      servername: "localhost",
    };
    const socket = connectTls({
      ...options,
      ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
    });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    opened.sockets.push(socket);
    return socket;
  };

  it.each([["h2"], [undefined]])("serves HTTP/2 with ALPN %s", async (protocol) => {
    const socket = await overTls(protocol === undefined ? undefined : [protocol]);
    const session = connectHttp2("https://localhost", { createConnection: () => socket });
    expect(await overHttp2(session, listStreams())).toMatchObject({ status: 200, body: LISTED });
    session.close();
  });

  it.each([["http/1.1"], [undefined]])("serves HTTP/1.1 with ALPN %s", async (protocol) => {
    const socket = await overTls(protocol === undefined ? undefined : [protocol]);
    socket.write(rawRequest(listStreams()));
    expect(statusOf(await receive(socket, (text) => text.endsWith(LISTED)))).toBe(200);
  });

  it("still serves plain HTTP", async () => {
    const socket = dial(await start({ tls }));
    socket.write(rawRequest(listStreams()));
    expect(statusOf(await receive(socket, (text) => text.endsWith(LISTED)))).toBe(200);
  });
});

describe("closing", () => {
  /** A put that waits until it is let go. */
  async function startWithSlowPut() {
    const backend = new FakeBackend(Date.now());
    backend.addStream({ streamName: "orders" });
    let letGo = () => {};
    const waits = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let arrived = () => {};
    const reached = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    backend.producer.put = async (): Promise<GatewayPutOutcome> => {
      arrived();
      await waits;
      return { baseOffset: 0, accepted: 1, arrivalMs: backend.nowMs, throttled: 0 };
    };
    const test = await startGateway({ backend });
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.PutRecord",
    };
    const body = '{"StreamName":"orders","PartitionKey":"a","Data":""}';
    return { test, reached, letGo, parts: sign({ headers, body }, Date.now()) };
  }

  it("answers what runs, over both protocols, and takes nothing new", async () => {
    const { test, reached, letGo, parts } = await startWithSlowPut();
    const socket = dial(test);
    socket.write(rawRequest(parts));
    const session = connectHttp2(test.url);
    const second = overHttp2(session, parts);
    const first = receive(socket);
    await reached;
    const closed = test.gateway.close(5000);
    const refused = dial(test);
    expect(await receive(refused)).toBe("");
    letGo();
    expect([statusOf(await first), (await second).status]).toEqual([200, 200]);
    await closed;
  });

  it("cuts what takes longer than its grace", async () => {
    const { test, reached, parts } = await startWithSlowPut();
    const socket = dial(test);
    socket.write(rawRequest(parts));
    const answer = receive(socket);
    await reached;
    await test.gateway.close(20);
    expect(await answer).toBe("");
  });
});
