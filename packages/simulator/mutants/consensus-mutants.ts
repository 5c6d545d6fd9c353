/** Mistakes in elections, in the log and in its replication. */
import { edit, mutant, needing, type Mutant } from "./mutant.ts";

const FOLKLORE = "Raft folklore; reference list of mutants";
const NATS = "nats-server/raft.go, fixes of 2025-10 to 2026-08";

/** Sends some answers at once, and leaves the others to wait for the disk. */
const answersAtOnce = (which: string) =>
  edit(
    "raft-ts",
    "raft-state",
    "this.msgsAfterAppend.push(message);",
    `if (${which}) this.msgs = [...this.msgs, message];
      else this.msgsAfterAppend.push(message);`,
  );

export const ELECTION_MUTANTS: readonly Mutant[] = [
  mutant(
    "vote-not-persisted",
    "does not write its vote",
    FOLKLORE,
    edit(
      "replica",
      "raft-host",
      "...(newest === undefined ? {} : { hardState: newest }),",
      "...(newest === undefined ? {} : { hardState: { ...newest, vote: 0 } }),",
    ),
  ),
  mutant(
    "vote-persisted-after-reply",
    "sends its vote before it is durable",
    FOLKLORE,
    answersAtOnce('message.type === "MsgVoteResp" && message.to !== this.id'),
  ),
  mutant(
    "term-not-persisted-with-vote",
    "writes a vote under the term before",
    FOLKLORE,
    edit(
      "storage",
      "operations",
      'putFrame(builder, { type: "hard-state", groupId: group.groupId, hardState });',
      `putFrame(builder, {
        type: "hard-state",
        groupId: group.groupId,
        hardState: { ...hardState, term: group.written.hardState.term },
      });`,
    ),
  ),
  mutant(
    "log-check-off-by-one",
    "votes for a log that is one entry shorter",
    FOLKLORE,
    edit(
      "raft-ts",
      "raft-log",
      "lastIndex >= this.lastIndex()",
      "lastIndex + 1 >= this.lastIndex()",
    ),
  ),
  mutant(
    "log-check-by-length",
    "votes for a longer log of an older term",
    FOLKLORE,
    edit(
      "raft-ts",
      "raft-log",
      "return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex());",
      "return lastTerm > ours || lastIndex >= this.lastIndex();",
    ),
  ),
  mutant(
    "no-step-down",
    "leads on when it sees a higher term",
    FOLKLORE,
    edit(
      "raft-ts",
      "step",
      "    adoptTerm(r, m);\n",
      '    if (r.state !== "StateLeader") adoptTerm(r, m);\n',
    ),
  ),
  mutant(
    "votes-twice",
    "votes for two candidates of one term",
    `${NATS}: no repeated vote in the same term`,
    edit("raft-ts", "step", "(r.vote === NO_NODE && r.lead === NO_NODE)", "r.lead === NO_NODE"),
  ),
  mutant(
    "half-is-majority",
    "takes half of the voters, rounded down, for a majority of acknowledgements",
    `${NATS}: cluster size drops`,
    edit(
      "raft-ts",
      "quorum-majority",
      "scratch[Math.floor(count / 2)]",
      "scratch[Math.max(0, Math.floor(count / 2) - 1)]",
    ),
  ),
  mutant(
    "leads-before-no-op",
    "serves as leader before an entry of its term is applied",
    `${NATS}: report leader only after the no-op commits`,
    edit(
      "replica",
      "raft-host",
      "return this.node.isLeader && this.appliedTerm === this.node.term;",
      "return this.node.isLeader;",
    ),
  ),
];

