import { StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import type { MetadataChange, Principal } from "@millrace/model";
import { METADATA_KEY, MetadataView } from "@millrace/model";
import type { TailRequest, TailResponse } from "@millrace/proto";
import { describe, expect, it } from "vitest";

import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { DeltaRing } from "./state/delta-ring.ts";
import { MetadataState } from "./state/metadata-state.ts";
import type { TailServerOptions } from "./tail-server.ts";
import { TailServer } from "./tail-server.ts";
import { ACCOUNT, CLUSTER, createCommand, formCommand, KEY } from "./testing/samples.ts";
import type { TailSink } from "./tail.ts";

/** A node whose log is written by the test. */
class Node {
  readonly clock = new VirtualClock();
  readonly state: MetadataState;
  readonly server: TailServer;

  constructor(options: Partial<TailServerOptions> = {}, ring: DeltaRing = new DeltaRing()) {
    this.state = new MetadataState(new MetadataView(), ring);
    const { clock, state } = this;
    this.server = new TailServer({ clock, state, hasLeader: () => true, ...options });
  }

  do(...commands: readonly Command[]): void {
    for (const command of commands) {
      const index = this.state.view.index + 1;
      this.state.apply([{ term: 1, index, data: encodeCommand(command, 0) }]);
      this.state.advanced(index);
      this.server.advanced();
    }
    this.clock.runSoon();
  }

  tail(
    from: Partial<TailRequest> = {},
    principal: Principal = CLUSTER,
    reader: Reader = new Reader(),
  ): Reader {
    const request: TailRequest = {
      scope: "TAIL_SCOPE_INTERNAL",
      fromIndex: 0,
      clusterId: "",
      ...from,
    };
    reader.stop = this.server.open(request, principal, reader);
    return reader;
  }
}

/** The far end: what a client's view would hold. */
class Reader implements TailSink {
  readonly view = new MetadataView();
  readonly events: string[] = [];
  error: StreamError | undefined;
  stop: () => void = () => undefined;
  /** Messages that are taken before `send` says false. */
  room = Infinity;
  #parts: MetadataChange[] = [];
  #resume: () => void = () => undefined;

  send(response: TailResponse): boolean {
    const { snapshot, delta, heartbeat } = response;
    if (snapshot) {
      this.#parts.push(...snapshot.changes.map(fromWire));
      if (snapshot.last) this.view.reset(snapshot.index, this.#parts.splice(0));
      this.events.push(snapshot.last ? `snapshot ${snapshot.index}` : "part");
    }
    if (delta) {
      this.view.apply(delta.index, delta.changes.map(fromWire));
      this.events.push(`delta ${delta.index} ${delta.changes.length}`);
    }
    if (heartbeat) this.events.push(`heartbeat ${heartbeat.index}`);
    return --this.room > 0;
  }
  onDrain(resume: () => void): void {
    this.#resume = resume;
  }
  end(error: StreamError): void {
    this.error = error;
  }
  drain(room: number): void {
    this.room = room;
    this.#resume();
  }
}

function fromWire({ key, value, deleted }: { key: string; value: Buffer; deleted: boolean }) {
  return { key, json: deleted ? undefined : value.toString("utf8") };
}

const tagged = (value: string): Command => ({
  kind: "create-access-key",
  accessKeyId: value,
  account: ACCOUNT,
  sealedSecret: "s",
  nowMs: 1,
});

describe("a metadata tail", () => {
  it("starts with a snapshot and goes on with deltas", () => {
    const node = new Node();
    node.do(formCommand());
    const reader = node.tail();
    node.do(createCommand(), tagged("K2"));
    expect(reader.events).toEqual(["snapshot 1", "delta 3 5"]);
    expect(reader.view.snapshot()).toEqual(node.state.view.snapshot());
  });

  it("resumes from an index without a snapshot, also one this node has not reached", () => {
    const node = new Node();
    node.do(formCommand(), tagged("K2"), tagged("K3"));
    const behind = node.tail({ fromIndex: 2 });
    const ahead = node.tail({ fromIndex: 4 });
    node.do(tagged("K4"), tagged("K5"));
    expect(behind.events).toEqual(["delta 3 1", "delta 5 2"]);
    expect(ahead.events).toEqual(["delta 5 1"]);
  });

  it("gets a snapshot when the deltas since its index are gone", () => {
    const node = new Node({}, new DeltaRing(2, 1_000_000));
    node.do(formCommand(), tagged("K2"), tagged("K3"), tagged("K4"));
    const reader = node.tail({ fromIndex: 1 });
    expect(reader.events).toEqual(["snapshot 4"]);
    node.do(tagged("K5"));
    expect(reader.view.snapshot()).toEqual(node.state.view.snapshot());
  });

  it("tells of entries that changed nothing, because a barrier may wait for their index", () => {
    const node = new Node();
    node.do(formCommand());
    const reader = node.tail();
    node.do(formCommand());
    expect(reader.view.index).toBe(2);
    expect(reader.events).toEqual(["snapshot 1", "delta 2 0"]);
  });

  it("begins when the cluster is formed: before that nothing is complete", () => {
    const node = new Node();
    node.state.advanced(1);
    const reader = node.tail();
    node.clock.advance(1_000);
    expect([reader.view.ready, reader.events]).toEqual([false, ["heartbeat 0", "heartbeat 0"]]);
    node.do(formCommand());
    expect(reader.events.at(-1)).toBe("snapshot 2");
  });

  it("cuts a large snapshot into parts of about a mebibyte, and a huge delta is sent like one", () => {
    const node = new Node();
    node.do(formCommand());
    const placements = Array.from({ length: 10_000 }, () => [0, 1, 2]);
    const follower = node.tail();
    node.do(createCommand({ placements }));
    const reader = node.tail();
    expect(reader.events.length).toBeGreaterThan(4);
    expect(reader.events.at(-1)).toBe("snapshot 2");
    expect(follower.events.filter((event) => event.startsWith("delta"))).toEqual([]);
    expect(follower.view.snapshot()).toEqual(node.state.view.snapshot());
  });

  it("that has to drain gets nothing more until it has, and then all of it", () => {
    const node = new Node();
    node.do(formCommand());
    const slow = new Reader();
    slow.room = 1;
    node.tail({}, CLUSTER, slow);
    node.do(tagged("K2"), tagged("K3"));
    node.clock.advance(3_000);
    expect(slow.events).toEqual(["snapshot 1"]);
    slow.drain(Infinity);
    expect(slow.events).toEqual(["snapshot 1", "delta 3 2"]);
    expect(slow.view.snapshot()).toEqual(node.state.view.snapshot());
  });

  it("that drains nothing for ten seconds is cut off", () => {
    const node = new Node();
    node.do(formCommand());
    const stuck = new Reader();
    stuck.room = 1;
    node.tail({}, CLUSTER, stuck);
    node.clock.advance(9_400);
    expect(stuck.error).toBeUndefined();
    node.clock.advance(700);
    expect([stuck.error?.code, node.server.openTails]).toEqual(["overloaded", 0]);
  });

  it("ends when its stream refuses a message, and takes nobody along", () => {
    const node = new Node();
    node.do(formCommand());
    const broken = new Reader();
    node.tail({}, CLUSTER, broken);
    const healthy = node.tail();
    broken.send = () => {
      throw new StreamError("overloaded", "64 messages wait");
    };
    node.do(tagged("K2"));
    expect([broken.error?.code, node.server.openTails]).toEqual(["overloaded", 1]);
    expect(healthy.view.index).toBe(2);
  });

  it("hears a heartbeat every 500 ms while there is nothing else", () => {
    const node = new Node();
    node.do(formCommand());
    const reader = node.tail();
    node.clock.advance(1_500);
    expect(reader.events.slice(1)).toEqual(["heartbeat 1", "heartbeat 1", "heartbeat 1"]);
    reader.stop();
    node.clock.advance(5_000);
    expect(reader.events).toHaveLength(4);
  });

  it("never has a heartbeat overtake the changes below its index", () => {
    const node = new Node();
    node.do(formCommand());
    const reader = node.tail();
    node.state.apply([{ term: 1, index: 2, data: encodeCommand(tagged("K2"), 0) }]);
    node.clock.advance(500); // nobody called advanced(): the heartbeat comes first
    const ahead = node.tail({ fromIndex: 9 });
    node.clock.advance(500);
    expect(reader.events).toEqual(["snapshot 1", "delta 2 1", "heartbeat 2", "heartbeat 2"]);
    expect(ahead.events).toEqual(["heartbeat 2"]); // this node is behind that reader, and says so
  });

  it("of another cluster is refused, at once or when this one is formed", () => {
    const node = new Node();
    const early = node.tail({ clusterId: "c2" });
    node.do(formCommand());
    const late = node.tail({ clusterId: "c2" });
    const own = node.tail({ clusterId: "c1" });
    expect([early.error?.code, late.error?.code, own.error]).toEqual([
      "invalid-argument",
      "invalid-argument",
      undefined,
    ]);
  });

  it("is one of a bounded number, and ends when the node stops", () => {
    const node = new Node({ tailsMax: 1 });
    const first = node.tail();
    expect(() => node.tail()).toThrow("tails are 1, at most 1");
    node.server.close();
    expect([first.error?.code, node.server.openTails]).toEqual(["unavailable", 0]);
  });
});

describe("the routes scope", () => {
  const routes = { scope: "TAIL_SCOPE_ROUTES" } as const;

  it("is all that an access key may tail", () => {
    const node = new Node();
    expect(() => node.tail({}, KEY)).toThrow(/MRKEY1 may tail routes only/);
    expect(() => node.tail({ scope: "TAIL_SCOPE_UNSPECIFIED" })).toThrow(/scope is/);
  });

  it("shows nodes and the account's streams and shards, and no secret", () => {
    const node = new Node();
    node.do(formCommand());
    const reader = node.tail(routes, KEY);
    const mine = createCommand();
    const foreign = createCommand({ account: "000000000002", streamName: "x", streamId: "id-2" });
    node.do(mine, foreign, tagged("K2"));
    const late = node.tail(routes, KEY);
    const keys = [
      "cluster",
      "node/1",
      "node/2",
      "node/3",
      "shard/id-1/0",
      "shard/id-1/1",
      METADATA_KEY.stream(ACCOUNT, "orders"),
    ];
    for (const { view } of [reader, late]) {
      expect(view.snapshot().map(({ key }) => key)).toEqual(keys);
      expect(view.cluster()?.sealedTokenKey).toBe("");
      expect(view.index).toBe(4);
    }
  });

  it("follows deletions, and tells nothing of tombstones", () => {
    const node = new Node();
    node.do(formCommand(), createCommand());
    const reader = node.tail(routes, KEY);
    const target = { account: ACCOUNT, streamName: "orders", streamId: "id-1", nowMs: 1 };
    node.do({ kind: "delete-stream", ...target }, { kind: "remove-stream", ...target });
    expect(reader.view.snapshot().map(({ key }) => key)).toEqual([
      "cluster",
      "node/1",
      "node/2",
      "node/3",
    ]);
    expect(node.state.tombstones.size).toBe(2);
  });
});

describe("a node that has known no leader for ten seconds", () => {
  it("sends its readers elsewhere, as it may have been taken out of the group, and takes them back in time", () => {
    let hasLeader = true;
    const node = new Node({ hasLeader: () => hasLeader });
    node.do(formCommand());
    const reader = node.tail();
    const pass = (ms: number): void => {
      for (let passed = 0; passed < ms; passed += 500) node.clock.advance(500);
    };
    pass(60_000);
    hasLeader = false;
    pass(9_000);
    hasLeader = true; // an election
    pass(1_000);
    hasLeader = false;
    pass(10_000);
    expect(reader.error).toBeUndefined();
    pass(1_000);
    expect(reader.error?.code).toBe("unavailable");
    const again = node.tail({ fromIndex: 1 });
    pass(9_000);
    expect(again.error).toBeUndefined();
    hasLeader = true;
    pass(60_000);
    expect([again.error, node.server.openTails]).toEqual([undefined, 1]);
  });
});
