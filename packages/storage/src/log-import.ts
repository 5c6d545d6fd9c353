/**
 * A log that another replica ships to this one, received into segments that no reader sees before one
 * frame of the WAL names them all.
 *
 * Nothing of it is relied on until then, so its errors are the receiver's and not the lane's: a failed
 * write or sync costs the import and no acknowledged byte.
 *
 *   I1  a byte is kept only behind an intact chain of frames: checksum, next index, terms that do not fall
 *   I2  all segments are synced, and their names in `segments/` too, before a frame names them (F1)
 *   I3  files that no frame named are gone, or gone on with, after the next start
 */
import { invariant, StreamError } from "@millrace/base";

import type { ImportStart, LogChunk, LogImport } from "./healing-types.ts";
import { ImportPart } from "./import-part.ts";
import type { FinishedPart, ImportContext } from "./import-part.ts";
import type { ResumedParts } from "./import-resume.ts";
import { partPath } from "./incoming.ts";
import { diskErrorCode } from "./lane-error.ts";
import { verifiedEntries } from "./log-chunk.ts";
import type { LogPosition } from "./memory-log.ts";
import { removeIfPresent } from "./read-file.ts";
import type { Extent } from "./segment-format.ts";

type Phase = "receiving" | "broken" | "finished" | "named" | "aborted";

export interface ImportTarget {
  readonly groupId: number;
  readonly replicaId: number;
}

export class LaneImport implements LogImport {
  readonly groupId: number;
  readonly replicaId: number;
  readonly afterIndex: number;
  readonly afterTerm: number;
  readonly #context: ImportContext;
  readonly #partBytes: number;
  readonly #ended: () => void;
  #finished: readonly FinishedPart[];
  #current: ImportPart | undefined;
  #nextIndex: number;
  #lastTerm: number;
  #after: LogPosition;
  #phase: Phase = "receiving";
  #busy: Promise<void> | undefined;

  /** `ended` is called once, when the import is named or given up. */
  constructor(
    context: ImportContext,
    target: ImportTarget,
    { start, finished, current, nextIndex, lastTerm, after }: ResumedParts,
    ended: () => void,
    partBytes: number,
  ) {
    this.#context = context;
    this.groupId = target.groupId;
    this.replicaId = target.replicaId;
    this.afterIndex = start.afterIndex;
    this.afterTerm = start.afterTerm;
    this.#finished = finished;
    this.#current = current;
    this.#nextIndex = nextIndex;
    this.#lastTerm = lastTerm;
    this.#after = after;
    this.#ended = ended;
    this.#partBytes = partBytes;
  }

  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** Term of entry `nextIndex - 1`. */
  get lastTerm(): number {
    return this.#lastTerm;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether one that asks for entries behind `from` can go on with this. */
  goesOnFrom({ afterIndex, afterTerm }: ImportStart): boolean {
    if (this.#phase !== "receiving") return false;
    if (afterIndex === this.afterIndex) return afterTerm === this.afterTerm;
    if (afterIndex < this.afterIndex || afterIndex >= this.#nextIndex) return false;
    return this.#termAt(afterIndex) === afterTerm;
  }

  #termAt(index: number): number | undefined {
    const runs = this.#finished.flatMap(({ extent }) => extent.terms);
    runs.push(...(this.#current?.builder.terms ?? []));
    return runs.findLast(({ firstIndex }) => firstIndex <= index)?.term;
  }

  add(chunk: LogChunk): Promise<void> {
    return this.#alone("receiving", async () => {
      const entries = verifiedEntries(chunk, this.#nextIndex, this.#lastTerm); // I1
      await this.#breaking(async () => {
        const part = await this.#partFor();
        await part.add(chunk.frames, entries);
        this.#after = part.builder.after;
      });
      this.#nextIndex = chunk.lastIndex + 1;
      this.#lastTerm = entries.at(-1)?.term ?? this.#lastTerm;
    });
  }

  async finish(): Promise<void> {
    if (this.#phase === "finished") return;
    await this.#alone("receiving", async () => {
      await this.#breaking(async () => {
        await this.#finishPart();
        await this.#moveParts();
      });
      this.#phase = "finished";
    });
  }

  async abort(): Promise<void> {
    await this.#busy?.catch(() => {});
    if (this.#phase === "named" || this.#phase === "aborted") return;
    this.#phase = "aborted";
    this.#ended();
    const { fileSystem, layout } = this.#context;
    const current = this.#current;
    this.#current = undefined;
    await current?.close();
    for (const { part } of [...this.#finished, ...(current === undefined ? [] : [current])]) {
      await removeIfPresent(fileSystem, partPath(layout, part));
      await removeIfPresent(fileSystem, layout.segment(part.segmentId));
    }
  }

  /** Lets go of the file; what is in it waits for the next start. */
  async release(): Promise<void> {
    await this.#busy?.catch(() => {});
    const current = this.#current;
    this.#current = undefined;
    if (this.#phase === "receiving") this.#phase = "broken";
    await current?.close();
  }

  /** Of a finished import, ascending. */
  get extents(): readonly Extent[] {
    return this.#finished.map(({ extent }) => extent);
  }

  /** The lane takes the segments over: from here on the log decides what becomes of them. */
  take(): void {
    invariant(this.#phase === "finished", () => `an import is taken while it is ${this.#phase}`);
    this.#phase = "named";
    this.#ended();
  }

  async #partFor(): Promise<ImportPart> {
    const current = this.#current;
    if (current !== undefined && current.builder.position < this.#partBytes) return current;
    await this.#finishPart();
    const { groupId, replicaId } = this;
    const position = { afterIndex: this.#nextIndex - 1, afterTerm: this.#lastTerm };
    const part = { segmentId: this.#context.nextSegmentId(), groupId, replicaId, ...position };
    this.#current = await ImportPart.make(this.#context, part, this.#after);
    return this.#current;
  }

  async #finishPart(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const finished = await current.finish();
    this.#current = undefined;
    this.#finished = [...this.#finished, finished];
  }

  /** I2. A crash in the middle leaves segments that no log names, and an import that begins again. */
  async #moveParts(): Promise<void> {
    const { fileSystem, layout } = this.#context;
    for (const { part } of this.#finished) {
      await fileSystem.rename(partPath(layout, part), layout.segment(part.segmentId));
    }
    if (this.#finished.length === 0) return;
    await fileSystem.syncDirectory(layout.segments);
    await fileSystem.syncDirectory(layout.incoming);
  }

  /** One call at a time: a second one beside it would put its frames in the same place. */
  async #alone(phase: Phase, work: () => Promise<void>): Promise<void> {
    if (this.#busy !== undefined || this.#phase !== phase) {
      const state = this.#busy === undefined ? this.#phase : "busy with another call";
      throw new StreamError("wrong-state", `the import of group ${this.groupId} is ${state}`);
    }
    this.#busy = work();
    try {
      await this.#busy;
    } finally {
      this.#busy = undefined;
    }
  }

  /** After an error of the disk nothing is known about the file. */
  async #breaking(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#phase = "broken";
      throw new StreamError(
        diskErrorCode(error),
        `the import of group ${this.groupId} cannot go on: ${String(error)}`,
        { cause: error },
      );
    }
  }
}
