/**
 * A cluster under random faults, in the asynchronous form that production uses: messages are
 * lost, doubled and reordered, writes lag, nodes crash, logs are compacted, entries are cold,
 * members come and go.
 *
 * Everything is decided by the seed, so a failing run can be repeated.
 */
import { LEAVE_JOINT, type ConfChange } from "../conf-change-codec.ts";
import type { ConfChangeSingle } from "../conf-change.ts";
import type { Message, Snapshot } from "../types.ts";
import { EMPTY_DATA } from "../types.ts";
import { asciiBytes } from "./ascii.ts";
import { ModelHost } from "./model-host.ts";
import { SafetyChecker } from "./safety-checker.ts";
import { seededRandom } from "./seeded-random.ts";

/** Messages that wait in the network at most; a full network loses the oldest. */
const NETWORK_MAX = 300;

export interface ModelOptions {
  readonly seed: number;
  readonly voters: number;
  /** Nodes that start empty and join by membership changes. */
  readonly spares: number;
}

/** Hosts, the network between them, and the checker. */
export class ModelCluster {
  readonly checker = new SafetyChecker();
  readonly hosts: ModelHost[];
  readonly #random: (bound: number) => number;
  readonly #changesMembers: boolean;
  /** Writes lag far behind, so that changes of term overtake them. */
  readonly #hasSlowDisks: boolean;
  #network: Message[] = [];
  /** One side of a partition; the others are the other side. */
  #isolated = new Set<number>();
  #counter = 0;

