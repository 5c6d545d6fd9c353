/**
 * What the write path reaches: three nodes, three replicas, every acknowledgement after a majority
 * synced, records of 1 KiB.
 *
 * Two ways in, interleaved round by round on the same cluster: our gRPC client with batches of 256
 * records, and PutRecords JSON of 500 records over kept HTTP/1.1 connections with bodies built and
 * signed once, so that the servers and not the load generator are measured. All of it shares this
 * machine's cores, the generator included.
 */
import { createHash, createHmac } from "node:crypto";
import { Agent, request } from "node:http";

import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { MillraceClient, nodePorts } from "@millrace/client";
import { amzDate, canonicalRequest, RecordsBuilder, signature, signingKey } from "@millrace/model";
import type { Shard, SigningHashes } from "@millrace/model";

import { CpuMeter } from "./cpu.ts";
import { LocalCluster } from "./local-cluster.ts";
import type { Measured } from "./measure.ts";
import { measure, median } from "./measure.ts";

const RECORD_BYTES = 1024;
const BATCH_RECORDS = 256;
const JSON_RECORDS = 500;
const DEADLINE_MS = 10_000;
const STREAM = "bench";

export interface PutBenchOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly shards: number;
  readonly progress: (text: string) => void;
}

export interface PutBenchRow {
  readonly path: string;
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Milliseconds of CPU per megabyte of payload, by process. */
  readonly cpuMsPerMegabyte: Readonly<Record<string, number>>;
}

export async function runPutBench(options: PutBenchOptions): Promise<readonly PutBenchRow[]> {
  options.progress("starting three nodes and a gateway...");
  const cluster = await LocalCluster.start({ nodes: 3, limits: "unlimited" });
  const client = connect(cluster);
  try {
    await cluster.command("stream", "create", STREAM, "--shards", String(options.shards));
    await client.ready(DEADLINE_MS);
    await client.barrier(DEADLINE_MS);
    const stream = client.view.list("stream").find((one) => one.streamName === STREAM);
    const shards = client.view.shards(stream?.streamId ?? "");
    const paths = [
      { name: "gRPC client, 256-record batches", load: grpcLoad(client, shards) },
      { name: "PutRecords JSON, 500 records", load: jsonLoad(cluster) },
    ];
    const rounds: {
      readonly path: string;
      readonly measured: Measured;
      readonly cpu: ReadonlyMap<string, number>;
    }[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const { name, load } of paths) {
        options.progress(`round ${round + 1} of ${options.rounds}: ${name}`);
        const meter = new CpuMeter(pids(cluster));
        const measured = await measure({
          ...load,
          seconds: options.seconds,
          recordBytes: RECORD_BYTES,
        });
        rounds.push({ path: name, measured, cpu: meter.spent() });
      }
    }
    return paths.map(({ name }) =>
      summarise(
        name,
        rounds.filter((one) => one.path === name),
      ),
    );
  } finally {
    await client.close();
    await cluster.remove();
  }
}

function connect(cluster: LocalCluster): MillraceClient {
  const { accessKeyId, secretAccessKey } = cluster.credentials;
  return new MillraceClient({
    ...nodePorts(),
    logger: SILENT_LOGGER,
    endpoints: cluster.endpoints,
    credentials: { accessKeyId, secret: secretAccessKey, region: "us-east-1" },
    scope: "routes",
  });
}

function pids(cluster: LocalCluster): ReadonlyMap<string, number> {
  const names = ["node-1", "node-2", "node-3", "gateway"];
  return new Map([
    ...names.map((name) => [name, cluster.pid(name)] as const),
    ["load", process.pid],
  ]);
}

function summarise(
  path: string,
  rounds: readonly { readonly measured: Measured; readonly cpu: ReadonlyMap<string, number> }[],
): PutBenchRow {
  const of = (pick: (measured: Measured) => number) =>
    median(rounds.map((one) => pick(one.measured)));
  const names = [...(rounds[0]?.cpu.keys() ?? [])];
  const cpu = names.map((name) => [
    name,
    median(rounds.map((one) => (one.cpu.get(name) ?? Number.NaN) / one.measured.megabytes)),
  ]);
  return {
    path,
    recordsPerSecond: of((one) => one.recordsPerSecond),
    megabytesPerSecond: of((one) => one.megabytesPerSecond),
    p50Ms: of((one) => one.p50Ms),
    p99Ms: of((one) => one.p99Ms),
    cpuMsPerMegabyte: Object.fromEntries(cpu) as Record<string, number>,
  };
}

