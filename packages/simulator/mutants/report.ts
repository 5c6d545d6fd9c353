/** What became of each mutant, kept so that a run that was cut off goes on where it was. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { OUTPUT } from "./bundle.ts";

export interface Row {
  readonly name: string;
  readonly does: string;
  /** Hash of the sources that it was tried on. */
  readonly tree: string;
  /** Seeds that were run. */
  readonly seeds: number;
  /** The seed, the rule that a check named and its sentence, when it was caught. */
  readonly seed?: number;
  readonly rule?: string;
  readonly violation?: string;
  /** Of all its seeds together. */
  readonly seconds?: number;
  /** What is to be said of one that survived. */
  readonly remark?: string | undefined;
}

export class Report {
  readonly #path: string;
  readonly #rows = new Map<string, Row>();

  /** @param anew forgets what an earlier run has written. */
  constructor(name: string, anew: boolean) {
    mkdirSync(OUTPUT, { recursive: true });
    this.#path = join(OUTPUT, `${name}.json`);
    if (anew || !existsSync(this.#path)) return;
    const rows = JSON.parse(readFileSync(this.#path, "utf8")) as readonly Row[];
    for (const row of rows) this.#rows.set(row.name, row);
  }

  /** A catch on these very sources. Survivors are tried again: a check may have been added. */
  find(name: string, tree: string): Row | undefined {
    const row = this.#rows.get(name);
    return row?.tree === tree && row.seed !== undefined ? row : undefined;
  }

  add(row: Row): void {
    this.#rows.set(row.name, row);
    writeFileSync(this.#path, `${JSON.stringify([...this.#rows.values()], undefined, 2)}\n`);
  }
}
