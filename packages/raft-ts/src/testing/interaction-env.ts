/**
 * A group of nodes that a scenario file drives step by step.
 *
 * Nothing happens but what a directive orders, and everything that happens is printed. The
 * vocabulary and the output are those of the reference's interaction tests, so its files run
 * here unchanged.
 *
 * Source: etcd-raft v3.7 `rafttest` and its testdata.
 */
import type { RaftConfig } from "../config.ts";
import { describeMessage, describeReady } from "../describe.ts";
import { RaftError } from "../errors.ts";
import { isLocalTarget } from "../message.ts";
import type { Message, MessageType, Snapshot } from "../types.ts";
import { LOCAL_APPEND_THREAD } from "../types.ts";
import { LOG_LEVELS, ScenarioOutput } from "./output.ts";
import { hardStateOf, ScenarioNode } from "./scenario-node.ts";

/** What a scenario may set on the nodes that it adds. */
export type NodeOptions = Partial<
  Pick<
    RaftConfig,
    | "applied"
    | "maxInflightMsgs"
    | "asyncStorageWrites"
    | "preVote"
    | "checkQuorum"
    | "maxCommittedSizePerReady"
    | "disableConfChangeValidation"
    | "readOnlyOption"
    | "stepDownOnRemoval"
    | "electionTicks"
    | "heartbeatTicks"
    | "maxSizePerMsg"
    | "maxUncommittedEntriesSize"
    | "maxInflightBytes"
    | "disableProposalForwarding"
    | "priority"
  >
>;

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

/** Defaults of the scenario format: none of the production guards is on. */
const DEFAULTS: Omit<RaftConfig, "id" | "storage" | "random" | "logger"> = {
  electionTicks: 3,
  heartbeatTicks: 1,
  maxSizePerMsg: Infinity,
  maxInflightMsgs: Infinity,
  asyncStorageWrites: false,
  preVote: false,
  checkQuorum: false,
};

/** Rounds after which `stabilize` gives up; ordinary ones end within a few dozen. */
const STABILIZE_ROUNDS_MAX = 1_000;

/** The nodes, the network between them, and the output. */
export class InteractionEnv {
  readonly nodes: ScenarioNode[] = [];
  readonly output = new ScenarioOutput();
  messages: Message[] = [];

  addNodes(count: number, options: NodeOptions, start: Snapshot | undefined): void {
    for (let i = 0; i < count; i += 1) {
      const config = {
        ...DEFAULTS,
        ...options,
        id: this.nodes.length + 1,
        logger: this.output,
        // The least timeout always, so that files that tick have one answer; the oracle does so too.
        random: () => 0,
      };
      this.nodes.push(new ScenarioNode(config, start));
    }
  }

  nodeOf(id: number): ScenarioNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  setLogLevel(name: string): void {
    const level = LOG_LEVELS.findIndex((one) => one.toLowerCase() === name.toLowerCase());
    if (level < 0) throw new Error(`log levels must be either of [${LOG_LEVELS.join(" ")}]`);
    this.output.level = level;
  }

  // ---- One step of one node ----

  processReady(one: ScenarioNode): void {
    const ready = one.node.ready();
    this.output.write(describeReady(ready));
    this.output.write(this.output.text.endsWith("\n") ? "" : "\n");
    const isAsync = one.config.asyncStorageWrites === true;
    if (!isAsync) {
      one.writeLog(ready.hardState, ready.entries, ready.snapshot);
      one.apply(ready.committedEntries);
    }
    for (const m of ready.messages) {
      if (!isLocalTarget(m.to)) this.messages.push(m);
      else if (m.to === LOCAL_APPEND_THREAD) one.appendWork.push(m);
      else one.applyWork.push(m);
    }
    if (!isAsync) one.node.advance(ready);
  }

  processAppendThread(one: ScenarioNode): void {
    const work = one.appendWork.shift();
    if (work === undefined) {
      this.output.write("no append work to perform\n");
      return;
    }
    this.#printWork(work);
    one.writeLog(hardStateOf(work), work.entries, work.snapshot);
    this.#deliverResponses(work);
  }

  processApplyThread(one: ScenarioNode): void {
    const work = one.applyWork.shift();
    if (work === undefined) {
      this.output.write("no apply work to perform\n");
      return;
    }
    this.#printWork(work);
    one.apply(work.entries);
    this.#deliverResponses(work);
  }

  #printWork(work: Message): void {
    this.output.write(`Processing:\n${describeMessage({ ...work, responses: [] })}\n`);
  }

  #deliverResponses(work: Message): void {
    this.output.write("Responses:\n");
    for (const response of work.responses) {
      this.output.write(`${describeMessage(response)}\n`);
      this.messages.push(response);
    }
  }

  /**
   * Starts a node from what it has stored. Its memory, its queued storage work and the answers
   * that its storage had under way are lost; what it sent to others is not.
   */
  restart(one: ScenarioNode): void {
    one.restart();
    this.messages = this.messages.filter((m) => m.to !== one.id || !isOwnMessage(m));
  }

  /** Delivers or drops the messages that wait for the recipients; returns how many there were. */
  deliver(recipients: readonly Recipient[], type?: MessageType): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const taken = this.#waitingFor(id, drop, type);
      this.messages = this.messages.filter((m) => !taken.includes(m));
      count += taken.length;
      for (const m of taken) {
        this.output.write(`${drop ? "dropped: " : ""}${describeMessage(m)}\n`);
        if (drop) continue;
        const refused = this.nodeOf(m.to).node.step(m);
        if (refused instanceof RaftError) this.output.write(`${refused.message}\n`);
      }
    }
    return count;
  }

  #waitingFor(id: number, drop: boolean, type?: MessageType): Message[] {
    return this.messages.filter(
      (m) => m.to === id && !(drop && isOwnMessage(m)) && (type === undefined || m.type === type),
    );
  }

  /** Runs the chosen nodes until none has anything to do. */
  stabilize(nodes: readonly ScenarioNode[]): void {
    let isDone = false;
    for (let round = 0; !isDone; round += 1) {
      if (round > STABILIZE_ROUNDS_MAX) throw new Error("the group does not come to rest");
      isDone = true;
      const section = (title: string, body: () => void): void => {
        this.output.write(`> ${title}\n`);
        this.output.indented(body);
        isDone = false;
      };
      for (const one of nodes) {
        if (one.node.hasReady()) {
          section(`${one.id} handling Ready`, () => this.processReady(one));
        }
      }
      for (const one of nodes) {
        if (this.#waitingFor(one.id, false).length === 0) continue;
        section(`${one.id} receiving messages`, () => {
          this.deliver([{ id: one.id, drop: false }]);
        });
      }
      for (const one of nodes) {
        if (one.appendWork.length === 0) continue;
        section(`${one.id} processing append thread`, () => {
          while (one.appendWork.length > 0) this.processAppendThread(one);
        });
      }
      for (const one of nodes) {
        if (one.applyWork.length === 0) continue;
        section(`${one.id} processing apply thread`, () => {
          while (one.applyWork.length > 0) this.processApplyThread(one);
        });
      }
    }
  }
}

/** A node's message to itself or from its storage cannot get lost. */
function isOwnMessage(m: Message): boolean {
  return m.from === m.to || isLocalTarget(m.from) || isLocalTarget(m.to);
}
