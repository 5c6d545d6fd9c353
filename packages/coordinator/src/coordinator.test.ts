import { StreamError } from "@millrace/base";
import type { ReplicaPlacement } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { FakeCluster } from "./testing/fake-cluster.ts";
import {
  ACCOUNT,
  CLUSTER,
  createRequest,
  formRequest,
  KEY,
  registerRequest,
  report,
} from "./testing/samples.ts";

/** Three voters, formed, all registered as brokers and alive; node 1 leads. */
async function formedCluster(
  ...args: ConstructorParameters<typeof FakeCluster>
): Promise<FakeCluster> {
  const cluster = new FakeCluster(...args);
  for (const { coordinator } of cluster.nodes) {
    await cluster.run(coordinator.services.coordinator.formCluster(formRequest(), CLUSTER));
  }
  cluster.elect(1);
  await cluster.pass(20);
  for (const nodeId of [1, 2, 3]) await register(cluster, nodeId);
  return cluster;
}

function register(cluster: FakeCluster, nodeId: number, incarnation = `disk-${nodeId}`) {
  const request = registerRequest(nodeId, { incarnation });
  return cluster.run(cluster.leader.services.coordinator.registerNode(request, CLUSTER));
}

function beat(cluster: FakeCluster, nodeId: number, state = "ready") {
  const incarnation = `disk-${nodeId}`;
  const request = { nodeId, incarnation, bootEpoch: 1, state, nowMs: 0 };
  return cluster.run(cluster.leader.services.coordinator.heartbeat(request, CLUSTER));
}

function create(cluster: FakeCluster, changes: Parameters<typeof createRequest>[0] = {}) {
  const request = createRequest(changes);
  return cluster.leader.services.coordinator.createStream(request, KEY);
}

/** Every broker confirms all replicas that it was ordered to make; the first of each shard leads. */
async function confirmAll(cluster: FakeCluster): Promise<void> {
  const shards = cluster.leader.localView.list("shard");
  for (const nodeId of [1, 2, 3]) {
    const mine = (replica: ReplicaPlacement) => replica.nodeId === nodeId;
    const replicas = shards.flatMap(({ groupId, replicas: all }) =>
      all
        .filter(mine)
        .map((replica) =>
          report({ groupId, replicaId: replica.replicaId, leading: replica === all[0] }),
        ),
    );
    const request = { nodeId, incarnation: `disk-${nodeId}`, replicas };
    await cluster.run(cluster.leader.services.coordinator.reportReplicas(request, CLUSTER));
  }
}

function orders(cluster: FakeCluster) {
  return cluster.leader.localView.stream(ACCOUNT, "orders");
}

