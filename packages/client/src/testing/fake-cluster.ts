/**
 * The far end of a client on 127.0.0.1: coordinator and brokers as thin as they can be, over the real
 * transports. For tests alone.
 */
import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { verifyCall } from "@millrace/model";
import type { MetadataChange, ShardRecord } from "@millrace/model";
import { CoordinatorService, HOT_PATHS, MetadataService, NodeService } from "@millrace/proto";
import type { TailRequest, TailResponseInput } from "@millrace/proto";
import {
  controlService,
  createControlServer,
  createHotServer,
  decodeAppendRequest,
  decodeFetchRequest,
  encodeAppendResponse,
  encodeFetchResponse,
} from "@millrace/rpc";
import type {
  AppendRequestMessage,
  CallInfo,
  ControlServer,
  FetchRequestMessage,
  FetchResponseParts,
  HotServer,
  HotStream,
  MessageSink,
} from "@millrace/rpc";

import type { ClientOptions } from "../options.ts";
import { nodePorts } from "../node-ports.ts";
import { encoded, metadataOf, nodeRecord, shardChange } from "./fixtures.ts";
import { ModelShard } from "./model-shard.ts";

export const CREDENTIALS = { accessKeyId: "millrace-cluster", secret: "s3cret", region: "local" };

export interface FakeAppend {
  readonly nodeId: number;
  readonly stream: HotStream;
  readonly request: AppendRequestMessage;
}

/** What a test sees and decides of one shard. */
export interface FakeShard {
  readonly model: ModelShard;
  leader: number;
  term: number;
  free: { records: number; bytes: number } | undefined;
  sealed: boolean;
}

interface FakeNode {
  readonly nodeId: number;
  readonly rpc: string;
  readonly data: string;
  control: ControlServer;
  hot: HotServer;
}

export class FakeCluster {
  readonly ports = nodePorts();
  readonly nodes: FakeNode[] = [];
  readonly shards = new Map<number, FakeShard>();
  /** Everything that arrived, in order. */
  readonly appends: FakeAppend[] = [];
  readonly appendStreams: CallInfo[] = [];
  readonly tails: { readonly nodeId: number; readonly request: TailRequest }[] = [];
  readonly calls: {
    readonly nodeId: number;
    readonly method: string;
    readonly request: unknown;
  }[] = [];
  index = 1;
  coordinatorLeader = 1;
  /** Answers instead of the fake: true when it did. */
  onAppend: (append: FakeAppend) => boolean = () => false;
  onBarrier: () => Promise<number> = () => Promise.resolve(this.index);
  onChange: (method: string) => void = () => {};
  onFetch: (request: FetchRequestMessage, nodeId: number) => FetchResponseParts | undefined = () =>
    undefined;
  readonly #sinks = new Map<MessageSink<TailResponseInput>, number>();
  #metadata: MetadataChange[] = [];
  #deltas: { readonly index: number; readonly changes: readonly MetadataChange[] }[] = [];