export const LOG_MUTANTS: readonly Mutant[] = [
  mutant(
    "commit-of-earlier-terms",
    "commits entries of earlier terms by counting",
    `${FOLKLORE}; ${NATS}: don't commit previous terms (thesis 5.4.2)`,
    edit(
      "raft-ts",
      "raft-log",
      "index <= this.committed || !this.matchTerm(index, term)",
      "index <= this.committed",
    ),
  ),
  mutant(
    "append-without-match",
    "takes an append whose previous entry it does not have",
    FOLKLORE,
    edit(
      "raft-ts",
      "raft-log",
      "if (!this.matchTerm(prevIndex, prevTerm)) return undefined;",
      "if (prevIndex > this.lastIndex()) return undefined;",
    ),
  ),
  mutant(
    "truncates-committed",
    "cuts its log at every append, also at one that comes late and holds less",
    `${FOLKLORE}; ${NATS}: parallel catch-ups can truncate committed entries`,
    edit(
      "raft-ts",
      "raft-log",
      "const conflict = this.findConflict(entries);",
      "const conflict = entries.length === 0 ? 0 : prevIndex + 1;",
    ),
    edit("raft-ts", "raft-log", "if (conflict <= this.committed) {", "if (conflict < 0) {"),
    edit(
      "raft-ts",
      "raft-log",
      "if (first.index - 1 < this.committed) {",
      "if (first.index < 0) {",
    ),
  ),
  mutant(
    "heartbeat-commits-unmatched",
    "tells followers in heartbeats to commit what they were not shown to hold",
    FOLKLORE,
    edit(
      "raft-ts",
      "replication",
      'const commit = Math.min(progress.matchIndex, r.log.committed);\n    const message = draft("MsgHeartbeat", id);',
      'const commit = r.log.committed;\n    const message = draft("MsgHeartbeat", id);',
    ),
    edit(
      "raft-ts",
      "raft-log",
      "const last = this.lastIndex();\n    if (index > last) {",
      "const last = this.lastIndex();\n    if (index > last) return this.commitTo(last);\n    if (index > last) {",
    ),
  ),
  mutant(
    "append-commits-unmatched",
    "commits more than an append has shown to match",
    FOLKLORE,
    edit(
      "raft-ts",
      "raft-log",
      "this.commitTo(Math.min(committed, last));",
      "this.commitTo(Math.min(committed, this.lastIndex()));",
    ),
    edit(
      "raft-ts",
      "raft-log",
      "if (!this.matchTerm(prevIndex, prevTerm)) return undefined;",
      `if (!this.matchTerm(prevIndex, prevTerm)) {
      if (committed > this.committed) this.commitTo(Math.min(committed, this.lastIndex()));
      return undefined;
    }`,
    ),
  ),
  mutant(
    "stale-storage-response",
    "believes answers of its disk, and acknowledgements, of an old term (ABA)",
    FOLKLORE,
    edit(
      "raft-ts",
      "step",
      "} else if (m.term !== 0 && m.term < r.term) {",
      "} else if (m.term !== 0 && m.term < r.term && !/^Msg(StorageAppend|App)Resp$/.test(m.type)) {",
    ),
  ),
  mutant(
    "snapshot-over-newer-log",
    "installs a snapshot over a newer log",
    FOLKLORE,
    edit("raft-ts", "snapshot", "  if (snapshot.index < r.log.committed) return false;\n", ""),
    edit(
      "raft-ts",
      "snapshot",
      "  if (snapshot.index === r.log.committed && !isAskedFor) return false;\n",
      "",
    ),
    edit(
      "raft-ts",
      "snapshot",
      "if (!isAskedFor && r.log.matchTerm(",
      "if (r.term < 0 && r.log.matchTerm(",
    ),
  ),
  mutant(
    "compaction-off-by-one",
    "gives the state of one index as that of the next",
    `${FOLKLORE}; ${NATS}: ApplyCommit off by one after snapshot install`,
    edit(
      "replica",
      "host-state",
      "return this.#at(appliedIndex, appliedTerm, membership.now, state);",
      `const { log } = this.#owner;
    const next = Math.min(appliedIndex + 1, log.lastIndex());
    return this.#at(next, Number(log.term(next)), membership.now, state);`,
    ),
  ),
  mutant(
    "ack-of-deposed",
    "acknowledges what waits although it was deposed, and whatever took its place",
    "Architecture S11; redpanda#6018",
    edit(
      "replica",
      "raft-host",
      "if (hasLost) this.proposals.failAll(lostLeadership(this.#role));",
      "if (hasLost && this.isDropped) this.proposals.failAll(lostLeadership(this.#role));",
    ),
    edit(
      "replica",
      "proposals",
      "next.done(termOf(next.index) === next.term ? undefined : superseded());",
      "next.done(termOf(next.index) < 0 ? superseded() : undefined);",
    ),
  ),
];

