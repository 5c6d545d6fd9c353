/** What a lane needs from the links: one attempt to append, with every way in which it can end. */
import type { StreamError } from "@millrace/base";

import type { Target } from "../routing/leader-cache.ts";

export interface AppendAttempt {
  readonly groupId: number;
  readonly shardEpoch: number;
  readonly expectedTerm: number;
  /** A sealed batch. Not changed while the attempt can still be on its way. */
  readonly batch: Uint8Array;
}

export type AppendResult =
  | {
      readonly kind: "stored";
      readonly baseOffset: number;
      readonly count: number;
      readonly arrivalMs: number;
      readonly term: number;
    }
  | {
      readonly kind: "failed";
      /** Its code says whether the batch may have been stored all the same. */
      readonly error: StreamError;
      /** The link failed, not the far end's judgement: another replica can be asked at once. */
      readonly link: boolean;
    };

/** An attempt under way. */
export interface PendingAppend {
  /** Drops interest: `done` is not called any more. The request itself may still arrive. */
  cancel(): void;
}

export interface AppendPort {
  /** Sends. `done` is called once, later than this call returns. `undefined`: the stream there is full. */
  append(
    target: Target,
    attempt: AppendAttempt,
    done: (result: AppendResult) => void,
  ): PendingAppend | undefined;
  /** Calls `run` once when the full stream to `target` has room again or has ended. */
  whenRoom(target: Target, run: () => void): void;
}