  static async start(nodeCount: number, shards: readonly ShardRecord[]): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    for (let nodeId = 1; nodeId <= nodeCount; nodeId++) {
      const control = await cluster.#control(nodeId);
      const hot = await cluster.#hot(nodeId, 0);
      const rpc = `127.0.0.1:${control.port}`;
      cluster.nodes.push({ nodeId, rpc, data: `127.0.0.1:${hot.port}`, control, hot });
    }
    const nodes = cluster.nodes.map(({ nodeId, rpc, data }) => nodeRecord(nodeId, { rpc, data }));
    cluster.#metadata = metadataOf(nodes, shards);
    for (const { groupId, replicas } of shards)
      cluster.#addShard(groupId, replicas[0]?.nodeId ?? 1);
    return cluster;
  }

  options(change: Partial<ClientOptions> = {}): ClientOptions {
    return {
      ...this.ports,
      endpoints: this.nodes.map((node) => node.rpc),
      credentials: CREDENTIALS,
      scope: "internal",
      ...change,
    };
  }

  shard(groupId: number): FakeShard {
    const shard = this.shards.get(groupId);
    if (shard === undefined) throw new Error(`no group ${groupId}`);
    return shard;
  }

  /** Commits a change of metadata and tells all tails. */
  commit(changes: readonly MetadataChange[]): void {
    this.index++;
    const keys = new Set(changes.map((change) => change.key));
    this.#metadata = [...this.#metadata.filter(({ key }) => !keys.has(key)), ...changes];
    this.#deltas.push({ index: this.index, changes });
    for (const sink of this.#sinks.keys()) sink.send(this.#delta(this.index, changes));
  }

  commitShard(shard: ShardRecord): void {
    this.commit([shardChange(shard)]);
  }

  /** Ends the data streams and connections of a node; it listens no more. */
  async stopData(nodeId: number): Promise<void> {
    await this.node(nodeId).hot.close(0);
  }

  async restartData(nodeId: number): Promise<void> {
    const node = this.node(nodeId);
    node.hot = await this.#hot(nodeId, Number(node.data.split(":")[1]));
  }

  node(nodeId: number): FakeNode {
    const node = this.nodes[nodeId - 1];
    if (node === undefined) throw new Error(`no node ${nodeId}`);
    return node;
  }

  /** Ends every tail of one node. */
  cutTails(nodeId: number): void {
    for (const [sink, of] of this.#sinks) {
      if (of === nodeId) sink.end(new StreamError("unavailable", "cut"));
    }
  }

  async close(): Promise<void> {
    for (const { control, hot } of this.nodes) await Promise.all([control.close(0), hot.close(0)]);
  }

  #addShard(groupId: number, leader: number): void {
    const model = new ModelShard();
    this.shards.set(groupId, { model, leader, term: 1, free: undefined, sealed: false });
  }

  readonly #authenticate = (call: { path: string; header: (name: string) => string | undefined }) =>
    verifyCall(
      this.ports.hashes,
      call.path,
      call.header,
      (id) =>
        id === CREDENTIALS.accessKeyId ? { secret: CREDENTIALS.secret, account: "" } : undefined,
      Date.now(),
    );

  #control(nodeId: number): Promise<ControlServer> {
    const change = (method: string) => (request: unknown) => {
      this.calls.push({ nodeId, method, request });
      this.#requireLeader(nodeId);
      this.onChange(method);
      this.commit([]);
      return { metadataIndex: this.index };
    };
    return createControlServer({
      host: "127.0.0.1",
      port: 0,
      clock: this.ports.clock,
      logger: SILENT_LOGGER,
      authenticate: this.#authenticate,
      services: [
        controlService(MetadataService, {
          unary: {
            Barrier: async () => {
              this.calls.push({ nodeId, method: "Barrier", request: {} });
              this.#requireLeader(nodeId);
              return { index: await this.onBarrier() };
            },
          },
          streams: {
            Tail: (request, sink) => this.#tail(nodeId, request, sink),
          },
        }),
        controlService(CoordinatorService, {
          unary: {
            CreateStream: change("CreateStream"),
            UpdateRetention: change("UpdateRetention"),
            UpdateTags: change("UpdateTags"),
            UpdateLimits: change("UpdateLimits"),
            UpdatePlacementPolicy: change("UpdatePlacementPolicy"),
            SetNodeGoal: change("SetNodeGoal"),
            Rebalance: change("Rebalance"),
            ReportReplicas: change("ReportReplicas"),
          },
        }),
        controlService(NodeService, {
          unary: {
            Locate: (request) => {
              const shard = this.shard(request.groupId);
              this.#requireShardLeader(shard, nodeId);
              const end = shard.model.log.length;
              const offset = request.position === "LATEST" ? end : 0;
              return { offset, trimOffset: 0, endOffset: end };
            },
          },
        }),
      ],
    });
  }

  #hot(nodeId: number, port: number): Promise<HotServer> {
    return createHotServer({
      host: "127.0.0.1",
      port,
      clock: this.ports.clock,
      logger: SILENT_LOGGER,
      authenticate: (call) =>
        this.#authenticate({ path: call.path, header: (name) => call.headers[name] }),
      services: {
        [HOT_PATHS.append]: (stream, call) => {
          this.appendStreams.push(call);
          stream.onMessage((message) => {
            const append = { nodeId, stream, request: decodeAppendRequest(Buffer.from(message)) };
            this.appends.push(append);
            if (!this.onAppend(append)) this.answer(append);
          });
          stream.onEnd(() => {});
        },
        [HOT_PATHS.fetch]: (stream) => {
          stream.onMessage((message) => {
            const request = decodeFetchRequest(message);
            stream.send(encodeFetchResponse(this.#fetch(nodeId, request)));
          });
          stream.onEnd(() => {});
        },
      },
    });
  }

  /** Does what a broker does, and sends the answer unless `reply` is false. */
  answer({ nodeId, stream, request }: FakeAppend, reply = true): void {
    const { requestId, groupId, batch } = request;
    const shard = this.shard(groupId);
    try {
      this.#requireShardLeader(shard, nodeId);
      const stored = shard.model.append(batch, Date.now(), shard.free);
      if (reply) stream.send(encodeAppendResponse({ requestId, ...stored, term: shard.term }));
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      if (reply) stream.send(encodeAppendResponse({ requestId, failure: error }));
    }
  }

  #fetch(nodeId: number, request: FetchRequestMessage): FetchResponseParts {
    const { requestId, groupId, offset, maxRecords } = request;
    const given = this.onFetch(request, nodeId);
    if (given !== undefined) return given;
    const shard = this.shard(groupId);
    try {
      this.#requireShardLeader(shard, nodeId);
    } catch (error) {
      return { requestId, failure: error as StreamError };
    }
    const { log } = shard.model;
    const values = log.slice(offset, offset + maxRecords);
    const records = values.length === 0 ? [] : [encoded(values).batch.subarray(32)];
    const slice = {
      baseOffset: offset,
      count: values.length,
      arrivalMs: 1_700_000_005_000,
      records,
    };
    return {
      requestId,
      slices: values.length === 0 ? [] : [slice],
      nextOffset: offset + values.length,
      endOffset: log.length,
      trimOffset: 0,
      term: shard.term,
      nowMs: Date.now(),
      sealed: shard.sealed,
    };
  }

  #requireShardLeader(shard: FakeShard, nodeId: number): void {
    if (shard.leader === nodeId) return;
    const hint = { leaderNodeId: shard.leader, term: shard.term };
    throw new StreamError("not-leader", `node ${nodeId} does not lead`, { hint });
  }

  #requireLeader(nodeId: number): void {
    if (nodeId === this.coordinatorLeader) return;
    const leaderAddress = this.node(this.coordinatorLeader).rpc;
    throw new StreamError("not-leader", "not the coordinator's leader", {
      hint: { leaderAddress },
    });
  }

  #tail(nodeId: number, request: TailRequest, sink: MessageSink<TailResponseInput>): void {
    this.tails.push({ nodeId, request });
    this.#sinks.set(sink, nodeId);
    sink.onEnd(() => this.#sinks.delete(sink));
    if (request.fromIndex === 0) {
      const changes = this.#metadata.map(wireChange);
      sink.send({ snapshot: { index: this.index, changes, last: true } });
    } else {
      for (const { index, changes } of this.#deltas) {
        if (index > request.fromIndex) sink.send(this.#delta(index, changes));
      }
    }
    sink.send({ heartbeat: { index: this.index } });
  }

  #delta(index: number, changes: readonly MetadataChange[]): TailResponseInput {
    return { delta: { index, changes: changes.map(wireChange) } };
  }
}

function wireChange({ key, json }: MetadataChange) {
  return { key, value: Buffer.from(json ?? ""), deleted: json === undefined };
}