export const READ_MUTANTS: readonly Mutant[] = [
  mutant(
    "read-index-before-commit",
    "answers a read before it has committed in its term",
    FOLKLORE,
    edit(
      "raft-ts",
      "read-index",
      "  if (!r.hasCommittedInTerm()) {\n    r.pendingReads",
      "  if (r.term < 0) {\n    r.pendingReads",
    ),
  ),
  mutant(
    "read-index-context-reuse",
    "confirms a read by the answer to a heartbeat that was sent before it",
    `${FOLKLORE}; etcd#20418`,
    edit(
      "raft-ts",
      "read-only",
      "decodePosition(context)));",
      "this.#confirmed + this.#waiting.length));",
    ),
  ),
  mutant(
    "lease-read",
    "trusts a lease that it may have slept through",
    `${FOLKLORE}; etcd#20418`,
    edit("replica", "host-lane", 'readOnlyOption: "safe",', 'readOnlyOption: "lease-based",'),
  ),
];

export const MEMBER_MUTANTS: readonly Mutant[] = [
  mutant(
    "change-at-append",
    "uses a configuration from when it is appended, but on the leader alone",
    FOLKLORE,
    edit(
      "raft-ts",
      "propose",
      "    traceProposedChange(r, change);\n    return entry;",
      "    traceProposedChange(r, change);\n    applyConfChange(r, change);\n    return entry;",
    ),
    edit(
      "raft-ts",
      "propose",
      'import { hex } from "./logger.ts";',
      'import { hex } from "./logger.ts";\nimport { applyConfChange } from "./membership.ts";',
    ),
    edit(
      "raft-ts",
      "conf-change",
      'if (draft.outgoing.size > 0) refuse("config is already joint");',
      "if (draft.outgoing.size > 0) return finish(draft);",
    ),
    edit(
      "raft-ts",
      "conf-change",
      `if (draft.outgoing.size === 0) refuse("can't leave a non-joint config");`,
      "if (draft.outgoing.size === 0) return finish(draft);",
    ),
  ),
  mutant(
    "two-voters-at-once",
    "swaps one voter for another in one simple change",
    `${FOLKLORE}; ${NATS}: prevent disjoint majorities under peer additions`,
    edit("raft-ts", "membership", "if (usesJoint(change)) {", "if (r.term < 0) {"),
    edit("raft-ts", "conf-change", "draft.incoming) > 1) {", "draft.incoming) > 9) {"),
  ),
  mutant(
    "removed-acks-count",
    "counts the acknowledgements of a node that was removed",
    `${FOLKLORE}; ${NATS}: do not count messages from removed peers towards quorum`,
    edit("raft-ts", "conf-change", "  draft.incoming.delete(id);\n", ""),
    edit(
      "raft-ts",
      "conf-change",
      "if (!draft.outgoing.has(id)) draft.progress.delete(id);",
      "if (!draft.outgoing.has(id) && !draft.incoming.has(id)) draft.progress.delete(id);",
    ),
  ),
  mutant(
    "learner-counts",
    "counts learners in quorums of acknowledgements",
    FOLKLORE,
    edit(
      "raft-ts",
      "progress-tracker",
      "return jointCommittedIndex(this.config.voters, this);",
      `const [incoming] = this.config.voters;
    const { learners = new Set<number>() } = this.config;
    if (learners.size === 0) return jointCommittedIndex(this.config.voters, this);
    const all = [...incoming, ...learners].map((id) => this.ackedIndex(id) ?? 0);
    return all.sort((a, b) => b - a)[Math.floor(incoming.size / 2)] ?? 0;`,
    ),
  ),
  mutant(
    "joint-by-one-half",
    "commits in a joint configuration by the incoming half alone",
    `${NATS}: prevent disjoint majorities under peer additions`,
    edit(
      "raft-ts",
      "quorum-joint",
      `  return Math.min(
    majorityCommittedIndex(voters[0], acked),
    majorityCommittedIndex(voters[1], acked),
  );`,
      "  return majorityCommittedIndex(voters[0], acked);",
    ),
  ),
  needing(
    "replace",
    mutant(
      "lost-replica-made-again",
      "makes a replica that its disk has lost again, under its old id",
      `${NATS}: leader resurrects removed peers on restart; architecture S8`,
      edit(
        "broker",
        "reconcile",
        'if (!isHere && replica.state === "creating") return this.#create(shard, replica);',
        "if (!isHere) return this.#create(shard, replica);",
      ),
    ),
  ),
];