  constructor({ seed, voters, spares }: ModelOptions) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#changesMembers = spares > 0;
    this.#hasSlowDisks = random(3) === 0;
    const start: Snapshot = {
      index: 3,
      term: 1,
      data: EMPTY_DATA,
      confState: {
        voters: Array.from({ length: voters }, (_, i) => i + 1),
        learners: [],
        votersOutgoing: [],
        learnersNext: [],
        autoLeave: false,
      },
    };
    const settings = {
      electionTicks: 5,
      heartbeatTicks: 1,
      preVote: random(4) > 0,
      checkQuorum: random(4) > 0,
      stepDownOnRemoval: random(2) === 0,
      maxSizePerMsg: [0, 20, 1000][random(3)] ?? 0,
      maxCommittedSizePerReady: [1, 40, 1000][random(3)] ?? 1,
      maxInflightMsgs: 1 + random(4),
      maxInflightBytes: 1000 + random(1000),
      maxUncommittedEntriesSize: 100,
      random,
    };
    this.hosts = Array.from(
      { length: voters + spares },
      (_, i) =>
        new ModelHost({
          id: i + 1,
          settings,
          start: i < voters ? start : undefined,
          checker: this.checker,
        }),
    );
  }

  /** One random thing happens. */
  step(): void {
    const host = this.#anyHost();
    const dice = this.#random(1000);
    if (dice < 160) host.node.tick();
    else if (dice < 420) this.#deliverOne();
    else if (dice < 600) this.#send(host.takeReady());
    else if (dice < 740) this.#writeSometimes(host);
    else if (dice < 840) this.#release(host, host.apply());
    else if (dice < 900) this.#propose(host);
    else if (dice < 920) this.#read(host);
    else if (dice < 940) host.compact(this.#random(4));
    else if (dice < 950) this.#makeCold(host);
    else if (dice < 965) this.#fetchIfWanted(host);
    else if (dice < 970) host.node.transferLeader(1 + this.#random(this.hosts.length));
    else if (dice < 976) this.#report(host);
    else if (dice < 982) this.#isolate();
    else if (dice < 988) host.crash();
    else if (dice < 996) this.#changeMembers();
    else host.node.forgetLeader();
    this.checker.watch(host);
  }

  /** No more faults: runs until every member holds the same log, or throws. */
  settle(): void {
    this.#isolated = new Set();
    for (let round = 0; round < 600; round += 1) {
      for (const host of this.hosts) this.#runFully(host);
      if (round % 20 === 0) this.#leaveExplicitJoint();
      if (round > 60 && round % 10 === 0 && this.#isConverged()) return;
    }
    const states = this.hosts.map(({ node }) => JSON.stringify(node.basicStatus()));
    throw new Error(`no convergence after all faults have ended:\n${states.join("\n")}`);
  }

  #runFully(host: ModelHost): void {
    host.node.tick();
    this.#fetchIfWanted(host);
    for (let turn = 0; turn < 20; turn += 1) {
      if (host.node.hasReady()) this.#send(host.takeReady());
      while (host.appendWork.length > 0) this.#release(host, host.write());
      while (host.applyWork.length > 0) this.#release(host, host.apply());
      const mine = this.#network.filter((m) => m.to === host.id);
      this.#network = this.#network.filter((m) => m.to !== host.id);
      for (const m of mine) this.#stepInto(host, m);
      this.checker.watch(host);
      if (!host.node.hasReady() && mine.length === 0) break;
    }
  }

  /** Whoever orders an explicit joint configuration must also end it. */
  #leaveExplicitJoint(): void {
    for (const { node } of this.hosts) {
      const { votersOutgoing, autoLeave } = node.confState;
      if (!node.isLeader || votersOutgoing.length === 0 || autoLeave) continue;
      node.proposeConfChange(LEAVE_JOINT);
    }
  }

  #isConverged(): boolean {
    const leader = this.hosts.find(({ node }) => node.isLeader);
    if (leader === undefined) return false;
    const { node } = leader;
    if (node.commitIndex !== node.lastIndex || leader.applied !== node.lastIndex) {
      return false;
    }
    const { voters, votersOutgoing, learners } = node.confState;
    if (votersOutgoing.length > 0) return false;
    return [...voters, ...learners].every((id) => {
      const host = this.hosts[id - 1];
      return host !== undefined && host.applied === leader.applied;
    });
  }

  #anyHost(): ModelHost {
    const host = this.hosts[this.#random(this.hosts.length)];
    if (host === undefined) throw new Error("the cluster is empty");
    return host;
  }

  #send(messages: readonly Message[]): void {
    this.#network.push(...messages);
    const excess = this.#network.length - NETWORK_MAX;
    if (excess > 0) for (const m of this.#network.splice(0, excess)) this.#lose(m);
  }

  /** A lost snapshot is reported by the transport; the leader would wait for ever otherwise. */
  #lose(m: Message): void {
    if (m.type === "MsgSnap") this.hosts[m.from - 1]?.node.reportSnapshot(m.to, false);
  }

  /** What a finished piece of storage work allows: answers to itself at once, others by network. */
  #release(host: ModelHost, messages: readonly Message[]): void {
    for (const m of messages) {
      if (m.to === host.id) this.#stepInto(host, m);
      else this.#send([m]);
    }
  }

  #deliverOne(): void {
    if (this.#network.length === 0) return;
    const at = this.#random(this.#network.length);
    const m = this.#network[at];
    if (m === undefined) return;
    const isDoubled = this.#random(20) === 0;
    if (!isDoubled) this.#network.splice(at, 1);
    const isLost = this.#random(10) === 0;
    const isCut = this.#isolated.has(m.from) !== this.#isolated.has(m.to);
    const host = this.hosts[m.to - 1];
    if (isLost || isCut || host === undefined) {
      this.#lose(m);
      return;
    }
    this.#stepInto(host, m);
    this.checker.watch(host);
  }

  #stepInto(host: ModelHost, m: Message): void {
    host.node.step(m);
    if (m.type !== "MsgSnap") return;
    // The sender hears of the delivery, as a transport would tell it.
    this.hosts[m.from - 1]?.node.reportSnapshot(host.id, true);
  }

  #writeSometimes(host: ModelHost): void {
    if (this.#hasSlowDisks && this.#random(5) > 0) return;
    this.#release(host, host.write());
  }

  #propose(host: ModelHost): void {
    host.node.propose(asciiBytes(`p${(this.#counter += 1)}`));
  }

  #read(host: ModelHost): void {
    const name = `r${(this.#counter += 1)}`;
    this.checker.noteReadAsked(name);
    host.node.readIndex(asciiBytes(name));
  }

  #makeCold(host: ModelHost): void {
    host.storage.coldBelow = host.storage.lastIndex() + 1 - this.#random(3);
  }

  #fetchIfWanted(host: ModelHost): void {
    if (host.storage.wanted) host.fetch(this.hosts.map(({ id }) => id));
  }

  #report(host: ModelHost): void {
    const id = 1 + this.#random(this.hosts.length);
    if (this.#random(2) === 0) host.node.reportUnreachable(id);
    else host.node.reportSnapshot(id, this.#random(2) === 0);
  }

  #isolate(): void {
    this.#isolated = new Set();
    if (this.#random(3) === 0) return;
    for (const { id } of this.hosts) if (this.#random(3) === 0) this.#isolated.add(id);
  }

  #changeMembers(): void {
    const leader = this.hosts.find(({ node }) => node.isLeader);
    if (!this.#changesMembers || leader === undefined) return;
    leader.node.proposeConfChange(this.#randomChange(leader));
  }

  /** A change that leaves at least two voters, so that the group can go on. */
  #randomChange(leader: ModelHost): ConfChange {
    const { voters, votersOutgoing } = leader.node.confState;
    if (votersOutgoing.length > 0) return LEAVE_JOINT;
    const changes: ConfChangeSingle[] = [];
    const left = new Set(voters);
    for (let i = 0; i < 1 + this.#random(2); i += 1) {
      const nodeId = 1 + this.#random(this.hosts.length);
      const kind = this.#random(3);
      if (kind === 0) {
        changes.push({ type: "ConfChangeAddNode", nodeId });
        left.add(nodeId);
      } else if (left.size > 2 || !left.has(nodeId)) {
        left.delete(nodeId);
        changes.push({
          type: kind === 1 ? "ConfChangeAddLearnerNode" : "ConfChangeRemoveNode",
          nodeId,
        });
      }
    }
    if (changes.length === 0) changes.push({ type: "ConfChangeUpdateNode", nodeId: 1 });
    const transitions = ["auto", "joint-implicit", "joint-explicit"] as const;
    const transition = transitions[this.#random(3)] ?? "auto";
    return { transition, changes, context: EMPTY_DATA };
  }
}
