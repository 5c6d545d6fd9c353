/**
 * What a node has done, as the lines that a model checker replays.
 *
 * The TLA+ specification of etcd-raft comes with a module that walks such a trace and says at
 * which line the implementation did what the specification does not allow. So names, fields and
 * the moment of each event are the reference's: most stand after the change that they name, but
 * "Replicate" before the append, and "ApplyConfChange" before the switch. A message counts as sent
 * when it is queued; that a promise leaves only after the disk is the model's business.
 *
 * Pre-votes are not traced: the specification knows none.
 *
 * Source: etcd-raft `state_trace`, `tla/Traceetcdraft`.
 */
import type { ConfChange } from "./conf-change-codec.ts";
import type { ConfChangeType } from "./conf-change.ts";
import type { Progress } from "./progress.ts";
import type { TrackerConfig } from "./progress-tracker.ts";
import { sortedIds } from "./quorum-majority.ts";
import type { Message, MessageType, StateType } from "./types.ts";

/** What happened; the names are those of the reference. */
export type RaftTraceName =
  | "InitState"
  | "BecomeFollower"
  | "BecomeCandidate"
  | "BecomeLeader"
  | "Replicate"
  | "Commit"
  | "ChangeConf"
  | "ApplyConfChange"
  | "Ready"
  | `${"Send" | "Receive"}${"AppendEntries" | "RequestVote"}${"Request" | "Response"}`;

/** A message as the trace shows it. A snapshot is an append of so many entries from the start. */
export interface RaftTraceMessage {
  /** Its type by name, as in raftpb. */
  readonly type: MessageType;
  /** Its term; 0 is none. */
  readonly term: number;
  /** Id of the sender. */
  readonly from: string;
  /** Id of the receiver, which is the sender for a promise to itself. */
  readonly to: string;
  /** How many entries it carries; for a snapshot, its index. */
  readonly entries: number;
  /** Term of the entry at `index`; 0 for a snapshot. */
  readonly logTerm: number;
  /** Index before the first entry, or the one that is acknowledged; 0 for a snapshot. */
  readonly index: number;
  /** Commit index of the sender, as far as the receiver may take it over. */
  readonly commit: number;
  /** Always "0" between nodes: a field of messages to storage. */
  readonly vote: string;
  /** True for a refusal. */
  readonly reject: boolean;
  /** Where the logs may agree, in a refusal of an append. */
  readonly rejectHint: number;
}

/** What some events add: a proposed or an applied configuration, or a sender's own progress. */
export interface RaftTraceProperties {
  /** Changes that are proposed, or the incoming voters that they lead to. */
  readonly cc?: {
    readonly changes?: readonly { readonly nid: string; readonly action: string }[];
    readonly newconf?: readonly string[];
  };
  /** In a MsgApp that is sent: up to where the sender's own log is durable. */
  readonly match?: number;
  /** In a MsgApp that is sent: the index after that. */
  readonly next?: number;
}

/** One step of a node. Ids are decimal texts; `log` is the last index. */
export interface RaftTraceEvent {
  /** What happened. */
  readonly name: RaftTraceName;
  /** Id of the node. */
  readonly nid: string;
  /** Its hard state at that moment. */
  readonly state: { readonly term: number; readonly vote: string; readonly commit: number };
  /** Its role at that moment. */
  readonly role: StateType;
  /** Its last index at that moment. */
  readonly log: number;
  /** Incoming and outgoing voters, in ascending order. */
  readonly conf: readonly [incoming: readonly string[], outgoing: readonly string[]];
  /** The message that was sent or received. */
  readonly msg?: RaftTraceMessage;
  /** What else the event is about. */
  readonly prop?: RaftTraceProperties;
}

/** What of a node an event shows. */
export interface TraceSource {
  readonly id: number;
  readonly term: number;
  readonly vote: number;
  readonly state: StateType;
  readonly log: { readonly committed: number; lastIndex(): number };
  readonly tracker: {
    readonly config: TrackerConfig;
    readonly progress: ReadonlyMap<number, Progress>;
  };
}

