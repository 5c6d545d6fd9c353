/** All checks that look on while a run lasts, put together and told what happens. */
import type { Group, Lane } from "@millrace/replica";
import type { LaneStorage } from "@millrace/storage";

import type { SimDisk } from "../disk/index.ts";
import type { DiskEvent } from "../disk/sim-disk.ts";
import { SimRandom } from "../kernel/sim-random.ts";
import { CommitQuorum } from "./commit-quorum.ts";
import { DiskOrder } from "./disk-order.ts";
import { DiskPromises } from "./disk-promises.ts";
import { LeaderRules } from "./leader-rules.ts";
import { eachMessage, MessagePromises } from "./message-promises.ts";
import type { Oracle } from "./oracle.ts";
import { ProposalWatch } from "./proposal-watch.ts";
import { ReadWatch } from "./read-watch.ts";
import { ShardWatch } from "./shard-watch.ts";

export interface ChecksDeps {
  readonly seed: bigint;
  readonly oracle: Oracle;
  readonly nodeIds: readonly number[];
  readonly nowMs: () => number;
  /** Whether durable bytes of the node's disk were damaged. */
  readonly isRotten: (nodeId: number) => boolean;
  /** Whether its disk has lost writes that it had called durable. */
  readonly hasForgotten: (nodeId: number) => boolean;
  readonly groupOn: (nodeId: number, groupId: number) => Group | undefined;
  /** Whether any copy of metadata has ordered that a replica goes. */
  readonly isDropOrdered: (nodeId: number, groupId: number, replicaId: number) => boolean;
  /** Groups of a shard's parents, as far as some node knows them. */
  readonly parentsOf: (groupId: number) => readonly number[];
  readonly broken: (sentence: string) => void;
}

export class Checks {
  readonly #oracle: Oracle;
  readonly #disks: DiskPromises;
  readonly #order: DiskOrder;
  readonly #messages: MessagePromises;
  readonly #rules: LeaderRules;
  readonly #reads: ReadWatch;
  readonly #shards: ShardWatch;
  readonly #commits: CommitQuorum;
  readonly #proposals: ProposalWatch;

  constructor(deps: ChecksDeps) {
    const { seed, oracle, nodeIds, nowMs, isRotten, groupOn, isDropOrdered, broken } = deps;
    this.#oracle = oracle;
    const appliedTerm = (groupId: number, index: number) => oracle.appliedTerm(groupId, index);
    const newestApplied = (groupId: number) => oracle.newestApplied(groupId);
    const { hasForgotten } = deps;
    const seen = { appliedTerm, newestApplied, isRotten, hasForgotten, isDropOrdered };
    const disks = new DiskPromises({ broken, ...seen });
    this.#disks = disks;
    const commitIndex = (nodeId: number, groupId: number) => groupOn(nodeId, groupId)?.commitIndex;
    this.#order = new DiskOrder({ disks, isRotten, commitIndex, broken });
    this.#messages = new MessagePromises(disks, broken);
    this.#reads = new ReadWatch(new SimRandom(seed, "reads"), newestApplied, broken, nowMs);
    this.#rules = new LeaderRules({ nowMs, disks, nodeIds, broken });
    this.#commits = new CommitQuorum(disks, nodeIds, broken);
    this.#proposals = new ProposalWatch({ appliedTerm, broken });
    this.#shards = new ShardWatch({ broken, parentsOf: deps.parentsOf });
    this.#watchOracle();
  }

  #watchOracle(): void {
    this.#oracle.onGroup = (nodeId, group) => {
      this.#reads.watch(nodeId, group);
      this.#proposals.watch(nodeId, group);
    };
    this.#oracle.onApplied = (nodeId, group, machine) => {
      this.#shards.applied(nodeId, group, machine);
      this.#rules.applied(nodeId, group);
    };
    this.#oracle.onLeader = (group, term) => {
      this.#rules.leads(group, term);
      this.#commits.leads(group, term);
    };
    this.#oracle.onFirstApplied = (nodeId, group, entry) => {
      this.#commits.applied(nodeId, group, entry);
    };
  }

  /** Each moment of each operation of a node's disk. */
  saw(nodeId: number, disk: SimDisk, event: DiskEvent): void {
    this.#order.saw(nodeId, disk, event);
  }

  /** A process has opened its storage. */
  opened(nodeId: number, disk: SimDisk, storage: LaneStorage): void {
    this.#disks.opened(nodeId, storage);
    this.#rules.opened(nodeId);
    this.#order.opened(nodeId, disk, storage.identity.incarnation);
  }

  /** A process hands a frame to its link with a peer. */
  sent(nodeId: number, frame: Uint8Array): void {
    eachMessage(frame, (groupId, message) => {
      this.#messages.said(nodeId, groupId, message);
      this.#reads.said(groupId, message);
      this.#rules.said(nodeId, groupId, message);
    });
  }

  /** A process is given a frame. */
  received(nodeId: number, frame: Uint8Array): void {
    eachMessage(frame, (groupId, message) => this.#rules.received(nodeId, groupId, message));
  }

  /** Now and then: reads that nobody else asks for. */
  ask(lanes: readonly Lane[]): void {
    this.#reads.ask(lanes);
  }

  /** Logs and state machines, against each other. */
  compare(lanes: readonly Lane[]): void {
    this.#rules.compareLogs(this.#oracle.groupIds);
    this.#shards.compare(new Set(lanes.flatMap((lane) => [...lane.groups()])));
  }
}
