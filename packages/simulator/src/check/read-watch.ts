/**
 * Every linearizable read of a group, and some that nobody needs, held against what was applied.
 *
 *   O13 (S12)  a read answers with at least what any replica had applied when it was asked
 *
 * A leader that was deposed and does not know it is the one that could answer wrongly, and it seldom has
 * reason to. So whenever two nodes take themselves for the leader of a group, both are asked.
 */
import { StreamError } from "@millrace/base";
import type { Group, Lane } from "@millrace/replica";

import type { SimRandom } from "../kernel/sim-random.ts";

/** Share of looks at which some replica of some group is asked. */
const ASKED_SHARE = 0.1;

export class ReadWatch {
  readonly #random: SimRandom;
  readonly #newestApplied: (groupId: number) => number;
  readonly #broken: (sentence: string) => void;

  /** @param newestApplied Highest index that any replica of the group has applied. */
  constructor(
    random: SimRandom,
    newestApplied: (groupId: number) => number,
    broken: (sentence: string) => void,
  ) {
    this.#random = random;
    this.#newestApplied = newestApplied;
    this.#broken = broken;
  }

  /** Looks at each read of the group from now on. */
  watch(nodeId: number, group: Group): void {
    const readIndex = group.readIndex.bind(group);
    const { groupId } = group;
    group.readIndex = (done) => {
      const least = this.#newestApplied(groupId);
      readIndex((answer) => {
        if (!(answer instanceof StreamError) && answer < least) {
          this.#broken(
            `O13: node ${nodeId} read group ${groupId} at ${answer} after ${least} was applied`,
          );
        }
        done(answer);
      });
    };
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
