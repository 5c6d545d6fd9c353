/** For the tests of the packages that live on a lane. */
export {
  ClusterDisk,
  LaneCluster,
  type LaneClusterOptions,
  type MachineFactory,
} from "./lane-cluster.ts";
export { MemoryNetwork, type MemoryNetworkOptions } from "./memory-network.ts";
export { NodeClock } from "./node-clock.ts";
export { RecordingMachine } from "./recording-machine.ts";
export { History, WatchedMachine } from "./history.ts";
/** For who watches what nodes say to each other. */
export { readFrame } from "../frame-reader.ts";
