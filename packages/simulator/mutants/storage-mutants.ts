/** Mistakes in what reaches the disk, in which order, and in what is believed of it afterwards. */
import { edit, mutant, needing, type Mutant } from "./mutant.ts";

const LIST = "reference list of mutants";
const JEPSEN = "Jepsen, NATS 2.12.1, 2025-12-08";

export const STORAGE_MUTANTS: readonly Mutant[] = [
  mutant(
    "ack-before-fsync",
    "calls a batch durable before it is written",
    `${LIST}; ${JEPSEN}: acknowledged writes lost on power loss`,
    edit(
      "storage",
      "wal-writer",
      "    const written = await this.#write();\n    if (moves)",
      "    for (const operation of operations) operation.durable?.();\n    const written = await this.#write();\n    if (moves)",
    ),
    edit(
      "storage",
      "wal-writer",
      "    this.counters.batches++;\n    for (const operation of operations) operation.durable?.();\n",
      "    this.counters.batches++;\n",
    ),
  ),
  mutant(
    "wal-not-synced",
    "writes the log without a sync",
    "nats-server: inline compaction ignored sync-always",
    edit(
      "storage",
      "wal-files",
      '      mode: "read-write",\n      syncedWrites: true,',
      '      mode: "read-write",\n      syncedWrites: false,',
    ),
  ),
  mutant(
    "fsync-error-ignored",
    "goes on after a failed write of the log as if it had reached the disk",
    `${LIST}; Rebello et al., USENIX ATC 2020`,
    edit(
      "storage",
      "wal-writer",
      "await this.#file.write([batch], this.#position);",
      "await this.#file.write([batch], this.#position).catch(() => {});",
    ),
  ),
  mutant(
    "footer-before-data-sync",
    "writes a segment's footer behind the last sync of its data",
    LIST,
    edit(
      "storage",
      "segment-writer",
      "    if (table !== undefined && footer !== undefined) await this.#writeDirect([table, footer]);\n    await this.#file.sync();\n",
      "    await this.#file.sync();\n    if (table !== undefined && footer !== undefined) await this.#writeDirect([table, footer]);\n",
    ),
  ),
  mutant(
    "manifest-before-segment-sync",
    "names a segment in the log without the last sync of its bytes",
    `${LIST}; nats-server: syncBlocks skipped compacted blocks`,
    edit(
      "storage",
      "segment-writer",
      "await this.#writeDirect([table, footer]);\n    await this.#file.sync();\n",
      "await this.#writeDirect([table, footer]);\n",
    ),
  ),
  mutant(
    "segment-directory-not-synced",
    "names a segment in the log whose file name is not durable",
    `${LIST}; LevelDB issues 333, 251`,
    edit(
      "storage",
      "flusher",
      "if (segments.length > 0) await fileSystem.syncDirectory(layout.segments); // F1\n",
      "",
    ),
  ),
  mutant(
    "wal-directory-not-synced",
    "goes on in a new file of the log whose name is not durable",
    `${LIST}; LevelDB issue 202`,
    edit(
      "storage",
      "wal-files",
      "await this.#fileSystem.rename(path, this.#layout.walFile(fileSeq)); // W11\n    await this.#fileSystem.syncDirectory(this.#layout.wal);\n",
      "await this.#fileSystem.rename(path, this.#layout.walFile(fileSeq)); // W11\n",
    ),
  ),
  mutant(
    "state-not-synced",
    "names a state file in the log that is not synced",
    "nats-server: block key file not synced",
    edit(
      "storage",
      "state-files",
      "      await file.sync();\n    } finally {\n      await file.close();\n    }\n    await this.#fileSystem.syncDirectory(this.#layout.states);\n",
      "    } finally {\n      await file.close();\n    }\n",
    ),
  ),
  needing(
    "rot",
    mutant(
      "wal-cut-at-damage",
      "takes damage of the log for a torn end, and goes on without what is behind it",
      `${LIST}; nats-server#7549`,
      edit(
        "storage",
        "recovery",
        "      damages,\n      lostEnd,\n",
        "      damages: [],\n      lostEnd: undefined,\n",
      ),
    ),
  ),
  mutant(
    "recycled-records-accepted",
    "takes the batches that a recycled file held in its former life",
    LIST,
    edit(
      "storage",
      "wal-scan",
      "if (header === undefined || header.fileSeq !== this.#fileSeq) return undefined;",
      "if (header === undefined) return undefined;",
    ),
    edit(
      "storage",
      "wal-scan",
      "const follows = header.batchSeq > last && (last < 0 || header.durableSeqBefore === last);",
      "const follows = true;",
    ),
  ),
  mutant(
    "freed-before-durable",
    "recycles a file of the log before the batch that frees it is durable",
    "architecture 5.4; storage rule F2",
    edit(
      "storage",
      "lane-segments",
      "    await durable.finally(() => this.#publishing--);\n",
      "    durable.finally(() => this.#publishing--).catch(() => {});\n",
    ),
  ),
  mutant(
    "tail-not-moved",
    "frees a file of the log without the uncommitted entries in it",
    "nats-server: WAL must align with snapshot",
    edit("storage", "lane-segments", "      this.#moveTail(fileSeq);\n", ""),
  ),
  mutant(
    "checkpoint-without-vote",
    "opens a file of the log without the votes of groups",
    "architecture 5.4: otherwise a sleeping group would lose its vote",
    edit(
      "storage",
      "checkpoint",
      'frames.push(encodeFrame({ type: "group-checkpoint", group: written }));',
      `frames.push(
        encodeFrame({
          type: "group-checkpoint",
          group: { ...written, hardState: { ...written.hardState, vote: 0 } },
        }),
      );`,
    ),
  ),
  mutant(
    "identity-not-synced",
    "counts a boot in a file that is not synced",
    "nats-server: block key file not synced",
    edit(
      "storage",
      "identity",
      "await file.write([bytes], 0);\n    await file.sync();",
      "await file.write([bytes], 0);",
    ),
  ),
];
