/**
 * The times and bounds of a lane. Every queue and wait of the package has its limit here.
 *
 * Source of the timing: etcd's and Redpanda's practice (ticks), and the recovery goal: a killed
 * leader is replaced in well under 2 s.
 */
import { requireWithin } from "@millrace/base";
import { ENTRY_BYTES_MAX, STATE_BYTES_MAX } from "@millrace/storage";

export interface LaneConfig {
  /** Length of one tick, 10..10,000 ms. @default 100 */
  readonly tickMs: number;
  /** Ticks between two heartbeats of a leader that is awake. @default 2 */
  readonly heartbeatTicks: number;
  /** Ticks without a leader's word before a follower campaigns, plus as many at random. @default 10 */
  readonly electionTicks: number;
  /** A group without a proposal for so long goes to sleep once its live members agree. @default 5000 */
  readonly sleepAfterMs: number;
  /** Time between two liveness sections for one peer. @default 200 */
  readonly livenessMs: number;
  /** Silence of a peer after which the groups it leads choose another. @default 1500 */
  readonly supportMs: number;
  /** A storage write in flight for longer makes the node call itself unhealthy. @default 1000 */
  readonly walStallMs: number;
  /** A storage write in flight for longer makes the node hand its leaderships away. @default 3000 */
  readonly walHandAwayMs: number;
  /** Campaigns after the loss of a node are spread over so long when there are few. @default 300 */
  readonly campaignSpreadMs: number;
  /** Campaigns per second after the loss of a node, so that they do not starve the rest. @default 500 */
  readonly campaignsPerSecond: number;
  /** Distance of the wall clock from the median of the live nodes that costs leadership. @default 500 */
  readonly clockSkewMaxMs: number;
  /** Applied entries in the log of a `metadata` group after which it is compacted. @default 10000 */
  readonly compactAfterEntries: number;
  /** How long a read waits for a leader's word. @default 5000 */
  readonly readTimeoutMs: number;
  /** Reads that may wait in one group. @default 16384 */
  readonly readsWaitingMax: number;
  /** Proposals that may wait in one group. @default 65536 */
  readonly proposalsWaitingMax: number;
  /** Bytes of one proposal, at most what storage takes as one entry. @default 11 MiB */
  readonly proposalBytesMax: number;
  /** Payload bytes of one group that may be uncommitted; at least `proposalBytesMax`. @default 64 MiB */
  readonly uncommittedBytesMax: number;
  /** Payload bytes of all groups together that may be waiting for a commit. @default 256 MiB */
  readonly laneUncommittedBytesMax: number;
  /** Bytes of entries in one append message. @default 1 MiB */
  readonly appendBytesMax: number;
  /** Append messages on the way to one follower of one group. @default 256 */
  readonly inflightAppendsMax: number;
  /** Payload bytes on the way to one follower of one group. @default 16 MiB */
  readonly inflightBytesMax: number;
  /** Bytes of committed entries applied by one group before the others have their turn. @default 4 MiB */
  readonly applyBytesMax: number;
  /** Bytes queued in storage above which proposals are refused as `overloaded`. @default 64 MiB */
  readonly storageBacklogBytesMax: number;
  /** Received bytes that may wait for their turn or for the disk; more is dropped, as a network would. @default 128 MiB */
  readonly inboundBytesMax: number;
  /** Reads of old entries from disk that may run at once. @default 4 */
  readonly fetchesMax: number;
  /** Payload bytes above which a snapshot is cut, and the size of the pieces. @default 1 MiB */
  readonly snapshotPartBytes: number;
  /** Largest state that is kept or sent, at most what storage takes. @default 64 MiB */
  readonly snapshotBytesMax: number;
  /** Snapshots on their way out at once. @default 2 */
  readonly snapshotsMax: number;
  /** How long a follower may take to acknowledge a snapshot before it is sent again. @default 10000 */
  readonly snapshotTimeoutMs: number;
  /** Entries of a shard that a replica must lack to have its log shipped as files, 1 or more. @default 1000 */
  readonly shipAboveEntries: number;
  /** Bytes of log that this node sends to healing replicas per second, at least 4096. @default 100 MiB */
  readonly shipBytesPerSecond: number;
  /** Between the passes over all files that look for damage, milliseconds; 0 for none. @default 168 h */
  readonly scrubIntervalMs: number;
  /** Bytes that such a pass reads per second, at least 4096. @default 8 MiB */
  readonly scrubBytesPerSecond: number;
  /** How long a commit index alone may stay unwritten; it is no promise, only a shorter restart. @default 2000 */
  readonly commitIndexDelayMs: number;
}

