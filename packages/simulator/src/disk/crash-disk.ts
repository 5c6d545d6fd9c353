/** The simulated disk in the shape that the storage's crash test drives. */
import type { Random } from "@millrace/base";
import type { CrashDisk } from "@millrace/storage/testing";

import { SimDisk } from "./sim-disk.ts";
import type { PowerCut } from "./sim-disk.ts";

const CUTS: Record<string, PowerCut["lose"]> = {
  "power cut, all": "all",
  "power cut, none": "none",
  "power cut, subset": "subset",
  "power cut, prefix": "prefix",
  "power cut, suffix": "suffix",
};

/** A disk whose power cuts leave units of `atomicBytes` whole. */
export function crashDisk(random: Random, atomicBytes: 512 | 4096): CrashDisk {
  const disk = new SimDisk({ random });
  return {
    attach: () => disk.mount(),
    observe: (run) => {
      disk.observe = run;
    },
    losses: [...Object.keys(CUTS), "process", "process"],
    crash: (loss) => {
      const lose = CUTS[loss];
      if (lose === undefined) disk.killProcess();
      else disk.powerCut({ lose, atomicBytes });
    },
  };
}