async function refusal(cluster: FakeCluster, promise: Promise<unknown>): Promise<StreamError> {
  const error: unknown = await cluster.run(
    promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  if (error instanceof StreamError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

describe("forming a cluster", () => {
  it("is committed once by whichever voter comes to lead", async () => {
    const cluster = await formedCluster(3);
    expect(
      cluster.nodes.map(({ coordinator }) => coordinator.localView.cluster()?.clusterId),
    ).toEqual(["c1", "c1", "c1"]);
    cluster.elect(2);
    await cluster.pass(1_000);
    const before = cluster.leader.localView.index;
    await cluster.pass(5_000);
    expect(cluster.leader.localView.index).toBe(before);
  });

  it("takes the cluster secret, this node's own disk, and distinct voters", async () => {
    const cluster = new FakeCluster(1);
    const { formCluster } = cluster.node(1).services.coordinator;
    const [first, ...others] = formRequest().voters;
    const wrongDisk = [{ ...first, incarnation: "other-disk" }, ...others] as typeof others;
    const twice = [first, first] as typeof others;
    const cases = [
      [formRequest(), KEY],
      [formRequest({ voters: wrongDisk }), CLUSTER],
      [formRequest({ voters: others }), CLUSTER],
      [formRequest({ voters: twice }), CLUSTER],
      [formRequest({ voters: [] }), CLUSTER],
      [formRequest({ account: "12" }), CLUSTER],
    ] as const;
    const codes = [];
    for (const [request, principal] of cases) {
      codes.push((await refusal(cluster, formCluster(request, principal))).code);
    }
    expect(codes).toEqual([
      "permission-denied",
      "wrong-state",
      "invalid-argument",
      "invalid-argument",
      "invalid-argument",
      "invalid-argument",
    ]);
  });
});

describe("changes to metadata", () => {
  it("go to the leader, whose address a follower tells", async () => {
    const cluster = await formedCluster(3);
    const follower = cluster.node(2);
    const error = await refusal(
      cluster,
      follower.services.coordinator.createStream(createRequest(), KEY),
    );
    expect([error.code, error.hint]).toEqual([
      "not-leader",
      { leaderNodeId: 1, leaderAddress: "10.0.0.1:1" },
    ]);
  });

  it("answer with the index that a tail must reach", async () => {
    const cluster = await formedCluster(3);
    const { metadataIndex } = await cluster.run(create(cluster));
    const indexes = cluster.nodes.map(({ coordinator }) => coordinator.localView.index);
    expect(indexes.every((index) => index >= metadataIndex)).toBe(true);
    expect(orders(cluster)?.status).toBe("CREATING");
  });

  it("of another account, or without the cluster secret where it takes that, are refused", async () => {
    const cluster = await formedCluster(3);
    const { coordinator: handlers } = cluster.leader.services;
    const other = createRequest({ account: "000000000002" });
    const target = { account: "000000000002", streamName: "orders" };
    const calls = [
      handlers.createStream(other, KEY),
      handlers.deleteStream({ ...target, streamId: "" }, KEY),
      handlers.updateTags({ ...target, set: {}, remove: [] }, KEY),
      handlers.updateRetention({ ...target, retentionHours: 24, direction: "increase" }, KEY),
      handlers.registerNode(registerRequest(1), KEY),
      handlers.heartbeat(
        { nodeId: 1, incarnation: "", bootEpoch: 1, state: "ready", nowMs: 0 },
        KEY,
      ),
      handlers.reportReplicas({ nodeId: 1, incarnation: "", replicas: [] }, KEY),
      handlers.updateLimits({ limits: "aws" }, KEY),
      handlers.createAccessKey(
        { account: ACCOUNT, accessKeyId: "K", sealedSecret: Buffer.from("s") },
        KEY,
      ),
    ];
    for (const call of calls) {
      expect((await refusal(cluster, call)).code).toBe("permission-denied");
    }
  });

  it("name the field, the value and the bound of what is wrong with a request", async () => {
    const cluster = await formedCluster(3);
    const cases = [
      [createRequest({ shardCount: 0 }), /shardCount is 0, but must be a whole number in 1..10000/],
      [createRequest({ shardCount: 10_001 }), /shardCount is 10001/],
      [createRequest({ replicationFactor: 8 }), /replicationFactor is 8, but .* 0..7/],
      [createRequest({ streamName: "a b" }), /streamName is a b, but must match/],
      [createRequest({ maxRecordSizeKib: 5 }), /maxRecordSizeKib is 5, but .* 1024..10240/],
      [createRequest({ streamMode: "X" }), /streamMode is X, but must be one of/],
      [createRequest({ tags: { "": "" } }), /tag key length is 0/],
    ] as const;
    for (const [request, message] of cases) {
      const error = await refusal(
        cluster,
        cluster.leader.services.coordinator.createStream(request, KEY),
      );
      expect([error.code, error.message]).toEqual([
        "invalid-argument",
        expect.stringMatching(message) as string,
      ]);
    }
  });

  it("take limits as aws, unlimited, or custom numbers", async () => {
    const cluster = await formedCluster(3);
    const { updateLimits } = cluster.leader.services.coordinator;
    await cluster.run(updateLimits({ limits: 'custom{"writeRecordsPerSec":7}' }, CLUSTER));
    expect(cluster.leader.localView.cluster()?.limits).toEqual({
      kind: "custom",
      perShard: { writeRecordsPerSec: 7 },
    });
    for (const limits of [
      "none",
      "custom",
      "custom[1]",
      'custom{"x":1}',
      'custom{"readCallsPerSec":0}',
    ]) {
      expect((await refusal(cluster, updateLimits({ limits }, CLUSTER))).code).toBe(
        "invalid-argument",
      );
    }
  });

  it("end as indeterminate when they are not applied in time, and are bounded in number", async () => {
    const cluster = await formedCluster(3);
    await cluster.pass(10_200); // the silence of the nodes is noted, and the leader has nothing left to say
    cluster.held = true;
    const set = { account: ACCOUNT, streamName: "orders", set: {}, remove: [] };
    const { updateTags } = cluster.leader.services.coordinator;
    const waiting = Array.from({ length: 1000 }, () => refusal(cluster, updateTags(set, KEY)));
    expect((await refusal(cluster, updateTags(set, KEY))).code).toBe("overloaded");
    expect(new Set((await cluster.run(Promise.all(waiting))).map(({ code }) => code))).toEqual(
      new Set(["indeterminate"]),
    );
    cluster.held = false;
    cluster.elect(1);
    expect(cluster.leader.status().proposalsInFlight).toBe(0);
  });
});

describe("nodes", () => {
  it("that are silent for five seconds take no new replicas", async () => {
    const cluster = await formedCluster(3);
    await cluster.pass(4_000);
    for (const nodeId of [1, 2]) await beat(cluster, nodeId);
    await cluster.pass(2_000);
    await cluster.run(create(cluster, { replicationFactor: 2 }));
    const placed = cluster.leader.localView.list("shard").flatMap(({ replicas }) => replicas);
    expect(new Set(placed.map(({ nodeId }) => nodeId))).toEqual(new Set([1, 2]));
    await cluster.pass(4_000);
    const error = await refusal(cluster, create(cluster, { streamName: "more" }));
    expect(error.code).toBe("unavailable");
  });

  it("are told to register again when another incarnation or start is known", async () => {
    const cluster = await formedCluster(3);
    const request = { nodeId: 2, incarnation: "disk-2", bootEpoch: 1, state: "ready", nowMs: 0 };
    const { heartbeat } = cluster.leader.services.coordinator;
    const answers = [
      await heartbeat(request, CLUSTER),
      await heartbeat({ ...request, bootEpoch: 2 }, CLUSTER),
      await heartbeat({ ...request, incarnation: "x" }, CLUSTER),
      await heartbeat({ ...request, nodeId: 9 }, CLUSTER),
    ];
    expect(answers.map(({ registerAgain }) => registerAgain)).toEqual([false, true, true, true]);
  });

  it("cannot take over the id of one that is alive", async () => {
    const cluster = await formedCluster(3);
    const error = await refusal(cluster, register(cluster, 2, "other-disk"));
    expect([error.code, error.message]).toEqual([
      "wrong-state",
      expect.stringContaining("node 2 is alive with incarnation disk-2") as string,
    ]);
    await cluster.pass(6_000);
    await register(cluster, 2, "other-disk");
    expect(cluster.leader.localView.node(2)?.incarnation).toBe("other-disk");
  });

  it("that drain take no new replicas that others can hold, and lead none", async () => {
    const cluster = await formedCluster(3);
    await beat(cluster, 3, "draining");
    await cluster.pass(20);
    expect(cluster.leader.localView.node(3)?.state).toBe("draining");
    await cluster.run(create(cluster, { replicationFactor: 2 }));
    // What is made during an upgrade has as many replicas as anything else.
    await cluster.run(create(cluster, { streamName: "whole" }));
    const placed = cluster.leader.localView
      .list("shard")
      .map(({ streamName, replicas }) => [streamName, ...replicas.map(({ nodeId }) => nodeId)])
      .map((each) => each.join(" "));
    expect(placed.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "orders 1 2",
      "orders 2 1",
      "whole 1 2 3",
      "whole 2 1 3",
    ]);
    await beat(cluster, 3, "ready");
    await cluster.pass(20);
    expect(cluster.leader.localView.node(3)?.state).toBe("active");
  });
});

describe("streams", () => {
  it("become ACTIVE when their brokers have confirmed them", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster));
    await cluster.pass(1_000);
    expect(orders(cluster)?.status).toBe("CREATING");
    await confirmAll(cluster);
    await cluster.pass(20);
    expect(orders(cluster)?.status).toBe("ACTIVE");
    expect(cluster.leader.localView.list("shard").map(({ state }) => state)).toEqual([
      "open",
      "open",
    ]);
  });

  it("are removed also when the step towards it was refused at first", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster));
    const target = { account: ACCOUNT, streamName: "orders", streamId: "" };
    await cluster.run(cluster.leader.services.coordinator.deleteStream(target, KEY));
    cluster.refusal = new StreamError("overloaded", "the log is full");
    await cluster.pass(3_000);
    expect(orders(cluster)?.status).toBe("DELETING");
    cluster.refusal = undefined;
    await cluster.pass(520);
    expect(orders(cluster)).toBeUndefined();
  });

  it("that are created at once are spread over the brokers all the same", async () => {
    const cluster = await formedCluster(3);
    cluster.held = true;
    const creating = Array.from({ length: 6 }, (_, at) =>
      create(cluster, { streamName: `s${at}`, shardCount: 1 }),
    );
    cluster.held = false;
    cluster.elect(1, "kept");
    await Promise.allSettled(creating);
    const leaders = cluster.leader.localView
      .list("shard")
      .map(({ replicas }) => replicas[0]?.nodeId);
    expect(leaders.map(Number).sort((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it("are removed a second after DELETING, and tombstones stay until each broker removed its replica", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster, { shardCount: 1 }));
    await confirmAll(cluster);
    await cluster.pass(20);
    const target = { account: ACCOUNT, streamName: "orders", streamId: "" };
    await cluster.run(cluster.leader.services.coordinator.deleteStream(target, KEY));
    await cluster.pass(900);
    expect(orders(cluster)?.status).toBe("DELETING");
    await cluster.pass(200);
    expect(orders(cluster)).toBeUndefined();
    const [tombstone] = cluster.leader.localView.list("tombstone");
    const replicas = tombstone?.replicas ?? [];
    expect(replicas).toHaveLength(3);
    await cluster.pass(2 * 3_600_000); // the grace alone drops nothing that a broker still holds
    for (const { nodeId, replicaId } of replicas) {
      expect(cluster.leader.localView.list("tombstone")).toHaveLength(1);
      const removed = report({ groupId: 2, replicaId, state: "", removed: true });
      const request = { nodeId, incarnation: `disk-${nodeId}`, replicas: [removed] };
      await cluster.run(cluster.leader.services.coordinator.reportReplicas(request, CLUSTER));
      await cluster.pass(20);
    }
    expect(cluster.leader.localView.list("tombstone")).toEqual([]);
  }, 60_000);

  it("whose replicas can never report lose their tombstones after the grace", async () => {
    const cluster = await formedCluster(3, { tombstoneGraceMs: 5_000 });
    await cluster.run(create(cluster, { shardCount: 1 }));
    const target = { account: ACCOUNT, streamName: "orders", streamId: "" };
    await cluster.run(cluster.leader.services.coordinator.deleteStream(target, KEY));
    await cluster.pass(1_100);
    await cluster.pass(3_600_000); // brokers keep data for an hour, and say so in the time after it
    expect(cluster.leader.localView.list("tombstone")).toHaveLength(1);
    await cluster.pass(5_100);
    expect(cluster.leader.localView.list("tombstone")).toEqual([]);
  });

  it("move the trim clock every minute, and only while there are any", async () => {
    const cluster = await formedCluster(3);
    await cluster.pass(130_000);
    expect(cluster.leader.localView.cluster()?.trimClockMs).toBe(1_700_000_000_000);
    await Promise.all([1, 2, 3].map((nodeId) => beat(cluster, nodeId)));
    await cluster.run(create(cluster));
    await cluster.pass(50);
    const first = cluster.leader.localView.cluster()?.trimClockMs ?? 0;
    await cluster.pass(60_000);
    const second = cluster.leader.localView.cluster()?.trimClockMs ?? 0;
    expect([first > 1_700_000_130_000, second - first]).toEqual([true, 60_000]);
  });

  it("with many shards are reported in entries of a thousand replicas", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster, { shardCount: 2_500 }));
    const before = cluster.leader.localView.index;
    await confirmAll(cluster);
    await cluster.pass(50);
    expect(orders(cluster)?.status).toBe("ACTIVE");
    expect(cluster.leader.localView.index).toBe(before + 3 * 3 + 1); // and the activation
  });

  it("reported twice cost one log entry", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster));
    await confirmAll(cluster);
    await cluster.pass(50);
    const before = cluster.leader.localView.index;
    await confirmAll(cluster);
    expect(cluster.leader.localView.index).toBe(before);
  });
});

