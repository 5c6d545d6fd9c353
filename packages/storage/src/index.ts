export type { GroupLog } from "./group-log.ts";
export type { LaneStorage } from "./lane-storage.ts";
export type * from "./types.ts";