const MIB = 1024 * 1024;

export const LANE_DEFAULTS: LaneConfig = Object.freeze({
  tickMs: 100,
  heartbeatTicks: 2,
  electionTicks: 10,
  sleepAfterMs: 5_000,
  livenessMs: 200,
  supportMs: 1_500,
  walStallMs: 1_000,
  walHandAwayMs: 3_000,
  campaignSpreadMs: 300,
  campaignsPerSecond: 500,
  clockSkewMaxMs: 500,
  compactAfterEntries: 10_000,
  readTimeoutMs: 5_000,
  readsWaitingMax: 16_384,
  proposalsWaitingMax: 65_536,
  proposalBytesMax: ENTRY_BYTES_MAX,
  uncommittedBytesMax: 64 * MIB,
  laneUncommittedBytesMax: 256 * MIB,
  appendBytesMax: MIB,
  inflightAppendsMax: 256,
  inflightBytesMax: 16 * MIB,
  applyBytesMax: 4 * MIB,
  storageBacklogBytesMax: 64 * MIB,
  inboundBytesMax: 128 * MIB,
  fetchesMax: 4,
  snapshotPartBytes: MIB,
  snapshotBytesMax: STATE_BYTES_MAX,
  snapshotsMax: 2,
  snapshotTimeoutMs: 10_000,
  shipAboveEntries: 1_000,
  shipBytesPerSecond: 100 * MIB,
  scrubIntervalMs: 168 * 3_600_000,
  scrubBytesPerSecond: 8 * MIB,
  commitIndexDelayMs: 2_000,
});

/** The defaults with `overrides`. @throws StreamError `invalid-argument`, naming the field. */
export function resolveLaneConfig(overrides: Partial<LaneConfig> = {}): LaneConfig {
  const config = { ...LANE_DEFAULTS, ...overrides };
  requireWithin("tickMs", config.tickMs, 10, 10_000);
  requireWithin("heartbeatTicks", config.heartbeatTicks, 1, 1_000);
  requireWithin("electionTicks", config.electionTicks, config.heartbeatTicks + 1, 10_000);
  requireWithin("livenessMs", config.livenessMs, 10, 60_000);
  requireWithin("supportMs", config.supportMs, 2 * config.livenessMs, 600_000);
  requireWithin("campaignsPerSecond", config.campaignsPerSecond, 1, 1_000_000);
  requireWithin("appendBytesMax", config.appendBytesMax, 1, 4 * MIB);
  requireWithin("proposalBytesMax", config.proposalBytesMax, 1, ENTRY_BYTES_MAX);
  requireWithin(
    "uncommittedBytesMax",
    config.uncommittedBytesMax,
    config.proposalBytesMax,
    Number.MAX_SAFE_INTEGER,
  );
  requireWithin("inflightBytesMax", config.inflightBytesMax, config.appendBytesMax, 1024 * MIB);
  requireWithin("snapshotPartBytes", config.snapshotPartBytes, 1, 8 * MIB);
  requireWithin("snapshotBytesMax", config.snapshotBytesMax, 1, STATE_BYTES_MAX);
  requireWithin("shipAboveEntries", config.shipAboveEntries, 1, Number.MAX_SAFE_INTEGER);
  requireWithin("shipBytesPerSecond", config.shipBytesPerSecond, 4096, Number.MAX_SAFE_INTEGER);
  requireWithin("scrubBytesPerSecond", config.scrubBytesPerSecond, 4096, Number.MAX_SAFE_INTEGER);
  requireWithin("scrubIntervalMs", config.scrubIntervalMs, 0, 366 * 86_400_000);
  requireWithin("fetchesMax", config.fetchesMax, 1, 64);
  return config;
}
