/**
 * Every linearizable read of a group, and some that nobody needs, held against what was applied.
 *
 *   O13 (S12)  a read answers with at least what any replica had applied when it was asked
 *   O31 (S12)  a leader answers when a majority has answered heartbeats in its term since it was asked
 *
 * A leader that was deposed and does not know it is the one that could answer wrongly, and it seldom has
 * reason to. So whenever two nodes take themselves for the leader of a group, both are asked.
 */
import { StreamError } from "@millrace/base";
import type { Group, Lane } from "@millrace/replica";

import type { SimRandom } from "../kernel/sim-random.ts";
import type { Message } from "./message-promises.ts";

/** Share of looks at which some replica of some group is asked. */
const ASKED_SHARE = 0.1;

export class ReadWatch {
  /** When each replica answered a heartbeat last, by group, term and replica. */
  readonly #answered = new Map<string, number>();
  readonly #nowMs: () => number;
  readonly #random: SimRandom;
  readonly #newestApplied: (groupId: number) => number;
  readonly #broken: (sentence: string) => void;

  /** @param newestApplied Highest index that any replica of the group has applied. */
  constructor(
    random: SimRandom,
    newestApplied: (groupId: number) => number,
    broken: (sentence: string) => void,
    nowMs: () => number,
  ) {
    this.#nowMs = nowMs;
    this.#random = random;
    this.#newestApplied = newestApplied;
    this.#broken = broken;
  }

  /** Looks at each read of the group from now on. */
  watch(nodeId: number, group: Group): void {
    const readIndex = group.readIndex.bind(group);
    const { groupId } = group;
    group.readIndex = (done) => {
      const { role, term } = group;
      const askedMs = this.#nowMs();
      const least = this.#newestApplied(groupId);
      readIndex((answer) => {
        if (!(answer instanceof StreamError) && answer < least) {
          this.#broken(
            `O13: node ${nodeId} read group ${groupId} at ${answer} after ${least} was applied`,
          );
        }
        const led = role === "leader" && group.role === "leader" && group.term === term;
        if (led && !(answer instanceof StreamError)) this.#confirmed(nodeId, group, askedMs);
        done(answer);
      });
    };
  }

  /** A node has sent a message. */
  said(groupId: number, { type, term, from }: Message): void {
    if (type === "MsgHeartbeatResp") {
      this.#answered.set(`${groupId}/${term}/${from}`, this.#nowMs());
    }
  }

  #confirmed(nodeId: number, group: Group, askedMs: number): void {
    const { groupId, term, replicaId } = group;
    const { voters, isJoint } = group.membership;
    if (isJoint) return;
    const since = voters.filter((id) => {
      return id === replicaId || (this.#answered.get(`${groupId}/${term}/${id}`) ?? -1) >= askedMs;
    });
    if (since.length * 2 > voters.length) return;
    this.#broken(
      `O31: node ${nodeId} answers a read of group ${groupId} in term ${term}, ` +
        `which ${since.length} of ${voters.length} voters have confirmed`,
    );
  }

  /** Asks where an answer could be wrong, and now and then anywhere. */
  ask(lanes: readonly Lane[]): void {
    const groups = lanes.flatMap((lane) => [...lane.groups()]);
    const led = new Map<number, Group[]>();
    for (const group of groups) {
      if (group.role !== "leader") continue;
      led.set(group.groupId, [...(led.get(group.groupId) ?? []), group]);
    }
    for (const leaders of led.values()) {
      if (leaders.length > 1) for (const group of leaders) group.readIndex(() => {});
    }
    if (groups.length > 0 && this.#random.chance(ASKED_SHARE)) {
      this.#random.pick(groups).readIndex(() => {});
    }
  }
}
