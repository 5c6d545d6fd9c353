/**
 * One look at everything on the disk that must not change any more. Damage that nobody reads waits for the
 * day on which the last good copy elsewhere is gone, so it is looked for while peers still have the data.
 *
 * What is found is mended from memory where the lane still has it (identity, states, the log), and told to
 * the host where only a peer has it (entries in segments).
 */
import { requireWithin, StreamError } from "@millrace/base";
import type { Clock, Counter, FileSystem, Gauge, Logger, Metrics } from "@millrace/base";

import type { ScrubOptions, ScrubReport } from "./healing-types.ts";
import type { IdentityKeeper } from "./lane-identity.ts";
import type { LaneGroup } from "./lane-group.ts";
import type { LaneParts } from "./lane-open.ts";
import { ScrubPace } from "./scrub-pace.ts";
import { liveExtents, scrubSegment } from "./scrub-segments.ts";
import { scrubStates } from "./scrub-states.ts";
import { scrubWal } from "./scrub-wal.ts";

export interface ScrubHost {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly parts: LaneParts;
  readonly identity: IdentityKeeper;
  groups(): Iterable<LaneGroup>;
  walFiles(): readonly number[];
  /** Newest durable batch. */
  lastSeq(): number;
  /** Opens the next WAL file with a fresh checkpoint, just before which `prepare` runs; resolves when it is durable. */
  rollWal(prepare: () => void): Promise<void>;
}

type Findings = { -readonly [Field in keyof ScrubReport]: ScrubReport[Field] };

const NOTHING_FOUND: ScrubReport = {
  complete: false,
  bytes: 0,
  segments: 0,
  extents: 0,
  stateFiles: 0,
  walFiles: 0,
  damagedExtents: 0,
  damagedStateFiles: 0,
  damagedWalFiles: 0,
  damagedIdentity: false,
};

const BYTES_PER_SECOND_MAX = 2 ** 40;

export class Scrubber {
  readonly #host: ScrubHost;
  readonly #stop = new AbortController();
  readonly #bytes: Counter;
  readonly #errors: Counter;
  readonly #lastPass: Gauge;
  #running: Promise<unknown> | undefined;
  #lastPassMs: number | undefined;
  readonly counters = { scrubbedBytes: 0, scrubErrors: 0 };

  constructor(host: ScrubHost) {
    this.#host = host;
    const { metrics } = host;
    this.#bytes = metrics.counter("millrace_storage_scrubbed_bytes_total", "Bytes read by scrubs");
    this.#errors = metrics.counter(
      "millrace_storage_scrub_errors_total",
      "Extents, state files, WAL files and identities that scrubs found damaged",
    );
    this.#lastPass = metrics.gauge(
      "millrace_storage_last_scrub_timestamp_seconds",
      "Unix time at which the last whole pass ended, 0 before the first since the start",
    );
    this.#lastPass.set(0);
  }

  /** Seconds since a whole pass ended, `undefined` before the first one since the start. */
  get secondsSinceScrub(): number | undefined {
    if (this.#lastPassMs === undefined) return undefined;
    return (this.#host.clock.monotonicMs() - this.#lastPassMs) / 1000;
  }

  /** @throws StreamError `wrong-state` while another pass runs, `invalid-argument`. */
  async scrub({ bytesPerSecond, signal }: ScrubOptions): Promise<ScrubReport> {
    requireWithin("bytesPerSecond", bytesPerSecond, 1, BYTES_PER_SECOND_MAX);
    if (this.#running !== undefined) throw new StreamError("wrong-state", "a scrub is running");
    const signals = [this.#stop.signal, ...(signal === undefined ? [] : [signal])];
    const pace = new ScrubPace(this.#host.clock, bytesPerSecond, signals);
    const running = this.#pass(pace);
    this.#running = running.catch(() => {});
    try {
      return await running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends the pass that runs. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #pass(pace: ScrubPace): Promise<ScrubReport> {
    const found: Findings = { ...NOTHING_FOUND };
    try {
      await this.#identity(found);
      await this.#logAndStates(pace, found);
      await this.#segments(pace, found);
      found.complete = true;
      this.#lastPassMs = this.#host.clock.monotonicMs();
      this.#lastPass.set(Math.floor(this.#host.clock.nowMs() / 1000));
    } catch (error) {
      const ended = error instanceof StreamError && error.code === "cancelled";
      if (!ended || !pace.isStopped) throw error;
    } finally {
      this.#count(pace.bytes, found);
    }
    return { ...found, bytes: pace.bytes };
  }

  async #identity(found: Findings): Promise<void> {
    found.damagedIdentity = await this.#host.identity.heal();
    if (found.damagedIdentity) this.#tell("the identity file was damaged and is written again", {});
  }

  /** Both are mended by the same thing: a checkpoint in a new file. */
  async #logAndStates(pace: ScrubPace, found: Findings): Promise<void> {
    const { fileSystem, parts } = this.#host;
    const { layout, states } = parts;
    const walFiles = () => this.#host.walFiles();
    const lastSeq = () => this.#host.lastSeq();
    const wal = await scrubWal({ fileSystem, layout, pace, walFiles, lastSeq });
    const verdict = await scrubStates([...this.#host.groups()], states, pace);
    found.walFiles = wal.files;
    found.damagedWalFiles = wal.damaged.length;
    found.stateFiles = verdict.files;
    found.damagedStateFiles = verdict.damaged.size;
    for (const { fileSeq, reason } of wal.damaged) {
      this.#tell("a file of the write-ahead log is damaged; a new one supersedes it", {
        path: layout.walFile(fileSeq),
        reason,
      });
    }
    for (const fileId of verdict.damaged) {
      this.#tell("a state file is damaged; its states are written again", {
        path: layout.stateFile(fileId),
      });
    }
    const newest = walFiles().at(-1);
    // Older files are on their way to the segments as it is.
    const inNewest = wal.damaged.some(({ fileSeq }) => fileSeq === newest);
    if (inNewest || verdict.damaged.size > 0) await this.#host.rollWal(verdict.replace);
  }

  async #segments(pace: ScrubPace, found: Findings): Promise<void> {
    const { fileSystem, parts } = this.#host;
    const { layout, identity } = parts;
    const context = { fileSystem, layout, incarnation: identity.incarnation, pace };
    for (const [segmentId, candidates] of liveExtents(this.#host.groups())) {
      const { extents, damaged } = await scrubSegment(context, segmentId, candidates);
      if (extents > 0) found.segments++;
      found.extents += extents;
      found.damagedExtents += damaged;
    }
  }

  #tell(message: string, fields: Readonly<Record<string, string>>): void {
    this.#host.logger.error(message, fields);
  }

  #count(bytes: number, found: ScrubReport): void {
    const { damagedExtents, damagedStateFiles, damagedWalFiles, damagedIdentity } = found;
    const errors = damagedExtents + damagedStateFiles + damagedWalFiles + (damagedIdentity ? 1 : 0);
    this.counters.scrubbedBytes += bytes;
    this.counters.scrubErrors += errors;
    this.#bytes.add(bytes);
    if (errors > 0) this.#errors.add(errors);
  }
}
