/**
 * A metadata group that replicates in memory: stands in for the host of packages/replica in tests of
 * the leader's work, with the order of commits, the leader and its loss under the test's control.
 *
 * One log for all nodes. An entry that a leader took is committed in the next turn, unless commits
 * are held; a leader that is replaced leaves what it held behind, or loses it.
 */
import type { Clock } from "@millrace/base";
import { SILENT_LOGGER, NO_METRICS, StreamError } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";

import type { Coordinator, CoordinatorConfig } from "../coordinator.ts";
import { createCoordinator } from "../coordinator.ts";
import type { MetadataGroup, MetadataStateMachine } from "../group-port.ts";

interface Proposal {
  readonly data: Uint8Array;
  readonly term: number;
  readonly done: (error: StreamError | undefined) => void;
}

export interface FakeNode {
  readonly nodeId: number;
  readonly coordinator: Coordinator;
  readonly group: FakeGroup;
}

export class FakeCluster {
  readonly clock = new VirtualClock();
  readonly nodes: readonly FakeNode[];
  /** While true, what is proposed stays uncommitted. */
  held = false;
  /** What the leader answers to every proposal, instead of taking it. */
  refusal: StreamError | undefined;
  /** Whether a read index can be confirmed. */
  quorum = true;
  term = 0;
  leaderNodeId: number | undefined;
  #commitIndex = 0;
  #uncommitted: Proposal[] = [];
  #committing = false;

  constructor(count: number, config: Partial<CoordinatorConfig> = {}) {
    const nodeIds = Array.from({ length: count }, (_, at) => at + 1);
    this.nodes = nodeIds.map((nodeId) => this.#createNode(nodeId, config));
  }

  get leader(): Coordinator {
    return this.node(this.leaderNodeId);
  }

  node(nodeId: number | undefined): Coordinator {
    const node = this.nodes.find((other) => other.nodeId === nodeId);
    if (node === undefined) throw new Error(`no node ${nodeId}`);
    return node.coordinator;
  }

  /** `nodeId` leads from now on; what its predecessor held is committed first, or lost. */
  elect(nodeId: number, uncommitted: "kept" | "lost" = "lost"): void {
    const orphans = this.#uncommitted;
    this.#uncommitted = [];
    this.leaderNodeId = undefined;
    this.#tellRoles();
    if (uncommitted === "kept") for (const { data } of orphans) this.#apply(data);
    for (const { done } of orphans) done(new StreamError("indeterminate", "leadership changed"));
    this.term++;
    this.leaderNodeId = nodeId;
    this.#apply(undefined);
    this.#tellRoles();
  }

  propose(from: number, proposal: Proposal): { index: number; term: number } | StreamError {
    if (from !== this.leaderNodeId) {
      const { leaderNodeId } = this;
      const hint = leaderNodeId === undefined ? {} : { leaderNodeId };
      return new StreamError("not-leader", "not the leader", { hint });
    }
    if (this.refusal !== undefined) return this.refusal;
    if (proposal.term !== this.term) return new StreamError("not-leader", "term is over");
    this.#uncommitted.push(proposal);
    this.commitSoon();
    return { index: this.#commitIndex + this.#uncommitted.length, term: this.term };
  }

  commitSoon(): void {
    if (this.#committing) return;
    this.#committing = true;
    this.clock.soon(() => {
      this.#committing = false;
      if (this.held) return;
      const proposals = this.#uncommitted;
      this.#uncommitted = [];
      for (const { data, done } of proposals) {
        this.#apply(data);
        done(undefined);
      }
    });
  }

  readIndex(done: (index: number | StreamError) => void): void {
    this.clock.soon(() => {
      if (this.quorum && this.leaderNodeId !== undefined) done(this.#commitIndex);
    });
  }

  /** Lets time pass until `promise` settles; fails after 60 virtual seconds. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const progress = { settled: false };
    const watched = promise.finally(() => {
      progress.settled = true;
    });
    watched.catch(() => undefined);
    for (let turn = 0; turn < 6_000 && !progress.settled; turn++) await this.pass(10);
    if (!progress.settled) throw new Error("the promise did not settle within 60 virtual seconds");
    return watched;
  }

  /** Lets `ms` pass, with the work that promises queue on the way. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; ; left -= 10) {
      this.clock.advance(Math.min(10, Math.max(0, left)));
      for (let turn = 0; turn < 20; turn++) {
        await Promise.resolve();
        this.clock.runSoon();
      }
      if (left <= 10) return;
    }
  }

  #apply(data: Uint8Array | undefined): void {
    const index = ++this.#commitIndex;
    for (const { group } of this.nodes) {
      if (data !== undefined) group.machine.apply([{ term: this.term, index, data }]);
      group.machine.advanced(index);
    }
  }

  #tellRoles(): void {
    for (const { nodeId, group } of this.nodes) {
      const leads = nodeId === this.leaderNodeId;
      const { term, leaderNodeId } = this;
      const role = leads ? "leader" : "follower";
      group.machine.roleChanged({ role, term, leaderNodeId, ready: leads });
    }
  }

  #createNode(nodeId: number, config: Partial<CoordinatorConfig>): FakeNode {
    const clock: Clock = this.clock;
    const coordinator = createCoordinator({
      nodeId,
      clock,
      config,
      random: new SeededRandom(nodeId),
      logger: SILENT_LOGGER,
      metrics: NO_METRICS,
      lane: { group: () => undefined, createGroup: async () => group, setPeer() {} },
      storage: {
        identity: { incarnation: `disk-${nodeId}`, bootEpoch: 1, clusterId: undefined },
        setClusterId: async () => undefined,
      },
    });
    const group: FakeGroup = new FakeGroup(nodeId, this, coordinator);
    coordinator.start();
    return { nodeId, coordinator, group };
  }
}

export class FakeGroup implements MetadataGroup {
  readonly groupId = 1;
  readonly machine: MetadataStateMachine;
  readonly #nodeId: number;
  readonly #cluster: FakeCluster;

  constructor(nodeId: number, cluster: FakeCluster, coordinator: Coordinator) {
    this.#nodeId = nodeId;
    this.#cluster = cluster;
    this.machine = coordinator.stateMachineFor(this);
    this.machine.restore(new Uint8Array(0), 0);
  }

  get term(): number {
    return this.#cluster.term;
  }
  get leaderNodeId(): number | undefined {
    return this.#cluster.leaderNodeId;
  }
  get isReadyLeader(): boolean {
    return this.#cluster.leaderNodeId === this.#nodeId;
  }

  readonly membership = { confIndex: 0, voters: [], learners: [], isJoint: false };
  readonly members = [];

  propose(
    data: Uint8Array,
    expectedTerm: number | undefined,
    done: (error: StreamError | undefined) => void,
  ): { index: number; term: number } | StreamError {
    const term = expectedTerm ?? this.#cluster.term;
    return this.#cluster.propose(this.#nodeId, { data, term, done });
  }

  readIndex(done: (index: number | StreamError) => void): void {
    this.#cluster.readIndex(done);
  }
}
