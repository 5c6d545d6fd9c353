/** The public door of the multi-Raft host. */
export { LANE_DEFAULTS, type LaneConfig } from "./config.ts";
export { Group, type MoveState } from "./group.ts";
export { Lane, type LaneOptions, type LaneStats } from "./lane.ts";
export type {
  AppliedEntry,
  DamagedReplica,
  GroupInit,
  GroupKind,
  GroupMember,
  GroupMembership,
  LinkState,
  PeerTransport,
  ProposalDone,
  ProposedAt,
  ReadDone,
  Role,
  RoleChange,
  StateMachine,
  TrafficClass,
} from "./types.ts";
export { EXCHANGE_PATH, HotPeerTransport, type HotPeerTransportOptions } from "./peer-link.ts";