/** Eight batches under way per shard; each batch is built anew, because the producer owns what it is given. */
function grpcLoad(client: MillraceClient, shards: readonly Shard[]) {
  const partitionKey = Buffer.from("bench-key");
  const call = async (worker: number) => {
    const shard = shards[worker % shards.length];
    if (shard === undefined) throw new StreamError("not-found", "the bench stream has no shards");
    const builder = new RecordsBuilder(
      (bytes) => Buffer.allocUnsafeSlow(bytes),
      BATCH_RECORDS * (RECORD_BYTES + 32),
    );
    const key = Buffer.alloc(16);
    key.writeBigUInt64BE(shard.range.startingHashKey >> 64n);
    key.writeBigUInt64BE(shard.range.startingHashKey & 0xffff_ffff_ffff_ffffn, 8);
    for (let index = 0; index < BATCH_RECORDS; index++)
      builder.add(key, partitionKey, RECORD_BYTES);
    const outcome = await client.producer.put(
      shard,
      { batch: builder.batch(), count: BATCH_RECORDS },
      DEADLINE_MS,
    );
    return outcome.accepted;
  };
  return { call, workers: shards.length * 8 };
}

const hashes: SigningHashes = {
  sha256Hex: (data) => createHash("sha256").update(data).digest("hex"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
};

function jsonLoad(cluster: LocalCluster) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const url = new URL(cluster.endpoint);
  const bodies = Array.from({ length: 8 }, (_, body) => putRecordsBody(body));
  let signed: { atMs: number; headers: Record<string, string>[] } = { atMs: 0, headers: [] };
  const call = async (worker: number) => {
    if (Date.now() - signed.atMs > 60_000) {
      signed = { atMs: Date.now(), headers: bodies.map((body) => sign(cluster, url.host, body)) };
    }
    const body = bodies[worker % bodies.length] ?? Buffer.alloc(0);
    const answer = await post(agent, url, signed.headers[worker % bodies.length] ?? {}, body);
    if (answer.status !== 200)
      throw new StreamError("internal", `PutRecords answered ${answer.status}: ${answer.text}`);
    const failed = Number(/"FailedRecordCount":(\d+)/.exec(answer.text)?.[1]);
    return JSON_RECORDS - failed;
  };
  return { call, workers: 16 };
}

function putRecordsBody(number: number): Buffer {
  const data = Buffer.alloc(RECORD_BYTES, number).toString("base64");
  const Records = Array.from({ length: JSON_RECORDS }, (_, index) => ({
    Data: data,
    PartitionKey: `key-${number}-${index}`,
  }));
  return Buffer.from(JSON.stringify({ StreamName: STREAM, Records }));
}

function sign(cluster: LocalCluster, host: string, body: Buffer): Record<string, string> {
  const { accessKeyId, secretAccessKey } = cluster.credentials;
  const date = amzDate(Date.now());
  const headers: Record<string, string> = {
    "content-type": "application/x-amz-json-1.1",
    host,
    "x-amz-date": date,
    "x-amz-target": "Kinesis_20131202.PutRecords",
  };
  const scope = { date: date.slice(0, 8), region: "us-east-1", service: "kinesis" };
  const signedHeaders = Object.keys(headers);
  const canonical = canonicalRequest({
    method: "POST",
    path: "/",
    query: "",
    signedHeaders,
    header: (name) => headers[name],
    payloadHash: hashes.sha256Hex(body),
  });
  const given = signature(
    hashes,
    signingKey(hashes, secretAccessKey, scope),
    date,
    scope,
    canonical,
  );
  const credential = `${accessKeyId}/${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${given}`;
  return headers;
}

function post(
  agent: Agent,
  url: URL,
  headers: Record<string, string>,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      host: url.hostname,
      port: url.port,
      path: "/",
      method: "POST",
      headers,
    };
    const call = request(options, (response) => {
      let text = "";
      response.setEncoding("latin1").on("data", (part: string) => (text += part));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", reject);
    });
    call.once("error", reject);
    call.end(body);
  });
}
