import type { Clock, Counter, Random } from "@millrace/base";
import type { MetadataView } from "@millrace/model";

import type { ClientLimits } from "../options.ts";
import type { LeaderCache } from "../routing/leader-cache.ts";
import type { AppendPort } from "./append-port.ts";
import type { Producer } from "./lane-batch.ts";

/** What all lanes of a client share. */
export interface LaneDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly view: Pick<MetadataView, "shardOfGroup">;
  readonly leaders: LeaderCache;
  readonly port: AppendPort;
  readonly producer: Producer;
  readonly limits: ClientLimits;
  readonly counts: { readonly attempts: Counter; readonly retries: Counter };
  /** Calls the lane's `pump` at the end of this turn, so that answers of one turn lead to one batch. */
  pumpSoon(lane: { pump(): void }): void;
}
