/**
 * A cluster under random faults, in the asynchronous form that production uses: messages are
 * lost, doubled and reordered, writes lag, nodes crash, logs are compacted, entries are cold,
 * members come and go.
 *
 * Everything is decided by the seed, also the size of the cluster and its settings, so a failing
 * run can be repeated.
 */
import { LEAVE_JOINT, type ConfChange } from "../conf-change-codec.ts";
import type { ConfChangeSingle } from "../conf-change.ts";
import type { RaftConfig } from "../config.ts";
import { SNAPSHOT_REQUEST_TIMEOUTS } from "../request-snapshot.ts";
import type { Message, Snapshot } from "../types.ts";
import { EMPTY_CONF_STATE, EMPTY_DATA } from "../types.ts";
import { asciiBytes } from "./ascii.ts";
import { ModelHost } from "./model-host.ts";
import { SafetyChecker } from "./safety-checker.ts";
import { seededRandom } from "./seeded-random.ts";

/** Messages that wait in the network at most; a full network loses the oldest. */
const NETWORK_MAX = 300;

const ELECTION_TICKS = 10;

/**
 * Ticks in which a cluster without faults must come to one log. The longest wait is that of a
 * follower that has asked for a snapshot of what its leader cannot commit without it.
 */
const SETTLE_ROUNDS_MAX = SNAPSHOT_REQUEST_TIMEOUTS * ELECTION_TICKS + 600;

/** What a run is like, for its description. */
export interface ModelShape {
  readonly voters: number;
  /** Nodes that start empty and join by membership changes. */
  readonly spares: number;
  readonly settings: Omit<RaftConfig, "id" | "storage" | "applied">;
}

/** Hosts, the network between them, and the checker. */
export class ModelCluster {
  readonly checker = new SafetyChecker();
  readonly hosts: ModelHost[];
  readonly shape: ModelShape;
  readonly #random: (bound: number) => number;
  readonly #changesMembers: boolean;
  /** Writes lag far behind, so that changes of term overtake them. */
  readonly #hasSlowDisks: boolean;
  /** Applying lags far behind what is committed, so that memberships of old are in use. */
  readonly #appliesLate: boolean;
  #network: Message[] = [];
  /** One side of a partition; the others are the other side. */
  #isolated = new Set<number>();
  #counter = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    this.shape = randomShape(random);
    const { voters, spares, settings } = this.shape;
    this.#changesMembers = spares > 0 || random(3) === 0;
    this.#hasSlowDisks = random(3) === 0;
    this.#appliesLate = random(4) === 0;
    const start = firstSnapshot(voters);
    this.hosts = Array.from(
      { length: voters + spares },
      (_, i) =>
        new ModelHost({
          id: i + 1,
          settings: { ...settings, priority: random(4) === 0 ? random(3) : 0 },
          start: i < voters ? start : undefined,
          checker: this.checker,
        }),
    );
  }

  /** One random thing happens. */
  step(): void {
    const host = this.#anyHost();
    const dice = this.#random(1000);
    if (dice < 80) host.node.tick();
    else if (dice < 410) for (let i = this.#random(3); i >= 0; i -= 1) this.#deliverOne();
    else if (dice < 610) this.#send(host.takeReady());
    else if (dice < 760) this.#writeSometimes(host);
    else if (dice < 850) this.#applySometimes(host);
    else if (dice < 910) this.#propose(host);
    else if (dice < 930) this.#read(host);
    else if (dice < 945) host.compact(this.#random(4));
    else if (dice < 953) this.#makeCold(host);
    else if (dice < 973) this.#fetchIfWanted(host);
    else this.#disturb(host, this.#random(35));
    this.checker.watch(host);
  }

  /** Something that happens seldom. */
  #disturb(host: ModelHost, dice: number): void {
    if (dice < 18) this.#changeMembers();
    else if (dice < 22) this.#report(host);
    else if (dice < 25) host.node.transferLeader(1 + this.#random(this.hosts.length));
    else if (dice < 26) host.node.requestSnapshot();
    else if (dice < 28) this.#isolate();
    else if (dice < 32) host.crash();
    else if (dice < 34) host.node.forgetLeader();
    else host.node.campaign();
  }

  /** No more faults: runs until every member holds the same log, or throws. */
  settle(): void {
    this.#isolated = new Set();
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
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
      for (let work = 0; work < 20 && host.hasWork; work += 1) {
        this.#release(host, host.write());
        this.#release(host, host.apply());
        if (host.node.hasReady()) this.#send(host.takeReady());
      }
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
    // Not the first that is found: one that was removed may believe for ever that it leads.
    const leaders = this.hosts.filter((host) => host.node.isLeader);
    const leader = leaders.toSorted((x, y) => y.node.term - x.node.term)[0];
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

  #applySometimes(host: ModelHost): void {
    if (this.#appliesLate && this.#random(8) > 0) return;
    this.#release(host, host.apply());
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
    if (this.#random(2) === 0) return;
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

/** Three to seven nodes, with every switch and limit in every position. */
function randomShape(random: (bound: number) => number): ModelShape {
  const voters = 3 + random(5);
  const checkQuorum = random(4) > 0;
  const maxSizePerMsg = [0, 20, 1000][random(3)] ?? 0;
  return {
    voters,
    spares: random(2) === 0 ? 0 : random(8 - voters),
    settings: {
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: 1,
      asyncStorageWrites: random(3) > 0,
      preVote: random(4) > 0,
      checkQuorum,
      readOnlyOption: checkQuorum && random(5) === 0 ? "lease-based" : "safe",
      stepDownOnRemoval: random(2) === 0,
      disableProposalForwarding: random(5) === 0,
      maxSizePerMsg,
      maxCommittedSizePerReady: [1, 40, 1000][random(3)] ?? 1,
      maxInflightMsgs: 1 + random(4),
      maxInflightBytes: [Math.max(1, maxSizePerMsg), 1000 + random(1000), 0][random(3)] ?? 0,
      maxUncommittedEntriesSize: [20, 100, 0][random(3)] ?? 0,
      random,
    },
  };
}

/** What all voters of a new cluster start from. */
function firstSnapshot(voters: number): Snapshot {
  return {
    index: 3,
    term: 1,
    data: EMPTY_DATA,
    confState: {
      ...EMPTY_CONF_STATE,
      voters: Array.from({ length: voters }, (_, i) => i + 1),
    },
  };
}
