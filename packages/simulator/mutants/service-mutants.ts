/** Mistakes above the log: in shards, in metadata, and in what brokers make of it. */
import { edit, mutant, type Mutant } from "./mutant.ts";

const LIST = "reference list of mutants";

export const SERVICE_MUTANTS: readonly Mutant[] = [
  mutant(
    "proposal-across-terms",
    "goes on in a new term with what it had numbered in the former one",
    `${LIST}; nats-server: fence proposals by leadership term`,
    edit(
      "broker",
      "shard/append-lane",
      "if (this.#leader?.term !== term) {",
      "if (this.#leader === undefined) {",
    ),
    edit(
      "broker",
      "shard/append-lane",
      "if (leader === undefined || !this.#group.isReadyLeader || this.#group.term !== leader.term) {",
      "if (leader === undefined || !this.#group.isReadyLeader) {",
    ),
    edit(
      "broker",
      "shard/append-lane",
      "this.#group.propose(data, leader.term, (error) => {",
      "this.#group.propose(data, undefined, (error) => {",
    ),
  ),
  mutant(
    "dedup-not-in-snapshot",
    "leaves the table of producers out of its snapshots",
    `${LIST}; redpanda#3039`,
    edit(
      "broker",
      "shard/shard-snapshot",
      "const windows = dedup === undefined ? [] : [...dedup.entries()];",
      "const windows = dedup === undefined ? [] : [...dedup.entries()].slice(0, 0);",
    ),
  ),
  mutant(
    "dedup-not-asked",
    "stores a batch again that it has stored under an earlier leader",
    "redpanda#3039",
    edit(
      "broker",
      "shard/append-lane",
      "const stored = this.#state.dedup.find(producer, sequence);",
      "const stored = this.#state.dedup.find(0n, sequence);",
    ),
  ),
  mutant(
    "orphan-cleanup-by-absence",
    "drops the replicas that its copy of metadata does not name",
    `${LIST}; nats-server#7556`,
    edit(
      "broker",
      "reconcile",
      "gauge.set(unknownReplicas(view, [...here, ...lane.damaged()]).length);",
      "for (const { groupId } of unknownReplicas(view, here)) this.#drop(groupId);\n      gauge.set(0);",
    ),
    edit("broker", "reconcile-drops", "  if (!view.ready) return [];\n", ""),
  ),
  mutant(
    "trim-by-local-clock",
    "trims each replica when its own clock says so",
    LIST,
    edit(
      "broker",
      "trimmer",
      "if (hosted.group.isReadyLeader) void trimShard(this.#context, hosted);",
      "void trimShard(this.#context, hosted);",
    ),
    edit(
      "broker",
      "shard/trim",
      "const nowMs = Math.min(clock.nowMs(), cluster.trimClockMs);",
      "const nowMs = clock.nowMs();",
    ),
    edit(
      "broker",
      "shard/trim",
      "if (cutoffMs === undefined || hosted.trimming || !group.isReadyLeader) return;",
      "if (cutoffMs === undefined || hosted.trimming) return;",
    ),
    edit(
      "broker",
      "shard/trim",
      "if (command === undefined || !group.isReadyLeader) {",
      "if (command === undefined) {",
    ),
    edit(
      "broker",
      "shard/trim",
      "const answer = group.propose(encodeCommand(command, at), term, () => {\n      hosted.trimming = false;\n    });",
      `hosted.state.apply(command.throughIndex + 1, encodeCommand(command, at));
    hosted.trimming = false;
    const answer = term;`,
    ),
  ),
  mutant(
    "put-after-seal",
    "takes records behind the seal of a shard",
    LIST,
    edit(
      "broker",
      "shard/shard-state",
      'return this.#fields.sealed ? "refused" : this.#applyRecords(header, data);',
      "return this.#applyRecords(header, data);",
    ),
    edit(
      "broker",
      "shard/shard-state",
      "return this.#fields.sealed && index > this.#fields.sealIndex;",
      "return this.#fields.sealed && index < 0;",
    ),
    edit(
      "broker",
      "shard/append-lane",
      "if (this.#state.sealed) return this.#answerSealed(request.batch, reply);",
      "if (this.#unanswered < 0) return this.#answerSealed(request.batch, reply);",
    ),
    edit(
      "broker",
      "shard/append-lane",
      "if (leader.sealingEpoch !== undefined) throw this.#sealing(leader.sealingEpoch);",
      "",
    ),
    edit(
      "broker",
      "shard/append-lane",
      "    if (this.#state.sealed) return sealedShard(this.#state, this.#group.groupId, false);\n    if (leader.sealingEpoch !== undefined) return this.#sealing(leader.sealingEpoch);\n",
      "",
    ),
  ),
  mutant(
    "child-before-seal",
    "opens the children of a shard when its end is ordered, not when it has come",
    LIST,
    edit(
      "coordinator",
      "state/apply-reshard",
      "if (parents.length === 0 || parents.some(({ seal }) => seal?.endOffset === undefined)) return;",
      "if (parents.length === 0) return;",
    ),
    edit(
      "coordinator",
      "state/apply-reshard",
      "    draft.putShard({ ...parent, seal: { epoch: parent.epoch + 1, childShardIndexes } });\n  }\n",
      `    draft.putShard({ ...parent, seal: { epoch: parent.epoch + 1, childShardIndexes } });
  }
  completeReshard(draft, stream, 0);
`,
    ),
  ),
];
