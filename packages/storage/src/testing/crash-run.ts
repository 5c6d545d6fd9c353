/**
 * One run of the crash test: a random host over a disk that crashes again and again, in the middle of
 * work, of opening, of reading back, or soon after the last crash.
 *
 * Kept apart from the test that draws seeds, so that a seed that once failed can be named in a test.
 */
import type { FileSystem, Random } from "@millrace/base";
import { SeededRandom } from "@millrace/base/testing";

import { LaneStorage } from "../lane-storage.ts";
import { CrashModel } from "./crash-model.ts";
import type { HostHabits } from "./crash-model.ts";
import { laneOptions } from "./lane-fixture.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import type { CrashOptions } from "./memory-file-system.ts";

const ROUNDS = 6;
const TURNS_MAX = 400;
/** Crashes in a row before a lane gets the time to open. */
const CRASHES_IN_OPEN_MAX = 4;

/** A disk as the crash test needs it. */
export interface CrashDisk {
  /** The disk as one process sees it, until the next crash. */
  attach(): FileSystem;
  /** Calls `run` in each operation, where a crash may fall; `undefined` ends that. */
  observe(run: (() => void) | undefined): void;
  /** Ways to crash, each as likely; a name given twice is twice as likely. */
  readonly losses: readonly string[];
  crash(loss: string): void;
}

const MEMORY_LOSSES: readonly CrashOptions["lose"][] = ["all", "subset", "process", "process"];

function memoryDisk(random: Random): CrashDisk {
  const disk = new MemoryFileSystem();
  return {
    attach: () => disk.attach(),
    observe: (run) => {
      disk.observe = run;
    },
    losses: MEMORY_LOSSES,
    crash: (loss) => {
      disk.crash({ lose: MEMORY_LOSSES.find((known) => known === loss) ?? "all", random });
    },
  };
}

/** Hosts that reach different windows: much to flush, long uncommitted tails, many small groups. */
const HABITS: readonly HostHabits[] = [
  { largePercent: 30, commitPercent: 100, groupsMax: 4 },
  { largePercent: 70, commitPercent: 60, groupsMax: 4 },
  { largePercent: 60, commitPercent: 25, groupsMax: 3 },
  { largePercent: 15, commitPercent: 50, groupsMax: 6, dropPercent: 5, trimPercent: 15 },
];

class CrashRun {
  readonly seed: number;
  readonly #random: SeededRandom;
  readonly #disk: CrashDisk;
  readonly #model: CrashModel;
  /** How the last crash, and those before it since the last lane that opened, treated the disk. */
  #losses: string[] = [];

  constructor(seed: number, makeDisk: (random: Random) => CrashDisk) {
    this.seed = seed;
    this.#random = new SeededRandom(seed);
    this.#disk = makeDisk(this.#random);
    const habits = HABITS[this.#random.uniform(HABITS.length)];
    this.#model = new CrashModel(this.#random, habits);
  }

  /** What was found that must not be, with the way to get there. */
  async run(): Promise<readonly string[]> {
    this.#model.lane = await this.#open();
    for (let round = 0; round < ROUNDS; round++) {
      await this.#crashWithin(this.#operations(), () => this.#work());
      const wrong = await this.#reopen();
      const losses = this.#losses.join(", ");
      if (wrong.length > 0) return [`seed ${this.seed}, round ${round}: ${losses}`, ...wrong];
      this.#losses = [];
    }
    return [];
  }

  /** Few operations for a crash right after the last one, many to fill and flush files. */
  #operations(): number {
    return this.#random.uniform(3) === 0
      ? 1 + this.#random.uniform(40)
      : 20 + this.#random.uniform(800);
  }

  /** Ends with the lane's life: turns beside those of its successor would not be of one host. */
  async #work(): Promise<void> {
    const { lane } = this.#model;
    for (let turn = 0; turn < TURNS_MAX && this.#model.lane === lane; turn++) {
      await this.#model.turn();
      if (this.#model.lane?.failed !== undefined) throw this.#model.lane.failed;
    }
  }

  /** Opens the lane and reads everything back, through a few crashes that interrupt just that. */
  async #reopen(): Promise<readonly string[]> {
    try {
      for (let crashes = 0; crashes < CRASHES_IN_OPEN_MAX; crashes++) {
        if (this.#random.uniform(2) === 0) break;
        await this.#crashWithin(1 + this.#random.uniform(120), async () => {
          await this.#model.inspect(await this.#open());
        });
      }
      const lane = await this.#open();
      return this.#model.adopt(lane, await this.#model.inspect(lane));
    } catch (error) {
      return [String(error)];
    }
  }

  #open(): Promise<LaneStorage> {
    const tailCacheBytes = this.#random.uniform(2) * 300_000;
    return LaneStorage.open(laneOptions(this.#disk.attach(), { tailCacheBytes }));
  }

  /** Crashes at the disk's n-th operation from now, or when the work ends before it. */
  async #crashWithin(operations: number, work: () => Promise<void>): Promise<void> {
    const { losses } = this.#disk;
    const lose = losses[this.#random.uniform(losses.length)] ?? "all";
    this.#losses.push(lose);
    let left = operations;
    const crash = () => {
      this.#disk.observe(undefined);
      this.#disk.crash(lose);
    };
    const crashed = new Promise<"crashed">((resolve) => {
      this.#disk.observe(() => {
        if (--left > 0) return;
        crash();
        resolve("crashed");
      });
    });
    if ((await Promise.race([crashed, work()])) !== "crashed") crash();
    this.#model.lane = undefined;
  }
}

/** Complaints of one run; none when the lane kept its promises. */
export const crashRun = (
  seed: number,
  makeDisk: (random: Random) => CrashDisk = memoryDisk,
): Promise<readonly string[]> => new CrashRun(seed, makeDisk).run();
