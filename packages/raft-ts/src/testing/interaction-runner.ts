/**
 * The directives of interaction scenarios, one function each.
 *
 * Beyond the vocabulary of the reference's harness:
 *
 *   add-nodes ... election-ticks=N heartbeat-ticks=N max-size-per-msg=N max-uncommitted-size=N
 *                 max-inflight-bytes=N disable-proposal-forwarding=B
 *   read-index ID CONTEXT, report-snapshot FROM TO status=finish|failure, restart ID
 *     which the oracle knows too, and
 *   add-nodes ... priority=N, set-priority ID N, request-snapshot ID,
 *   storage-reads ID slow|ready, entries-available ID FOR
 *     for what etcd has not; files with these are checked by hand
 *
 * Source: reference notes on the vocabulary of etcd-raft `rafttest`.
 */
import type { ConfChangeSingle } from "../conf-change.ts";
import type { ConfChangeTransition } from "../conf-change-codec.ts";
import { describeEntries, describeMessage } from "../describe.ts";
import { RaftError } from "../errors.ts";
import { makeMessage } from "../message.ts";
import { isJointVoter } from "../quorum-joint.ts";
import { progressMapToString } from "../progress.ts";
import { MESSAGE_TYPES, type MessageType, type Snapshot } from "../types.ts";
import { asciiBytes } from "./ascii.ts";
import type { DirectiveArg, ScenarioCase, ScenarioHandler } from "./datadriven.ts";
import { InteractionEnv, type NodeOptions, type Recipient } from "./interaction-env.ts";
import type { ScenarioNode } from "./scenario-node.ts";

type NumberOption =
  | "applied"
  | "maxInflightMsgs"
  | "maxCommittedSizePerReady"
  | "electionTicks"
  | "heartbeatTicks"
  | "maxSizePerMsg"
  | "maxUncommittedEntriesSize"
  | "maxInflightBytes"
  | "priority";

type Directive = (env: InteractionEnv, one: ScenarioCase) => RaftError | undefined | void;

/** A handler with a group of its own, for one file. */
export function interactionHandler(): ScenarioHandler {
  const env = new InteractionEnv();
  return (one) => {
    env.output.clear();
    const failure = perform(env, one);
    // At level NONE only a failure is shown.
    if (env.output.isQuiet()) return failure ?? "ok";
    if (failure !== undefined) env.output.write(failure);
    return env.output.text === "" ? "ok" : env.output.text;
  };
}

