/**
 * The metadata group's side of one process, put together: state machine, leader's work, RPC handlers.
 *
 * A process that holds no metadata replica has one too: it refuses everything but FormCluster.
 */
import type { Clock, Logger, Metrics, Random } from "@millrace/base";
import { METADATA_GROUP_ID } from "@millrace/base";
import type { MetadataView } from "@millrace/model";

import { BrokerLoads } from "./broker-loads.ts";
import type {
  IdentityStore,
  MetadataGroup,
  MetadataLane,
  MetadataStateMachine,
} from "./group-port.ts";
import type { VoterAddress } from "./handlers/form-cluster.ts";
import { MetadataGroupMaker } from "./handlers/form-cluster.ts";
import { Barriers } from "./handlers/barrier.ts";
import type { CoordinatorServices } from "./handlers/services.ts";
import { createServices } from "./handlers/services.ts";
import { leaderContact } from "./leader-contact.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { LifecycleTiming } from "./lifecycle-step.ts";
import { LIFECYCLE_TIMING_DEFAULT } from "./lifecycle-step.ts";
import { NodeLiveness } from "./liveness.ts";
import { Proposer } from "./proposer.ts";
import { MetadataState } from "./state/metadata-state.ts";
import { TailServer } from "./tail-server.ts";

export interface CoordinatorConfig extends LifecycleTiming {
  /** A process that was silent for longer takes no new replicas. @default 5000 */
  readonly aliveMs: number;
  /** Longest wait for a change to be applied. @default 5000 */
  readonly proposeWaitMs: number;
  /** Longest wait for a barrier. @default 5000 */
  readonly barrierWaitMs: number;
  /** Between heartbeats of a tail. @default 500 */
  readonly tailHeartbeatMs: number;
  /** A tail that took nothing for so long is cut off. @default 10_000 */
  readonly tailStalledMs: number;
  /** Tails at one time. @default 2000 */
  readonly tailsMax: number;
}

export interface CoordinatorOptions {
  readonly nodeId: number;
  readonly lane: MetadataLane;
  readonly storage: IdentityStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly config?: Partial<CoordinatorConfig>;
  /** Told the voters and their addresses when this node is asked to form a cluster. */
  readonly onVoters?: (voters: readonly VoterAddress[]) => void;
}

export interface CoordinatorStatus {
  readonly leading: boolean;
  readonly leaderNodeId: number | undefined;
  readonly appliedIndex: number;
  readonly openTails: number;
  readonly proposalsInFlight: number;
}

export interface Coordinator {
  /** What the lane's `createStateMachine` returns for the group of kind `metadata`. */
  stateMachineFor(group: MetadataGroup): MetadataStateMachine;
  /** Handlers to mount on the process's `rpc` port. */
  readonly services: CoordinatorServices;
  /** This process's own metadata, current to the last applied entry; empty without a metadata replica. */
  readonly localView: MetadataView;
  start(): void;
  /** Ends tails and leader's work; what is in flight ends by itself within its bounds. */
  stop(): void;
  status(): CoordinatorStatus;
}

export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { nodeId, clock, config = {} } = options;
  const logger = options.logger.child({ part: "coordinator" });
  const state = new MetadataState();
  let own: MetadataGroup | undefined;
  const group = (): MetadataGroup | undefined => own ?? options.lane.group(METADATA_GROUP_ID);
  const proposer = new Proposer({ nodeId, clock, state, group, waitMs: config.proposeWaitMs });
  const liveness = new NodeLiveness(clock, config.aliveMs);
  const timing = { ...LIFECYCLE_TIMING_DEFAULT, ...config };
  const lifecycle = new Lifecycle({ clock, logger, state, proposer, liveness, timing, group });
  const tails = new TailServer({
    clock,
    state,
    heartbeatMs: config.tailHeartbeatMs,
    stalledMs: config.tailStalledMs,
    tailsMax: config.tailsMax,
    hasLeader: leaderContact(clock, group),
  });
  const barriers = new Barriers(clock, group, config.barrierWaitMs);
  const loads = new BrokerLoads(state, liveness);
  const services = createServices({
    ...options,
    groupMaker: new MetadataGroupMaker(),
    state,
    proposer,
    liveness,
    lifecycle,
    loads,
    tails,
    barriers,
  });
  const gauges = createGauges(options.metrics);
  let stopped = false;

  const leads = (leading: boolean): void => {
    if (leading) liveness.reset();
    lifecycle.setLeading(leading && !stopped);
    gauges.leading.set(leading ? 1 : 0);
  };
  const moved = (): void => {
    tails.advanced();
    lifecycle.kick();
    gauges.appliedIndex.set(state.view.index);
    gauges.streams.set(state.streamCount);
    gauges.tombstones.set(state.tombstones.size);
    gauges.tails.set(tails.openTails);
  };

  const forget = (): void => {
    own = undefined;
    state.forget();
    tails.close();
  };

  return {
    stateMachineFor: (created) => {
      own = created;
      return stateMachine(state, leads, moved, forget);
    },
    services,
    localView: state.view,
    start: () => {
      stopped = false;
      leads(group()?.isReadyLeader === true);
    },
    stop: () => {
      stopped = true;
      leads(false);
      tails.close();
    },
    status: () => statusOf(group(), state, tails, proposer),
  };
}

function statusOf(
  group: MetadataGroup | undefined,
  state: MetadataState,
  tails: TailServer,
  proposer: Proposer,
): CoordinatorStatus {
  return {
    leading: group?.isReadyLeader === true,
    leaderNodeId: group?.leaderNodeId,
    appliedIndex: state.view.index,
    openTails: tails.openTails,
    proposalsInFlight: proposer.inFlight,
  };
}

function stateMachine(
  state: MetadataState,
  leads: (leading: boolean) => void,
  moved: () => void,
  dropped: () => void,
): MetadataStateMachine {
  let leading = false;
  return {
    apply: (entries) => state.apply(entries),
    advanced: (appliedIndex) => {
      state.advanced(appliedIndex);
      moved();
    },
    snapshot: () => state.snapshot(),
    restore: (bytes, index) => {
      state.restore(bytes, index);
      moved();
    },
    // What this node knew gets older from now on: whoever reads it must go to another one.
    dropped: () => {
      if (leading) leads(false);
      leading = false;
      dropped();
    },
    roleChanged: ({ role, ready }) => {
      const now = role === "leader" && ready;
      if (now !== leading) leads(now);
      leading = now;
    },
  };
}

function createGauges(metrics: Metrics) {
  return {
    leading: metrics.gauge(
      "millrace_coordinator_leading",
      "1 while this process leads the metadata group.",
    ),
    appliedIndex: metrics.gauge(
      "millrace_coordinator_applied_index",
      "Metadata log index that this process has applied.",
    ),
    streams: metrics.gauge("millrace_coordinator_streams", "Streams in metadata."),
    tombstones: metrics.gauge(
      "millrace_coordinator_tombstones",
      "Deleted shard groups that some broker has yet to remove.",
    ),
    tails: metrics.gauge("millrace_coordinator_tails", "Open metadata tails."),
  };
}
