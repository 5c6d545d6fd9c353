/**
 * One shard on three brokers under random faults: processes die with what they had not synced, links
 * are cut, producers retry and a reader polls all the while. A seed replays a run.
 */
import { SeededRandom } from "@millrace/base/testing";
import { decodeAppendResponse, decodeFetchResponse, encodeFetchRequest } from "@millrace/rpc";
import { describe, expect, it } from "vitest";

import { BrokerCluster, FIRST_GROUP } from "./testing/broker-cluster.ts";
import { CLUSTER, nth, recordTexts } from "./testing/fixtures.ts";
import { MessagePipe } from "./testing/message-pipe.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const PRODUCERS = 3;
const RUN_MS = 6_000;
const STEP_MS = 20;
/** A producer without an answer for so long sends again, to whoever leads then. */
const ANSWER_MS = 600;

interface Acknowledged {
  readonly text: string;
  readonly baseOffset: number;
  readonly term: number;
}

/** Sends one put after the other, each under one sequence until it is acknowledged. */
class Producer {
  readonly id: number;
  readonly submitted: string[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly #cluster: BrokerCluster;
  #pipe: MessagePipe | undefined;
  #sentMs = 0;

  constructor(cluster: BrokerCluster, id: number) {
    this.#cluster = cluster;
    this.id = id;
  }

  get isIdle(): boolean {
    return this.submitted.length === this.acknowledged.length;
  }

  step(nowMs: number, mayBegin: boolean): void {
    this.#takeAnswer();
    if (this.isIdle && mayBegin) this.submitted.push(`p${this.id}-${this.submitted.length}`);
    const waits = this.#pipe !== undefined && nowMs - this.#sentMs < ANSWER_MS;
    if (!this.isIdle && !waits) this.#send(nowMs);
  }

  #takeAnswer(): void {
    const message = this.#pipe?.sent[0];
    if (message === undefined) return;
    this.#pipe = undefined;
    const answer = decodeAppendResponse(message);
    if (answer.failure !== undefined) return;
    const { baseOffset, term } = answer;
    this.acknowledged.push({ text: nth(this.submitted, -1), baseOffset, term });
  }

  #send(nowMs: number): void {
    const { lanes } = this.#cluster;
    const nodeId = lanes.leaderNode(FIRST_GROUP) ?? nth(lanes.liveNodeIds, 0);
    const { pipe, put } = this.#cluster.appends(nodeId);
    const sequence = this.submitted.length;
    put(FIRST_GROUP, nth(this.submitted, -1), { id: this.id, sequence });
    this.#pipe = pipe;
    this.#sentMs = nowMs;
  }
}

/** Polls from its own offset on; every record it was given must stay what it was (S2, S5). */
class Reader {
  readonly texts: string[] = [];
  readonly #cluster: BrokerCluster;
  #pipe: MessagePipe | undefined;

  constructor(cluster: BrokerCluster) {
    this.#cluster = cluster;
  }

  step(): void {
    const message = this.#pipe?.sent[0];
    this.#pipe = undefined; // what is not answered by now is asked again
    if (message !== undefined) {
      const page = decodeFetchResponse(message);
      if (page.failure === undefined) {
        for (const slice of page.slices) {
          expect(slice.baseOffset).toBe(this.texts.length);
          this.texts.push(...recordTexts([slice.records]));
        }
      }
    }
    const nodeId = this.#cluster.lanes.leaderNode(FIRST_GROUP);
    if (nodeId === undefined) return;
    this.#pipe = new MessagePipe();
    this.#cluster.broker(nodeId).handlers.fetchStream(this.#pipe, { principal: CLUSTER });
    const offset = this.texts.length;
    const rest = { maxBytes: 100_000, maxRecords: 1000, waitMs: 0, limited: false };
    this.#pipe.receive(encodeFetchRequest({ requestId: 1, groupId: FIRST_GROUP, offset, ...rest }));
  }
}

/** At most one node is dead or cut off at a time, so that a majority can go on. */
class Faults {
  readonly #cluster: BrokerCluster;
  readonly #random: SeededRandom;
  #dead: number | undefined;
  #cut = false;

  constructor(cluster: BrokerCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
  }

  async step(): Promise<void> {
    if (this.#random.uniform(25) > 0) return;
    if (this.#dead !== undefined || this.#cut) return this.heal();
    const nodeId = this.#random.uniform(3) + 1;
    const victim =
      this.#random.uniform(2) === 0
        ? nodeId
        : (this.#cluster.lanes.leaderNode(FIRST_GROUP) ?? nodeId);
    if (this.#random.uniform(2) === 0) {
      this.#dead = victim;
      this.#cluster.kill(victim);
    } else {
      this.#cut = true;
      const others = this.#cluster.lanes.nodeIds.filter((id) => id !== victim);
      this.#cluster.lanes.network.partition([victim], others);
    }
  }

  async heal(): Promise<void> {
    const dead = this.#dead;
    this.#dead = undefined;
    this.#cut = false;
    this.#cluster.lanes.network.heal();
    if (dead !== undefined) await this.#cluster.revive(dead);
  }
}

describe("a shard under random faults", () => {
  it.each(SEEDS)("keeps S1 to S5 and S11 with seed %i", async (seed) => {
    const cluster = await BrokerCluster.create(1, seed);
    const { lanes } = cluster;
    const producers = Array.from({ length: PRODUCERS }, (_, id) => new Producer(cluster, id + 1));
    const reader = new Reader(cluster);
    const faults = new Faults(cluster, new SeededRandom(seed));
    const step = async (mayBegin: boolean) => {
      for (const producer of producers) producer.step(lanes.clock.monotonicMs(), mayBegin);
      reader.step();
      await lanes.run(STEP_MS);
    };
    for (let ms = 0; ms < RUN_MS; ms += STEP_MS) {
      await faults.step();
      await step(true);
    }
    await faults.heal();
    for (let ms = 0; ms < 30_000 && producers.some(({ isIdle }) => !isIdle); ms += STEP_MS) {
      await step(false);
    }
    await lanes.electAll([FIRST_GROUP]);

    const stored = await cluster.read(FIRST_GROUP);
    const acknowledged = producers.flatMap((producer) => producer.acknowledged);
    const submitted = producers.flatMap((producer) => producer.submitted);
    expect(acknowledged.length).toBeGreaterThan(20); // the run did something
    expect(acknowledged.map(({ baseOffset }) => stored[baseOffset])).toEqual(
      acknowledged.map(({ text }) => text),
    ); // S1
    expect(stored.toSorted()).toEqual(submitted.toSorted()); // S4: all of it, once, and nothing else
    expect(reader.texts).toEqual(stored.slice(0, reader.texts.length)); // S2, S5
    await lanes.runUntil(() =>
      lanes.nodeIds.every(
        (id) =>
          lanes.group(id, FIRST_GROUP).appliedIndex === cluster.leader(FIRST_GROUP).appliedIndex,
      ),
    );
    const states = lanes.nodeIds.map((id) => cluster.machines.get(id)?.snapshot());
    expect(states[1]).toEqual(states[0]); // S2
    expect(states[2]).toEqual(states[0]);
    await cluster.stop();
  });
});
