/** What a lane counts, for tests, metrics and operators. All counters start at 0 with the lane. */
import type { Counter, Gauge, Metrics } from "@millrace/base";

export interface LaneCounters {
  turns: number;
  /** Batches given to storage: each is one synced write or shares one. */
  submits: number;
  framesSent: number;
  framesReceived: number;
  bytesSent: number;
  /** Frames that a turn needed beyond one per peer and class, because it had more than 1 MiB to say. */
  framesCut: number;
  /** Frames that the transport refused because its queue was full or the peer unknown. */
  framesDropped: number;
  framesRefused: number;
  messagesSent: number;
  messagesReceived: number;
  /** Messages to a replica that is not here. */
  messagesMisaddressed: number;
  /** Frames of an incarnation that the host has not confirmed by `setPeer`. */
  strangeIncarnations: number;
  proposals: number;
  elections: number;
  snapshotsSent: number;
  snapshotsReceived: number;
  fetches: number;
  quarantined: number;
  /** Bytes of log sent to and received from replicas that heal. */
  shipBytesSent: number;
  shipBytesReceived: number;
  /** Shipments that went on with what an earlier one had left on disk. */
  shipmentsResumed: number;
  shipmentsFailed: number;
  /** Logs installed from another replica's files. */
  logsShipped: number;
  /** Damaged ranges replaced by the entries of another replica. */
  extentsRepaired: number;
}

export function newCounters(): LaneCounters {
  return {
    turns: 0,
    submits: 0,
    framesSent: 0,
    framesReceived: 0,
    bytesSent: 0,
    framesCut: 0,
    framesDropped: 0,
    framesRefused: 0,
    messagesSent: 0,
    messagesReceived: 0,
    messagesMisaddressed: 0,
    strangeIncarnations: 0,
    proposals: 0,
    elections: 0,
    snapshotsSent: 0,
    snapshotsReceived: 0,
    fetches: 0,
    quarantined: 0,
    shipBytesSent: 0,
    shipBytesReceived: 0,
    shipmentsResumed: 0,
    shipmentsFailed: 0,
    logsShipped: 0,
    extentsRepaired: 0,
  };
}

const METRIC_OF: Partial<Record<keyof LaneCounters, readonly [name: string, help: string]>> = {
  turns: ["millrace_lane_turns_total", "Event-loop turns in which a group had work"],
  submits: ["millrace_lane_submits_total", "Batches given to storage"],
  framesSent: ["millrace_lane_frames_sent_total", "Frames sent to peers"],
  bytesSent: ["millrace_lane_sent_bytes_total", "Bytes of frames sent to peers"],
  framesDropped: ["millrace_lane_frames_dropped_total", "Frames dropped at a full queue"],
  messagesSent: ["millrace_lane_messages_sent_total", "Raft messages sent"],
  messagesReceived: ["millrace_lane_messages_received_total", "Raft messages received"],
  messagesMisaddressed: [
    "millrace_lane_messages_misaddressed_total",
    "Messages to a replica that is not here",
  ],
  proposals: ["millrace_lane_proposals_total", "Entries proposed by leaders here"],
  elections: ["millrace_lane_elections_total", "Campaigns started after the loss of a node"],
  quarantined: ["millrace_lane_quarantined_total", "Replicas stopped by a broken contract"],
  shipBytesSent: ["millrace_lane_shipped_out_bytes_total", "Bytes of log sent to other replicas"],
  shipBytesReceived: [
    "millrace_lane_shipped_in_bytes_total",
    "Bytes of log received from other replicas",
  ],
  shipmentsResumed: [
    "millrace_lane_shipments_resumed_total",
    "Shipments that went on with what was on disk",
  ],
  shipmentsFailed: ["millrace_lane_shipments_failed_total", "Shipments that were given up"],
  logsShipped: ["millrace_lane_logs_shipped_total", "Logs installed from another replica's files"],
  extentsRepaired: [
    "millrace_lane_extents_repaired_total",
    "Damaged ranges replaced by another replica's entries",
  ],
};

/** Carries counters over to metrics now and then, so that the hot path counts plain numbers. */
export class CounterPublisher {
  readonly #counters: LaneCounters;
  readonly #published = newCounters();
  readonly #handles: (readonly [keyof LaneCounters, Counter])[];
  readonly #shipments: Gauge;

  constructor(counters: LaneCounters, metrics: Metrics) {
    this.#counters = counters;
    this.#shipments = metrics.gauge(
      "millrace_lane_shipments",
      "Logs that are on their way from or to this node",
    );
    this.#handles = (Object.keys(METRIC_OF) as (keyof LaneCounters)[]).flatMap((key) => {
      const metric = METRIC_OF[key];
      return metric === undefined ? [] : [[key, metrics.counter(metric[0], metric[1])] as const];
    });
  }

  /** @param shipments those that run now. */
  publish(shipments: number): void {
    this.#shipments.set(shipments);
    for (const [key, counter] of this.#handles) {
      const grown = this.#counters[key] - this.#published[key];
      if (grown === 0) continue;
      counter.add(grown);
      this.#published[key] = this.#counters[key];
    }
  }
}
