/**
 * Own codec against grpc-js, 256 KiB messages with a small answer each, over loopback, in one run:
 *
 *   node --conditions=@millrace/source --import tsx packages/rpc/src/hot/throughput.bench.ts
 *
 * Rounds alternate, so that a slow moment of the machine hits both; the last line is the ratio of
 * the medians. Client and server share one thread, as a broker's links do.
 */
import * as grpc from "@grpc/grpc-js";
import { SILENT_LOGGER } from "@millrace/base";
import { HOT_PATHS } from "@millrace/proto";

import { SYSTEM_CLOCK } from "../testing/system-clock.ts";
import { HotChannel } from "./hot-channel.ts";
import { createHotServer } from "./hot-server.ts";

const MESSAGE = Buffer.alloc(256 * 1024, 7);
const ANSWER = Buffer.alloc(32, 1);
const COUNT = 2000;
const IN_FLIGHT = 32;
const ROUNDS = 5;

interface Side {
  /** Sends COUNT messages, IN_FLIGHT unanswered at a time; resolves when all are answered. */
  run(): Promise<void>;
  stop(): void;
}

function pipeline(send: () => void): { answered: () => void; done: Promise<void> } {
  let sent = 0;
  let answers = 0;
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const more = (): void => {
    while (sent < COUNT && sent - answers < IN_FLIGHT) {
      sent += 1;
      send();
    }
  };
  const answered = (): void => {
    answers += 1;
    if (answers === COUNT) finish();
    else more();
  };
  queueMicrotask(more);
  return { answered, done };
}

async function own(): Promise<Side> {
  const server = await createHotServer({
    host: "127.0.0.1",
    port: 0,
    services: {
      [HOT_PATHS.append]: (stream) => stream.onMessage(() => void stream.send([ANSWER])),
    },
    authenticate: () => undefined,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
  });
  const channel = new HotChannel({
    address: `127.0.0.1:${server.port}`,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
  });
  return {
    run: async () => {
      const stream = channel.open(HOT_PATHS.append);
      const { answered, done } = pipeline(() => void stream.send([MESSAGE]));
      stream.onMessage(answered);
      await done;
      stream.end();
    },
    stop: () => {
      channel.close();
      void server.close(0);
    },
  };
}

async function grpcJs(): Promise<Side> {
  const identity = (bytes: Buffer): Buffer => bytes;
  const server = new grpc.Server();
  const method: grpc.MethodDefinition<Buffer, Buffer> = {
    path: HOT_PATHS.append,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  server.addService(
    { Append: method },
    {
      Append: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on("data", () => call.write(ANSWER));
        call.on("end", () => call.end());
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc-node.flow_control_window": 16 * 1024 * 1024,
  });
  return {
    run: async () => {
      const call = client.makeBidiStreamRequest(HOT_PATHS.append, identity, identity);
      const { answered, done } = pipeline(() => void call.write(MESSAGE));
      call.on("data", answered);
      call.on("error", () => {}); // the last call is cancelled when the bench stops
      await done;
      call.end();
    },
    stop: () => {
      client.close();
      server.forceShutdown();
    },
  };
}

async function megabytesPerSecond(side: Side): Promise<number> {
  const startedAtMs = performance.now();
  await side.run();
  return (COUNT * MESSAGE.length) / 1e6 / ((performance.now() - startedAtMs) / 1000);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const sides = { own: await own(), grpcJs: await grpcJs() };
const results: Record<keyof typeof sides, number[]> = { own: [], grpcJs: [] };
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const name of ["own", "grpcJs"] as const) {
    const speed = await megabytesPerSecond(sides[name]);
    if (round > 0) results[name].push(speed); // round 0 warms up
  }
}
sides.own.stop();
sides.grpcJs.stop();
const [ours, theirs] = [median(results.own), median(results.grpcJs)];
process.stdout.write(`own ${ours.toFixed(0)} MB/s, grpc-js ${theirs.toFixed(0)} MB/s\n`);
process.stdout.write(`ratio ${(ours / theirs).toFixed(2)}\n`);