const EXCHANGES: ReadonlyMap<MessageType, "AppendEntries" | "RequestVote"> = new Map<
  MessageType,
  "AppendEntries" | "RequestVote"
>([
  ["MsgApp", "AppendEntries"],
  ["MsgHeartbeat", "AppendEntries"],
  ["MsgSnap", "AppendEntries"],
  ["MsgAppResp", "AppendEntries"],
  ["MsgHeartbeatResp", "AppendEntries"],
  ["MsgVote", "RequestVote"],
  ["MsgVoteResp", "RequestVote"],
]);

const ACTIONS: Readonly<Record<ConfChangeType, string | undefined>> = {
  ConfChangeAddNode: "AddNewServer",
  ConfChangeRemoveNode: "RemoveServer",
  ConfChangeAddLearnerNode: "AddLearner",
  ConfChangeUpdateNode: undefined,
};

/** An event as one line of NDJSON, without the newline. */
export function traceLine(event: RaftTraceEvent): string {
  return JSON.stringify({ tag: "trace", event });
}

/** A step that no message belongs to. */
export function traceEvent(
  source: TraceSource,
  name: RaftTraceName,
  extra?: Pick<RaftTraceEvent, "msg" | "prop">,
): RaftTraceEvent {
  const { config } = source.tracker;
  return {
    name,
    nid: String(source.id),
    state: { term: source.term, vote: String(source.vote), commit: source.log.committed },
    role: source.state,
    log: source.log.lastIndex(),
    conf: [idTexts(config.voters[0]), idTexts(config.voters[1])],
    ...extra,
  };
}

/** A message that is sent or received; undefined for types that are not traced. */
export function traceMessage(
  source: TraceSource,
  direction: "Send" | "Receive",
  m: Message,
): RaftTraceEvent | undefined {
  const exchange = EXCHANGES.get(m.type);
  if (exchange === undefined) return undefined;
  const part = m.type.endsWith("Resp") ? "Response" : "Request";
  const own = source.tracker.progress.get(m.from);
  const msg = messageOf(m);
  const hasProgress = direction === "Send" && m.type === "MsgApp" && own !== undefined;
  return traceEvent(
    source,
    `${direction}${exchange}${part}`,
    hasProgress ? { msg, prop: { match: own.matchIndex, next: own.nextIndex } } : { msg },
  );
}

/** A membership change that a leader appends; undefined for one that changes nobody. */
export function traceChangeConf(
  source: TraceSource,
  change: ConfChange,
): RaftTraceEvent | undefined {
  const changes = change.changes.flatMap(({ type, nodeId }) => {
    const action = ACTIONS[type];
    return action === undefined ? [] : [{ nid: String(nodeId), action }];
  });
  if (changes.length === 0) return undefined;
  return traceEvent(source, "ChangeConf", { prop: { cc: { changes } } });
}

/** A configuration that is about to be taken over. */
export function traceApplyConfChange(source: TraceSource, made: TrackerConfig): RaftTraceEvent {
  const newconf = idTexts(made.voters[0]);
  return traceEvent(source, "ApplyConfChange", {
    prop: { cc: newconf.length === 0 ? {} : { newconf } },
  });
}

function messageOf(m: Message): RaftTraceMessage {
  const isSnapshot = m.type === "MsgSnap";
  return {
    type: m.type,
    term: m.term,
    from: String(m.from),
    to: String(m.to),
    entries: isSnapshot ? (m.snapshot?.index ?? 0) : m.entries.length,
    logTerm: isSnapshot ? 0 : m.logTerm,
    index: isSnapshot ? 0 : m.index,
    commit: m.commit,
    vote: String(m.vote),
    reject: m.reject,
    rejectHint: m.rejectHint,
  };
}

function idTexts(ids: Iterable<number>): string[] {
  return sortedIds(ids).map(String);
}
