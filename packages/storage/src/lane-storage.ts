import type { StreamError } from "@millrace/base";
import type { GroupLog } from "./group-log.ts";
import type { GroupInit, GroupWrite, LaneIdentity, LaneStats } from "./types.ts";

export interface LaneStorage {
  readonly identity: LaneIdentity;
  readonly failed: StreamError | undefined;
  setClusterId(id: string): Promise<void>;
  groups(): readonly GroupLog[];
  createGroup(init: GroupInit): Promise<GroupLog>;
  dropGroup(groupId: number): Promise<void>;
  submit(writes: readonly GroupWrite[], onDurable: () => void): void;
  onFailure(callback: (error: StreamError) => void): void;
  emptyTrash(olderThanMs: number): Promise<void>;
  stats(): LaneStats;
  close(): Promise<void>;
}
