/**
 * The mistakes that the tests of this package must notice, each as a change of its source.
 *
 * Every one has been made somewhere in a Raft implementation, and many pass a test of the happy
 * path. `tests` names the files that are asked first: those that are about the rule. A mistake that
 * they miss goes to all tests; one that those miss too is a hole, and the run fails.
 *
 * A text to be replaced stands exactly once in its file, so a change of the source that moves the
 * rule elsewhere makes the run fail until the mistake is written anew.
 */

export interface Edit {
  /** File under `src`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  /** What the mistaken node does, as the head of its row. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Test files under `src` that are asked first. */
  readonly tests: readonly string[];
}

function mutant(name: string, tests: string, ...edits: readonly Edit[]): Mutant {
  return { name, edits, tests: tests.split(" ").map((one) => `${one}.test.ts`) };
}

function edit(file: string, from: string, to: string): Edit {
  return { file: `${file}.ts`, from, to };
}

const COMMITTING: readonly Mutant[] = [
  mutant(
    "commits entries of earlier terms by counting",
    "raft-log replication commit",
    edit(
      "raft-log",
      "index <= this.committed || !this.matchTerm(index, term)",
      "index <= this.committed",
    ),
  ),
  mutant(
    "truncates a committed suffix",
    "raft-log append-handling",
    edit("raft-log", "if (conflict <= this.committed) {", "if (conflict < 0) {"),
    edit("raft-log", "if (first.index - 1 < this.committed) {", "if (first.index < 0) {"),
  ),
  mutant(
    "lets the commit index fall",
    "raft-log replication",
    edit(
      "raft-log",
      "if (index <= this.committed) return; // L2",
      "if (index === this.committed) return;",
    ),
  ),
  mutant(
    "takes an append whose previous entry it does not have",
    "raft-log append-handling replication",
    edit(
      "raft-log",
      "if (!this.matchTerm(prevIndex, prevTerm)) return undefined;",
      "if (prevIndex > this.lastIndex()) return undefined;",
    ),
  ),
  mutant(
    "commits more than an append has shown to match",
    "raft-log append-handling replication",
    edit(
      "raft-log",
      "this.commitTo(Math.min(committed, last));",
      "this.commitTo(Math.min(committed, this.lastIndex()));",
    ),
  ),
  mutant(
    "tells followers in heartbeats to commit more than they hold",
    "leadership replication",
    edit(
      "replication",
      `    const commit = Math.min(progress.matchIndex, r.log.committed);
    const message = draft("MsgHeartbeat", id);`,
      `    const commit = r.log.committed;
    const message = draft("MsgHeartbeat", id);`,
    ),
  ),
  mutant(
    "counts its own entries before they are durable",
    "node replication",
    edit(
      "raft-state",
      "const last = this.log.append(placed);",
      "const last = this.log.append(placed); this.tracker.progress.get(this.id)?.maybeUpdate(last);",
    ),
  ),
];

const STALE: readonly Mutant[] = [
  mutant(
    "believes the answer of a write from an old term (ABA)",
    "node log-unstable",
    edit(
      "step",
      "} else if (m.term !== 0 && m.term < r.term) {",
      '} else if (m.term !== 0 && m.term < r.term && m.type !== "MsgStorageAppendResp") {',
    ),
  ),
  mutant(
    "believes an acknowledgement of an old term",
    "leadership replication roles",
    edit(
      "step",
      "} else if (m.term !== 0 && m.term < r.term) {",
      '} else if (m.term !== 0 && m.term < r.term && m.type !== "MsgAppResp") {',
    ),
  ),
  mutant(
    "believes a rejection that a later acknowledgement has overtaken",
    "progress replication",
    edit("progress", "if (rejected <= this.matchIndex) return false;", ""),
  ),
  mutant(
    "believes a rejection of another probe than the last",
    "progress replication",
    edit("progress", "if (this.nextIndex - 1 !== rejected) return false;", ""),
  ),
  mutant(
    "counts an answer to a pre-vote as a vote",
    "roles",
    edit("candidate", "if (m.type === awaited) countVote(r, m);", "countVote(r, m);"),
  ),
];

