/**
 * One run of a random host over one lane that is killed at a named place, and then judged.
 *
 * A run without a victim counts how often each place is passed; the same seed then passes them in the
 * same order, so "the third sync of a segment" means the same moment again.
 */
import type { Random } from "@millrace/base";
import { SeededRandom } from "@millrace/base/testing";
import { LaneStorage } from "@millrace/storage";
import { CrashModel, crashPointsOf, laneOptions } from "@millrace/storage/testing";
import type { CrashPoint, HostHabits } from "@millrace/storage/testing";

import { SimDisk } from "./sim-disk.ts";
import type { DiskEvent, PowerCut } from "./sim-disk.ts";

const TURNS = 260;
/** After these turns the host stops and starts again, so that recovery's own places are passed. */
const RESTART_EVERY = 90;
const HABITS: HostHabits = {
  largePercent: 60,
  commitPercent: 80,
  groupsMax: 5,
  dropPercent: 3,
  trimPercent: 12,
};

/** Where to crash, and how. */
export interface Victim {
  readonly point: CrashPoint;
  /** 1 for the first time that an operation there comes to this moment. */
  readonly occurrence: number;
  readonly moment: DiskEvent["moment"];
  readonly loss: PowerCut["lose"] | "process";
}

export interface PointRun {
  /** Times an operation came to each moment of each place; only writes and syncs are ever `pending`. */
  readonly hits: Readonly<Record<DiskEvent["moment"], ReadonlyMap<CrashPoint, number>>>;
  /** Whether the victim's place was reached, and what was wrong after it. */
  readonly crashed: boolean;
  readonly wrong: readonly string[];
}

export function runToPoint(seed: number, victim?: Victim): Promise<PointRun> {
  return new RunToPoint(seed, victim).run();
}

class RunToPoint {
  readonly #random: Random;
  readonly #lossRandom: Random;
  readonly #disk: SimDisk;
  readonly #model: CrashModel;
  readonly #victim: Victim | undefined;
  readonly #hits = {
    before: new Map<CrashPoint, number>(),
    pending: new Map<CrashPoint, number>(),
    after: new Map<CrashPoint, number>(),
  };
  #crashed = false;

  constructor(seed: number, victim: Victim | undefined) {
    this.#random = new SeededRandom(seed);
    this.#lossRandom = new SeededRandom(seed + 1);
    this.#disk = new SimDisk({ random: this.#lossRandom });
    this.#model = new CrashModel(this.#random, HABITS);
    this.#victim = victim;
  }

  async run(): Promise<PointRun> {
    const crashed = new Promise<void>((resolve) => {
      this.#disk.observe = (event) => this.#watch(event, resolve);
    });
    const wrong: string[] = [];
    await Promise.race([crashed, this.#work(wrong)]);
    this.#disk.observe = undefined;
    this.#model.lane = undefined;
    if (this.#crashed) wrong.push(...(await this.#reopen()));
    return { hits: this.#hits, crashed: this.#crashed, wrong };
  }

  #watch(event: DiskEvent, crashed: () => void): void {
    const hits = this.#hits[event.moment];
    const { moment, occurrence, loss } = this.#victim ?? {};
    for (const point of crashPointsOf(event)) {
      const hit = (hits.get(point) ?? 0) + 1;
      hits.set(point, hit);
      if (point !== this.#victim?.point || event.moment !== moment || hit !== occurrence) continue;
      this.#disk.observe = undefined;
      this.#crashed = true;
      if (loss === undefined || loss === "process") this.#disk.killProcess();
      else this.#disk.powerCut({ lose: loss });
      crashed();
      return;
    }
  }

  /** Works, and restarts now and then through a power cut that tears what is under way. */
  async #work(wrong: string[]): Promise<void> {
    this.#model.lane = await this.#open();
    for (let turn = 1; turn <= TURNS; turn++) {
      await this.#model.turn();
      // A dead host goes on until it waits for the disk; it must not restart what comes after it.
      if (this.#crashed) return;
      const { lane } = this.#model;
      if (lane?.failed !== undefined) throw lane.failed;
      if (turn % RESTART_EVERY !== 0) continue;
      this.#disk.powerCut({ lose: "subset" });
      wrong.push(...(await this.#reopen()));
    }
    await this.#model.lane?.close();
  }

  async #reopen(): Promise<readonly string[]> {
    const lane = await this.#open();
    return this.#model.adopt(lane, await this.#model.inspect(lane));
  }

  #open(): Promise<LaneStorage> {
    return LaneStorage.open(laneOptions(this.#disk.mount(), { tailCacheBytes: 0 }));
  }
}
