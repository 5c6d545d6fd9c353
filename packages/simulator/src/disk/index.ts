export type { DiskFault, DiskFaultKind, FaultCount } from "./faults.ts";
export { SimDisk } from "./sim-disk.ts";
export type { DiskEvent, DiskOperation, LatencyMs, PowerCut, SimDiskOptions } from "./sim-disk.ts";