const VOTING: readonly Mutant[] = [
  mutant(
    "votes without looking at the candidate's log",
    "vote election",
    edit("step", "canVote && r.log.isUpToDate(m.logTerm, m.index)", "canVote"),
  ),
  mutant(
    "votes for a log that is one entry shorter",
    "vote raft-log election",
    edit("raft-log", "lastIndex >= this.lastIndex()", "lastIndex + 1 >= this.lastIndex()"),
  ),
  mutant(
    "votes for a longer log of an older term",
    "vote raft-log election",
    edit(
      "raft-log",
      "return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex());",
      "return lastTerm > ours || lastIndex >= this.lastIndex();",
    ),
  ),
  mutant(
    "votes twice in one term",
    "vote election",
    edit("step", "(r.vote === NO_NODE && r.lead === NO_NODE)", "r.lead === NO_NODE"),
  ),
  mutant(
    "does not write its vote",
    "durability",
    edit(
      "raft-state",
      "vote: this.vote, commit: this.log.committed };",
      "vote: 0, commit: this.log.committed };",
    ),
  ),
  mutant(
    "does not sync a write that has only a vote",
    "durability",
    edit("ready", "next.vote !== previous.vote || ", ""),
  ),
  mutant(
    "takes the vote of an old term along into the next",
    "roles vote",
    edit("raft-state", "      this.vote = NO_NODE;\n", ""),
  ),
  mutant(
    "sends a promise before it is durable",
    "node election",
    edit(
      "raft-state",
      "this.msgsAfterAppend.push(message);",
      "this.msgs = [...this.msgs, message];",
    ),
  ),
  mutant(
    "leads on when it sees a higher term",
    "election roles leadership",
    edit("step", "    adoptTerm(r, m);\n", '    if (r.state !== "StateLeader") adoptTerm(r, m);\n'),
  ),
  mutant(
    "raises its term for a pre-vote of its own",
    "pre-vote election roles",
    edit(
      "raft-state",
      '    this.state = "StatePreCandidate";',
      '    this.term += 1;\n    this.state = "StatePreCandidate";',
    ),
  ),
  mutant(
    "raises its term for the pre-vote of another",
    "pre-vote election",
    edit("step", 'if (m.type === "MsgPreVote" || (', "if (("),
  ),
  mutant(
    "votes although it hears a leader (check-quorum)",
    "check-quorum election",
    edit("step", "const inLease = checkQuorum &&", "const inLease = r.term < 0 &&"),
  ),
  mutant(
    "leads on without a quorum",
    "check-quorum leadership",
    edit("leader", "if (!r.tracker.isQuorumActive()) {", "if (r.term < 0) {"),
  ),
  mutant(
    "campaigns with a membership change that it has not applied",
    "election membership cluster-election",
    edit("campaign", "if (hasUnappliedConfChange(r)) {", "if (r.term < 0) {"),
  ),
  mutant(
    "campaigns as a learner",
    "election learner membership",
    edit("raft-state", "self !== undefined && !self.isLearner &&", "self !== undefined &&"),
  ),
  mutant(
    "votes for a candidate of lower priority",
    "priority",
    edit(
      "step",
      "if (m.priority >= r.priority) return false;",
      "if (m.priority >= 0) return false;",
    ),
  ),
];

const QUORUMS: readonly Mutant[] = [
  mutant(
    "counts learners in a quorum of acknowledgements",
    "learner membership replication",
    edit(
      "progress-tracker",
      "return jointCommittedIndex(this.config.voters, this);",
      `const [incoming, outgoing] = this.config.voters;
    const all = new Set([...incoming, ...(this.config.learners ?? [])]);
    return jointCommittedIndex([all, outgoing], this);`,
    ),
  ),
  mutant(
    "counts the votes of learners",
    "learner election membership",
    edit(
      "progress-tracker",
      "result: jointVoteResult(this.config.voters, this.votes) };",
      `result: jointVoteResult(
        [
          new Set([...this.config.voters[0], ...(this.config.learners ?? [])]),
          this.config.voters[1],
        ],
        this.votes,
      ),
    };`,
    ),
  ),
  mutant(
    "counts the acknowledgements of a node that was removed",
    "membership replication",
    edit("conf-change", "  draft.incoming.delete(id);\n", ""),
    edit(
      "conf-change",
      "if (!draft.outgoing.has(id)) draft.progress.delete(id);",
      "if (!draft.outgoing.has(id) && !draft.incoming.has(id)) draft.progress.delete(id);",
    ),
  ),
  mutant(
    "changes two voters at once in a simple change",
    "simple-change",
    edit("conf-change", "draft.incoming) > 1) {", "draft.incoming) > 2) {"),
  ),
  mutant(
    "starts a membership change while another is not applied",
    "membership",
    edit("propose", "if (r.pendingConfIndex > r.log.applied) {", "if (r.term < 0) {"),
  ),
  mutant(
    "uses a configuration from when it is appended",
    "membership",
    edit(
      "propose",
      "    traceProposedChange(r, change);\n",
      "    traceProposedChange(r, change);\n    applyConfChange(r, change);\n",
    ),
    edit(
      "propose",
      'import { hex } from "./logger.ts";',
      'import { hex } from "./logger.ts";\nimport { applyConfChange } from "./membership.ts";',
    ),
  ),
  mutant(
    "commits in a joint configuration by the incoming half alone",
    "membership replication commit",
    edit(
      "quorum-joint",
      `  return Math.min(
    majorityCommittedIndex(voters[0], acked),
    majorityCommittedIndex(voters[1], acked),
  );`,
      "  return majorityCommittedIndex(voters[0], acked);",
    ),
  ),
  mutant(
    "wins an election in a joint configuration by one half alone",
    "membership election",
    edit(
      "quorum-joint",
      "if (incoming === outgoing) return incoming;",
      'if (incoming === outgoing || incoming === "VoteWon") return incoming;',
    ),
  ),
  mutant(
    "takes half of an even number of voters for a majority",
    "commit election",
    edit(
      "quorum-majority",
      "scratch[Math.floor(count / 2)]",
      "scratch[Math.floor((count - 1) / 2)]",
    ),
  ),
];

