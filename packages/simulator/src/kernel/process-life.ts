import type { Owner } from "./scheduler.ts";

/** One life of a process, from its start to its crash; the next start is another life (T3). */
export class ProcessLife implements Owner {
  readonly name: string;
  alive = true;
  paused = false;

  constructor(name: string) {
    this.name = name;
  }
}
