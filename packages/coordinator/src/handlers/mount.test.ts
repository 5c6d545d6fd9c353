import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { MetadataView } from "@millrace/model";
import { CoordinatorService, MetadataService } from "@millrace/proto";
import { ControlChannel, createControlServer, MetadataTail } from "@millrace/rpc";
import { afterEach, describe, expect, it } from "vitest";

import { FakeCluster } from "../testing/fake-cluster.ts";
import { CLUSTER, createRequest, formRequest, KEY, registerRequest } from "../testing/samples.ts";
import { controlServices } from "./mount.ts";

const DEADLINE = { deadlineMs: 5_000 };

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A formed one-node cluster behind a real port; its virtual time goes on by itself. */
async function served() {
  const cluster = new FakeCluster(1);
  const coordinator = cluster.node(1);
  const voters = formRequest().voters.slice(0, 1);
  await cluster.run(coordinator.services.coordinator.formCluster(formRequest({ voters }), CLUSTER));
  cluster.elect(1);
  await cluster.pass(20);
  const register = registerRequest(1);
  await cluster.run(coordinator.services.coordinator.registerNode(register, CLUSTER));

  const running = { stopped: false };
  const turn = (): void => {
    cluster.clock.advance(1);
    if (!running.stopped) setImmediate(turn);
  };
  turn();
  const server = await createControlServer({
    host: "127.0.0.1",
    port: 0,
    services: controlServices(coordinator.services),
    authenticate: (call) => (call.header("x-who") === "cluster" ? CLUSTER : KEY),
    clock: cluster.clock,
    logger: SILENT_LOGGER,
  });
  stops.push(
    () => (running.stopped = true),
    () => server.close(0),
  );
  return { cluster, coordinator, address: `127.0.0.1:${server.port}` };
}

function channel(address: string, who: string): ControlChannel {
  const made = new ControlChannel({ address, metadata: () => ({ "x-who": who }) });
  stops.push(() => made.close());
  return made;
}

describe("the coordinator on a real port", () => {
  it("answers calls, and errors keep their code", async () => {
    const { address, coordinator } = await served();
    const key = channel(address, "key");
    const created = await key.call(CoordinatorService.CreateStream, createRequest(), DEADLINE);
    expect(coordinator.localView.index).toBeGreaterThanOrEqual(created.metadataIndex);
    const again = key.call(CoordinatorService.CreateStream, createRequest(), DEADLINE);
    const error: unknown = await again.catch((thrown: unknown) => thrown);
    expect(error instanceof StreamError && [error.code, error.message]).toEqual([
      "already-exists",
      "Stream orders under account 000000000001 already exists.",
    ]);
    const barrier = await key.call(MetadataService.Barrier, {}, DEADLINE);
    expect(barrier.index).toBeGreaterThanOrEqual(created.metadataIndex);
  });

  it("feeds the tail of another process until it sees what a call returned", async () => {
    const { address, coordinator } = await served();
    const view = new MetadataView();
    const seen = new Set<() => void>();
    const note = (): void => {
      for (const look of seen) look();
    };
    const tail = new MetadataTail({
      addresses: () => [address],
      scope: "internal",
      onSnapshot: (index, records) => {
        view.reset(index, records);
        note();
      },
      onDelta: (index, changes) => {
        view.apply(index, changes);
        note();
      },
      onCaughtUp: note,
      metadata: () => ({ "x-who": "cluster" }),
      clock: systemClock(),
      logger: SILENT_LOGGER,
    });
    stops.push(() => tail.close());
    tail.start();
    const reached = (index: number): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (view.index < index) return;
          seen.delete(look);
          resolve();
        };
        seen.add(look);
        look();
      });
    await reached(1);
    const key = channel(address, "key");
    const { metadataIndex } = await key.call(
      CoordinatorService.CreateStream,
      createRequest(),
      DEADLINE,
    );
    await reached(metadataIndex);
    expect(view.snapshot()).toEqual(coordinator.localView.snapshot());
  });

  it("refuses the internal tail to an access key", async () => {
    const { address } = await served();
    const key = channel(address, "key");
    const error = await new Promise<StreamError | undefined>((resolve) => {
      const request = { scope: "TAIL_SCOPE_INTERNAL", fromIndex: 0, clusterId: "" } as const;
      key.serverStream(MetadataService.Tail, request, {
        onMessage: () => undefined,
        onEnd: resolve,
      });
    });
    expect(error?.code).toBe("permission-denied");
  });
});

function systemClock() {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    schedule: (delayMs: number, run: () => void) => {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    soon: (run: () => void) => {
      setImmediate(run);
    },
  };
}