function perform(env: InteractionEnv, one: ScenarioCase): string | undefined {
  const directive = DIRECTIVES.get(one.command);
  if (directive === undefined) return "unknown command";
  try {
    return directive(env, one)?.message;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const DIRECTIVES: ReadonlyMap<string, Directive> = new Map<string, Directive>([
  ["add-nodes", addNodes],
  ["campaign", (env, one) => first(env, one).node.campaign()],
  ["compact", compact],
  ["deliver-msgs", deliverMessages],
  ["entries-available", (env, one) => first(env, one).node.entriesAvailable(Number(keyAt(one, 1)))],
  ["forget-leader", (env, one) => void first(env, one).node.forgetLeader()],
  ["log-level", (env, one) => env.setLogLevel(keyAt(one, 0))],
  [
    "process-append-thread",
    forEach((env, node) => env.processAppendThread(node), "processing append thread"),
  ],
  [
    "process-apply-thread",
    forEach((env, node) => env.processApplyThread(node), "processing apply thread"),
  ],
  ["process-ready", forEach((env, node) => env.processReady(node), "handling Ready")],
  ["propose", (env, one) => first(env, one).node.propose(asciiBytes(keyAt(one, 1)))],
  ["propose-conf-change", proposeConfChange],
  ["raft-log", (env, one) => printLog(env, first(env, one))],
  ["raft-state", printStates],
  ["read-index", (env, one) => first(env, one).node.readIndex(asciiBytes(keyAt(one, 1)))],
  [
    "report-unreachable",
    (env, one) => first(env, one).node.reportUnreachable(Number(keyAt(one, 1))),
  ],
  [
    "report-snapshot",
    (env, one) =>
      first(env, one).node.reportSnapshot(
        Number(keyAt(one, 1)),
        valueOf(one, "status") !== "failure",
      ),
  ],
  ["request-snapshot", (env, one) => first(env, one).node.requestSnapshot()],
  ["restart", (env, one) => env.restart(first(env, one))],
  ["send-snapshot", sendSnapshot],
  ["set-priority", (env, one) => first(env, one).node.setPriority(Number(keyAt(one, 1)))],
  ["set-randomized-election-timeout", setTimeoutTicks],
  ["stabilize", stabilize],
  ["storage-reads", storageReads],
  [
    "status",
    (env, one) => env.output.write(progressMapToString(first(env, one).node.status().progress)),
  ],
  [
    "tick-election",
    (env, one) => tickTimes(first(env, one), first(env, one).config.electionTicks ?? 0),
  ],
  [
    "tick-heartbeat",
    (env, one) => tickTimes(first(env, one), first(env, one).config.heartbeatTicks ?? 0),
  ],
  ["transfer-leadership", transferLeadership],
]);

// ---- Reading arguments ----

function keyAt(one: ScenarioCase, at: number): string {
  const arg = one.args[at];
  if (arg === undefined) throw new Error(`${one.command} needs ${at + 1} arguments`);
  return arg.key;
}

function first(env: InteractionEnv, one: ScenarioCase): ScenarioNode {
  return env.nodeOf(Number(keyAt(one, 0)));
}

function valueOf(one: ScenarioCase, key: string): string | undefined {
  return one.args.find((arg) => arg.key === key)?.values[0];
}

/** The nodes named by plain arguments. */
function named(env: InteractionEnv, one: ScenarioCase): ScenarioNode[] {
  return one.args
    .filter((arg) => arg.values.length === 0)
    .map((arg) => env.nodeOf(Number(arg.key)));
}

function forEach(
  body: (env: InteractionEnv, node: ScenarioNode) => void,
  title: string,
): Directive {
  return (env, one) => {
    const nodes = named(env, one);
    for (const node of nodes) {
      if (nodes.length === 1) {
        body(env, node);
        continue;
      }
      env.output.write(`> ${node.id} ${title}\n`);
      env.output.indented(() => body(env, node));
    }
  };
}

// ---- Directives ----

const NUMBER_OPTIONS: Readonly<Record<string, NumberOption>> = {
  index: "applied",
  inflight: "maxInflightMsgs",
  "max-committed-size-per-ready": "maxCommittedSizePerReady",
  "election-ticks": "electionTicks",
  "heartbeat-ticks": "heartbeatTicks",
  "max-size-per-msg": "maxSizePerMsg",
  "max-uncommitted-size": "maxUncommittedEntriesSize",
  "max-inflight-bytes": "maxInflightBytes",
  priority: "priority",
};

const FLAG_OPTIONS: Readonly<
  Record<string, Exclude<keyof NodeOptions, NumberOption | "readOnlyOption">>
> = {
  "async-storage-writes": "asyncStorageWrites",
  prevote: "preVote",
  checkquorum: "checkQuorum",
  "disable-conf-change-validation": "disableConfChangeValidation",
  "step-down-on-removal": "stepDownOnRemoval",
  "disable-proposal-forwarding": "disableProposalForwarding",
};

function addNodes(env: InteractionEnv, one: ScenarioCase): void {
  const [count, ...options] = one.args;
  const start = startOf(options);
  const settings: { -readonly [K in keyof NodeOptions]: NodeOptions[K] } = {};
  for (const { key, values } of options) {
    const value = values[0] ?? "";
    const number = NUMBER_OPTIONS[key];
    const flag = FLAG_OPTIONS[key];
    if (number !== undefined) settings[number] = Number(value);
    else if (flag !== undefined) settings[flag] = value === "true";
    else if (key === "read-only") settings.readOnlyOption = readOnlyOption(value);
  }
  if (start !== undefined && start.index <= 1) {
    throw new Error("index must be specified as > 1 due to bootstrap");
  }
  env.addNodes(Number(count?.key), settings, start);
}

function readOnlyOption(value: string): "safe" | "lease-based" {
  if (value === "safe" || value === "lease-based") return value;
  throw new Error(`invalid read-only option "${value}"`);
}

function startOf(options: readonly DirectiveArg[]): Snapshot | undefined {
  const values = (key: string): readonly string[] =>
    options.find((arg) => arg.key === key)?.values ?? [];
  const names = ["voters", "learners", "index", "content"];
  if (!options.some((arg) => names.includes(arg.key))) return undefined;
  return {
    index: Number(values("index")[0] ?? 0),
    term: 1,
    data: asciiBytes(values("content")[0] ?? ""),
    confState: {
      voters: values("voters").map(Number),
      learners: values("learners").map(Number),
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    },
  };
}

function storageReads(env: InteractionEnv, one: ScenarioCase): void {
  const speed = keyAt(one, 1);
  if (speed !== "slow" && speed !== "ready")
    throw new Error(`reads are slow or ready, not ${speed}`);
  first(env, one).storage.isSlow = speed === "slow";
}

function compact(env: InteractionEnv, one: ScenarioCase): void {
  const node = first(env, one);
  node.storage.compact(Number(keyAt(one, 1)));
  printLog(env, node);
}

function printLog(env: InteractionEnv, node: ScenarioNode): void {
  const from = node.storage.firstIndex();
  const last = node.storage.lastIndex();
  if (last < from) {
    env.output.write(`log is empty: first index=${from}, last index=${last}`);
    return;
  }
  const entries = node.storage.entries(from, last + 1, Infinity);
  env.output.write(typeof entries === "string" ? entries : describeEntries(entries));
}

function printStates(env: InteractionEnv): void {
  for (const { node } of env.nodes) {
    const { id, raftState, term, lead, config } = node.status();
    const voter = isJointVoter(config.voters, id) ? "Voter" : "Non-Voter";
    env.output.write(`${id}: ${raftState} (${voter}) Term:${term} Lead:${lead}\n`);
  }
}

function deliverMessages(env: InteractionEnv, one: ScenarioCase): void {
  const recipients: Recipient[] = [];
  let type: MessageType | undefined;
  for (const { key, values } of one.args) {
    if (values.length === 0) {
      recipients.push({ id: Number(key), drop: false });
    } else if (key === "drop") {
      for (const value of values) {
        const id = Number(value);
        if (recipients.some((recipient) => recipient.id === id)) {
          throw new Error(`can't both deliver and drop msgs to ${id}`);
        }
        recipients.push({ id, drop: true });
      }
    } else if (key === "type") {
      type = MESSAGE_TYPES.find((name) => name === values[0]);
    }
  }
  if (env.deliver(recipients, type) === 0) env.output.write("no messages\n");
}

function stabilize(env: InteractionEnv, one: ScenarioCase): void {
  const before = env.output.level;
  const level = valueOf(one, "log-level");
  try {
    if (level !== undefined) env.setLogLevel(level);
    const nodes = named(env, one);
    env.stabilize(nodes.length === 0 ? env.nodes : nodes);
  } finally {
    env.output.level = before;
  }
}

const TRANSITIONS: Readonly<Record<string, ConfChangeTransition>> = {
  auto: "auto",
  implicit: "joint-implicit",
  explicit: "joint-explicit",
};

function proposeConfChange(env: InteractionEnv, one: ScenarioCase): RaftError | undefined {
  const asV1 = valueOf(one, "v1") === "true";
  const transition = TRANSITIONS[valueOf(one, "transition") ?? "auto"] ?? "auto";
  const changes = parseConfChanges(one.input);
  if (asV1 && (changes.length > 1 || transition !== "auto")) {
    throw new Error("v1 conf change can only have one operation and no transition");
  }
  const change = { transition, changes, context: asciiBytes("") };
  return first(env, one).node.proposeConfChange(change, asV1);
}

/** `v1 l4 r5 u6`: add voter 1, add learner 4, remove 5, update 6. */
export function parseConfChanges(text: string): ConfChangeSingle[] {
  const types = {
    v: "ConfChangeAddNode",
    l: "ConfChangeAddLearnerNode",
    r: "ConfChangeRemoveNode",
    u: "ConfChangeUpdateNode",
  } as const;
  return text
    .split(/\s+/)
    .filter((token) => token !== "")
    .map((token) => {
      const letter = token[0];
      if (letter !== "v" && letter !== "l" && letter !== "r" && letter !== "u") {
        throw new Error(`unknown token ${token}`);
      }
      return { type: types[letter], nodeId: Number(token.slice(1)) };
    });
}

function sendSnapshot(env: InteractionEnv, one: ScenarioCase): void {
  const from = first(env, one);
  const message = makeMessage({
    type: "MsgSnap",
    from: from.id,
    to: Number(keyAt(one, 1)),
    term: from.node.term,
    snapshot: from.storage.snapshot(),
  });
  env.messages.push(message);
  env.output.write(describeMessage(message));
}

function setTimeoutTicks(env: InteractionEnv, one: ScenarioCase): void {
  first(env, one).node.setRandomizedElectionTicks(Number(valueOf(one, "timeout")));
}

function tickTimes(one: ScenarioNode, times: number): void {
  for (let i = 0; i < times; i += 1) one.node.tick();
}

function transferLeadership(env: InteractionEnv, one: ScenarioCase): void {
  env.nodeOf(Number(valueOf(one, "from"))).node.transferLeader(Number(valueOf(one, "to")));
}