const READING: readonly Mutant[] = [
  mutant(
    "answers a read before it has committed in its term",
    "read-index",
    edit(
      "read-index",
      "  if (!r.hasCommittedInTerm()) {\n    r.pendingReads",
      "  if (r.term < 0) {\n    r.pendingReads",
    ),
  ),
  mutant(
    "confirms a read by the answer to a heartbeat that was sent before it",
    "read-index",
    edit("read-only", "decodePosition(context)));", "this.#confirmed + this.#waiting.length));"),
  ),
  mutant(
    "answers a read without asking a quorum",
    "read-index",
    edit("read-index", 'if (r.readOnly.option === "lease-based" || ', "if (r.term > 0 || "),
  ),
  mutant(
    "answers the read of a single voter before its first commit in the term",
    "read-index",
    edit(
      "read-index",
      "if (!r.hasCommittedInTerm()) {\n    r.pendingReads",
      "if (!isOnlyVoter(r) && !r.hasCommittedInTerm()) {\n    r.pendingReads",
    ),
  ),
];

const REPLICATING: readonly Mutant[] = [
  mutant(
    "installs a snapshot over a newer log",
    "snapshot",
    edit("snapshot", "  if (snapshot.index < r.log.committed) return false;\n", ""),
    edit(
      "snapshot",
      "  if (snapshot.index === r.log.committed && !isAskedFor) return false;\n",
      "",
    ),
  ),
  mutant(
    "throws away what follows a snapshot in a log that agrees with it",
    "snapshot",
    edit("snapshot", "if (!isAskedFor && r.log.matchTerm(", "if (r.term < 0 && r.log.matchTerm("),
  ),
  mutant(
    "sends a snapshot that is older than the one asked for",
    "request-snapshot",
    edit("replication", "|| snapshot.index < progress.requestedSnapshot", ""),
  ),
  mutant(
    "takes appends while it waits for a snapshot it has asked for",
    "request-snapshot",
    edit("replication", "  if (r.requestedSnapshot !== 0) {\n", "  if (r.term < 0) {\n"),
  ),
  mutant(
    "hands leadership to a follower that has not caught up",
    "leader-transfer",
    edit(
      "leader-transfer",
      "if (progress.matchIndex === r.log.lastIndex()) {",
      "if (progress.matchIndex >= 0) {",
    ),
  ),
  mutant(
    "takes proposals while leadership is handed over",
    "leader-transfer",
    edit("propose", "if (r.leadTransferee !== NO_NODE) {", "if (r.term < 0) {"),
  ),
  mutant(
    "ignores the limit of messages on the way",
    "inflights flow-control replication",
    edit("inflights", "if (this.#count >= this.messagesMax) return true;", ""),
  ),
  mutant(
    "ignores the limit of bytes on the way",
    "inflights replication",
    edit(
      "inflights",
      "return this.bytesMax !== 0 && this.#bytes >= this.bytesMax;",
      "return false;",
    ),
  ),
  mutant(
    "ignores the limit of the uncommitted log",
    "node leadership replication",
    edit("raft-state", "      this.uncommittedSize > 0 &&\n", "      this.term < 0 &&\n"),
  ),
];

export const MUTANTS: readonly Mutant[] = [
  ...COMMITTING,
  ...STALE,
  ...VOTING,
  ...QUORUMS,
  ...READING,
  ...REPLICATING,
];