describe("a change of leadership", () => {
  for (const fate of ["kept", "lost"] as const) {
    it(`during CreateStream leaves exactly one stream when the proposal was ${fate}`, async () => {
      const cluster = await formedCluster(3);
      cluster.held = true;
      const first = refusal(cluster, create(cluster));
      await cluster.pass(10);
      cluster.held = false;
      cluster.elect(2, fate);
      expect((await first).code).toBe("indeterminate");
      const again = await cluster.run(
        create(cluster).then(
          () => "created",
          (error: StreamError) => error.code,
        ),
      );
      expect(again).toBe(fate === "kept" ? "already-exists" : "created");
      expect(cluster.leader.localView.list("stream")).toHaveLength(1);
      expect(cluster.leader.localView.list("shard")).toHaveLength(2);
      await confirmAll(cluster);
      await cluster.pass(20);
      expect(orders(cluster)?.status).toBe("ACTIVE");
    });
  }

  it("goes on with what the former leader began", async () => {
    const cluster = await formedCluster(3);
    await cluster.run(create(cluster));
    await confirmAllButLast(cluster);
    cluster.elect(3);
    await confirmAll(cluster);
    await cluster.pass(20);
    expect(orders(cluster)?.status).toBe("ACTIVE");
    const target = { account: ACCOUNT, streamName: "orders", streamId: "" };
    await cluster.run(cluster.leader.services.coordinator.deleteStream(target, KEY));
    await cluster.pass(500);
    cluster.elect(2);
    await cluster.pass(900);
    expect(orders(cluster)?.status).toBe("DELETING"); // the delay begins anew
    await cluster.pass(200);
    expect(orders(cluster)).toBeUndefined();
  });

  it("answers barriers from the new leader, and with nothing but unavailable before there is one (S12)", async () => {
    const cluster = await formedCluster(3);
    const { barrier } = cluster.node(3).services.metadata;
    const before = await cluster.run(barrier({}, KEY));
    cluster.quorum = false;
    const cut = await refusal(cluster, barrier({}, KEY));
    cluster.quorum = true;
    cluster.elect(2);
    await cluster.run(create(cluster));
    const { index } = await cluster.run(barrier({}, KEY));
    expect([cut.code, index]).toEqual(["unavailable", before.index + 2]);
  });
});

/** Leaves the last shard without a majority. */
async function confirmAllButLast(cluster: FakeCluster): Promise<void> {
  const [shard] = cluster.leader.localView.list("shard");
  for (const [at, { nodeId, replicaId }] of (shard?.replicas ?? []).entries()) {
    const replicas = [report({ groupId: shard?.groupId ?? 0, replicaId, leading: at === 0 })];
    const request = { nodeId, incarnation: `disk-${nodeId}`, replicas };
    await cluster.run(cluster.leader.services.coordinator.reportReplicas(request, CLUSTER));
  }
}
