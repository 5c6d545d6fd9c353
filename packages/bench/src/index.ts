export { LocalCluster, ROOT } from "./local-cluster.ts";
export type { ClusterStatus, LocalClusterOptions } from "./local-cluster.ts";
